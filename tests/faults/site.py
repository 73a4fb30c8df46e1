"""Site: a PostgreSQL and a Redis of the campaign's own, Holdpoint's tables on them, and processes on demand."""

import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from approvals.embedded import postgres, valkey
from approvals.embedded.processes import Server, stop

# Crashes must find what a crash would find: unlike in the other tests, PostgreSQL writes through to the disk.
DATABASE_OPTIONS = ("-c", "max_connections=300")
CHAINS = {
    "asks": "tests.faults.graphs:asks",
    **{
        name: f"tests.faults.graphs:{name}"
        for name in ("asks_raw", "twice", "bound_twice", "thrice", "loop", "parallel", "fan", "nested", "restless")
    },
    "pays": "tests.faults.paying:pays",
    "payments": "tests.faults.graphs_slow:payments",
}


@dataclass
class Site:
    """`database` and `redis` are replaced when a campaign starts them anew; their addresses must stay the same."""

    directory: Path
    database: Server
    redis: Server
    short: bool


@contextmanager
def open_site(directory: Path, *, short: bool) -> Iterator[Site]:
    """Servers running and the environment set; Django may be set up after this, not before."""
    directory.chmod(0o711)
    with ExitStack() as running:
        redis = valkey.start(directory)
        running.callback(lambda: stop(site.redis.child))
        database = postgres.start(directory, options=DATABASE_OPTIONS, sync=False, elsewhere=directory / "elsewhere")
        running.callback(lambda: stop(site.database.child))
        valkey.wait_until_ready(redis)
        postgres.wait_until_ready(database)
        site = Site(directory, database, redis, short)
        _set_environment(site)
        yield site


def _set_environment(site: Site) -> None:
    for name in [name for name in os.environ if name.startswith("HOLDPOINT_")]:
        del os.environ[name]
    os.environ |= {
        "DATABASE_URL": site.database.url,
        "REDIS_URL": site.redis.url,
        "DJANGO_SETTINGS_MODULE": "approvals.settings",
        "HOLDPOINT_SECRET_KEY": secrets.token_urlsafe(50),
        "HOLDPOINT_LOCAL": "1",
        "HOLDPOINT_MODEL": "offline",
        "HOLDPOINT_CHAINS": ",".join(f"{name}={path}" for name, path in CHAINS.items()),
    }
