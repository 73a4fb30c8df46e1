"""A pytest plugin (`-p tests.services`): PostgreSQL and Redis run before pytest-django reads the settings."""

import atexit
import os
import secrets
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from approvals.embedded import CannotRun, postgres, valkey
from approvals.embedded.processes import stop
from tests.graphs.catalogue import GRAPHS

TEST_CHAINS = ",".join(
    [
        "slow=tests.graphs.slow:graph",
        "streaming=tests.graphs.streaming:graph",
        "editable=tests.graphs.editable:editable",
        "filed=tests.graphs.filed:filed",
        "asynchronous=tests.graphs.asynchronous:graph",
        "claims=tests.graphs.claims:graph",
        "vault=tests.graphs.vault:graph",
        "outside=tests.graphs.outside:graph",
        "leaky=tests.graphs.leaky:graph",
        *(f"golden_{name}=tests.graphs.golden:{name}" for name in ("nested", "beside", "bound", "typed", "failing")),
        *(f"{name}={path}" for name, path in GRAPHS),
        *(
            f"refusing_{kind}=tests.graphs.refusing:refusing_{kind}"
            for kind in ("open", "schema", "legacy", "batch", "call")
        ),
        "stopping=tests.graphs.stopping:before",
        *(f"{name}=tests.graphs.walked:{name}" for name in ("nested", "beside")),
        *(f"{name}=tests.graphs.calling:{name}" for name in ("paying", "paying_then_asking")),
        *(
            f"{name}=tests.graphs.awkward:{name}"
            for name in (
                "failing",
                "shaky",
                "shaky_after_asking",
                "shaky_beside_asking",
                "restless",
                "twice",
                "picky",
                "parallel",
            )
        ),
    ]
)
UNSAFE_AND_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=300")

running = ExitStack()
atexit.register(running.close)  # for an end so early that pytest does not call pytest_unconfigure


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    options = early_config.known_args_namespace
    if not (options.help or options.version):
        _set_environment()
        try:
            _start_what_is_not_named()
        except CannotRun as error:
            raise pytest.UsageError(str(error)) from error
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    running.close()


def _set_environment() -> None:
    """The same for everyone: what a developer has set for the Holdpoint they run is not for tests."""
    for name in [name for name in os.environ if name.startswith("HOLDPOINT_")]:
        del os.environ[name]
    os.environ["HOLDPOINT_SECRET_KEY"] = secrets.token_urlsafe(50)
    os.environ["HOLDPOINT_LOCAL"] = "1"
    os.environ["HOLDPOINT_MODEL"] = "offline"
    os.environ["HOLDPOINT_CHAINS"] = TEST_CHAINS


def _start_what_is_not_named() -> None:
    var = Path(running.enter_context(tempfile.TemporaryDirectory(prefix="holdpoint-tests-")))
    var.chmod(0o711)  # root's PostgreSQL runs as another user, who walks through here
    if not os.environ.get("REDIS_URL"):
        found = shutil.which(os.environ.get("REDIS_SERVER") or "redis-server")
        redis = valkey.start(var, executable=Path(found) if found else None)
        running.callback(stop, redis.child)
        valkey.wait_until_ready(redis)
        os.environ["REDIS_URL"] = redis.url
    if not os.environ.get("DATABASE_URL"):
        options = [part for option in UNSAFE_AND_QUICK for part in ("-c", option)]
        database = postgres.start(var, options=options, sync=False, elsewhere=var / "elsewhere")
        running.callback(stop, database.child)
        postgres.wait_until_ready(database)
        os.environ["DATABASE_URL"] = database.url
