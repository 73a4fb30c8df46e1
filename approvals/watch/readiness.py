"""Whether everything is there that requests need to be carried on. Asked of a system that may be broken or hang."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from redis import Redis

from approvals.models import Beat
from approvals.models.beat import ANSWERED, SWEPT
from approvals.opened import checkpointer
from approvals.watch.probes import Probe, answers

# Seconds: for the whole answer, and for which it is given again.
WITHIN = 1.8
FRESH = 1.0
SILENT = "gave no answer in time"
LONGEST = 300


@dataclass(frozen=True)
class Check:
    """`said` may name hosts and quote errors: it is for operators only."""

    name: str
    passed: bool
    said: str
    seconds: float = 0.0


def checks() -> list[Check]:
    """Always one of each name, in the same order, within two seconds."""
    found = answers(PROBES, within=WITHIN)
    told = {check.name: check for checked in found for check in checked or []}
    return [told.get(name, Check(name, False, SILENT)) for name in NAMES]


def _of_database() -> list[Check]:
    """In one go, on one connection."""
    return [
        _check("database", _asks_database),
        _check("migrations", _has_migrations),
        _check("worker", _has_answered),
        _check("sweep", _has_swept),
    ]


def _of_redis() -> list[Check]:
    return [_check("redis", _asks_redis)]


def _of_saver() -> list[Check]:
    return [_check("saver", _asks_saver)]


class NotSo(Exception):
    """A check that did not pass, in words."""


def _check(name: str, ask: Callable[[], str]) -> Check:
    """Whatever goes wrong, it did not pass: a saver may be anybody's, and raise anything."""
    begun = time.monotonic()
    try:
        passed, said = True, ask()
    except NotSo as error:
        passed, said = False, str(error)
    except Exception as error:
        said, passed = f"{type(error).__name__}: {error}", False
    return Check(name, passed, " ".join(said.split())[:LONGEST], round(time.monotonic() - begun, 4))


def _asks_database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "answers"


def _has_migrations() -> str:
    """Those of a newer release, beside which this one may run for a while, are no reason to refuse."""
    known = set(MigrationLoader(None, ignore_no_migrations=True).disk_migrations)
    missing = known - MigrationRecorder(connection).applied_migrations().keys()
    if missing:
        raise NotSo(f"{len(missing)} migrations are missing. Run manage.py migrate.")
    return "all applied"


def _has_answered() -> str:
    age, limit = Beat.age(ANSWERED), settings.HOLDPOINT_WORKER_SILENT_SECONDS
    if age is None or age > limit:
        raise NotSo(f"No worker has answered a doorbell {_since(age)}. Start one, or see what keeps all of them busy.")
    return f"answered a doorbell {age:.0f} s ago"


def _has_swept() -> str:
    age = Beat.age(SWEPT)
    if age is None or age > longest_sweep_lag():
        raise NotSo(f"Nobody has swept {_since(age)}. A worker does that while it runs.")
    return f"swept {age:.0f} s ago"


def longest_sweep_lag() -> float:
    return max(settings.HOLDPOINT_WORKER_SILENT_SECONDS / 2, 5 * settings.HOLDPOINT_SWEEP_SECONDS)


def _asks_redis() -> str:
    Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1).ping()
    return "answers"


def _asks_saver() -> str:
    with checkpointer().read() as reading:
        reading.saver.get_tuple({"configurable": {"thread_id": "readiness", "checkpoint_ns": ""}})
    return "reads"


def _since(age: float | None) -> str:
    return "yet" if age is None else f"for {age:.0f} s"


NAMES = ("database", "migrations", "redis", "saver", "worker", "sweep")
PROBES = (
    Probe("database", _of_database, fresh=FRESH),
    Probe("redis", _of_redis, fresh=FRESH),
    Probe("saver", _of_saver, fresh=FRESH),
)
