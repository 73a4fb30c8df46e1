"""What must be so before a worker may start, and what an operator wants to know: each check with its sentence."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version

import psycopg
import structlog
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import CharField, Count, F, Func, Value
from langgraph.checkpoint.serde import _msgpack
from packaging.version import Version
from redis import Redis
from redis.exceptions import RedisError

from approvals.execution.keeping.told import retention_problem, retention_told
from approvals.execution.moving_places import keeps_workers_waiting
from approvals.models import Interrupt, Thread
from approvals.models.thread import ENDED
from approvals.opened import checkpointer, langgraph_json, registry
from chains.checkpointers import BadPlace, SaverFailed
from chains.registry import BadLanggraphJson, BrokenChain, UnknownChain

log = structlog.get_logger(__name__)

# The oldest releases whose behaviour was measured, all past the advisories known for them.
FLOORS = {
    "langgraph": "1.2.22",
    "langgraph-checkpoint": "4.3.2",
    "langgraph-checkpoint-postgres": "3.2.0",
    "langgraph-checkpoint-sqlite": "3.1.2",
    "langchain-core": "1.4.9",
    "celery": "5.7.0",
    "kombu": "5.7.0",
    "django": "5.2.19",
}

FENCED = {
    True: "A worker whose lock was taken from it can write no more.",
    False: "Not fenced: a worker that was frozen in the middle of a write may finish it after another took over. "
    "PostgreSQL is fenced.",
}


@dataclass(frozen=True)
class Finding:
    """`sentence` says what is so, or what is wrong and what to do. Only some findings keep a worker from starting."""

    name: str
    passed: bool
    sentence: str
    refuses: bool = True


class NotFit(RuntimeError):
    """A worker must not start like this."""


def examine() -> list[Finding]:
    """Every check, passed and failed; one that cannot be made counts as failed."""
    return [finding for check in CHECKS for finding in check()]


def refuse_unfit() -> None:
    """Raises NotFit with a sentence for each finding that refuses; the others go to the log."""
    wrong = [finding for finding in examine() if not finding.passed]
    for finding in wrong:
        if not finding.refuses:
            log.warning("doctor warns", name=finding.name, why=finding.sentence)
    refusing = [finding.sentence for finding in wrong if finding.refuses]
    if refusing:
        raise NotFit(" ".join(refusing))


def _versions() -> Iterator[Finding]:
    for package, floor in FLOORS.items():
        found = version(package)
        passed = Version(found) >= Version(floor)
        wanted = "" if passed else f", older than {floor}. Install the versions of requirements.lock."
        yield Finding("versions", passed, f"{package} is {found}{wanted}")


def _strict() -> Iterator[Finding]:
    passed = bool(_msgpack.STRICT_MSGPACK_ENABLED)
    bad = "Checkpoints could run code: LangGraph was imported before LANGGRAPH_STRICT_MSGPACK was set. Set it to true."
    yield Finding("strict checkpoints", passed, "Checkpoints are read strictly." if passed else bad)


def _database() -> Iterator[Finding]:
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        said = "The tables are up to date." if not missing else "Tables are missing. Run manage.py migrate."
        yield Finding("database", not missing, said)
    except DatabaseError as error:
        yield Finding("database", False, f"The database does not answer: {error}. Check DATABASE_URL.")


def _checkpoints() -> Iterator[Finding]:
    try:
        wrong, kind = checkpointer().problems(), checkpointer().label
    except BadPlace as error:
        yield Finding("checkpoints", False, f"HOLDPOINT_CHECKPOINTS cannot be used. {error}")
        return
    except (psycopg.Error, sqlite3.Error, SaverFailed, OSError) as error:
        yield Finding("checkpoints", False, f"The checkpoints cannot be reached: {error}. Check HOLDPOINT_CHECKPOINTS.")
        return
    for sentence in wrong:
        yield Finding("checkpoints", False, sentence)
    if not wrong:
        yield Finding("checkpoints", True, f"The checkpoints are ready, in {kind}.")
    yield Finding("fence", checkpointer().is_fenced, FENCED[checkpointer().is_fenced], refuses=False)


def _lock() -> Iterator[Finding]:
    """Advisory locks do not survive PgBouncer in transaction mode, and nothing else would say so."""
    try:
        passed = checkpointer().lock_holds()
    except (BadPlace, SaverFailed):
        return  # said already
    except psycopg.Error as error:
        yield Finding("thread lock", False, f"The thread lock could not be tried: {error}.")
        return
    bad = "The thread lock does not hold: let workers connect to PostgreSQL directly, not through a transaction pooler."
    yield Finding("thread lock", passed, "The thread lock holds." if passed else bad)


def _redis() -> Iterator[Finding]:
    """A warning only: without Redis the sweep still finds the work once it is back."""
    try:
        Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2).ping()
        yield Finding("redis", True, "Redis answers.", refuses=False)
    except RedisError as error:
        yield Finding("redis", False, f"Redis does not answer: {error}. Check REDIS_URL.", refuses=False)


def _chains() -> Iterator[Finding]:
    """A broken chain fails its own threads; the others go on."""
    try:
        langgraph_json()
    except BadLanggraphJson as error:
        yield Finding(
            "chains", False, f"None of the chains of HOLDPOINT_LANGGRAPH_JSON is here. {error}", refuses=False
        )
    for name in (*registry().names(), *registry().broken):
        try:
            registry().compile(name)
            yield Finding("chains", True, f"The chain {name} compiles.", refuses=False)
        except BrokenChain as error:
            yield Finding("chains", False, f"The chain {name} cannot be used: {error}", refuses=False)


def _waiting() -> Iterator[Finding]:
    """Threads that could not be carried on: a name or a node they need is gone."""
    try:
        lost = [*_of_lost_chains(), *_at_lost_nodes()]
    except DatabaseError:
        return  # said already
    for sentence in lost:
        yield Finding("waiting threads", False, sentence, refuses=False)
    if not lost:
        yield Finding("waiting threads", True, "Every thread that waits has its chain and its node.", refuses=False)


def _of_lost_chains() -> Iterator[str]:
    known = {*registry().names(), *registry().broken}
    using = Thread.objects.exclude(status__in=ENDED).exclude(chain__in=known)
    for name, count in using.values_list("chain").annotate(Count("id")).order_by("chain"):
        yield f"{count} unfinished of the chain {name}, which is not registered. Register it again under that name."


def _at_lost_nodes() -> Iterator[str]:
    """Questions of subgraphs wait at the node that runs the subgraph: their namespace begins with its name."""
    outermost = Func(F("namespace"), Value(":"), Value(1), function="split_part", output_field=CharField())
    places = Interrupt.objects.pending().annotate(place=outermost, chain=F("thread__chain"))
    fields = ("chain", "thread__chain_version", "place", "node")
    for name, started_on, place, node, count in places.values_list(*fields).annotate(Count("id")).order_by(*fields):
        with suppress(UnknownChain, BrokenChain):  # said already
            if (place or node) not in registry().compile(name).nodes:
                yield (
                    f"{count} of the chain {name}, started on version {started_on}, at the node {place or node}, "
                    "which its graph no longer has. Bring the node back under its old name."
                )


def _going_on() -> Iterator[Finding]:
    """A move or a restore that was killed leaves workers waiting, and nothing else would say why."""
    try:
        reasons = list(keeps_workers_waiting())
    except (BadPlace, DatabaseError):
        return  # said already
    for sentence in reasons:
        yield Finding("going on", False, sentence, refuses=False)
    if not reasons:
        yield Finding("going on", True, "No move and no restore keeps workers waiting.", refuses=False)


def _retention() -> Iterator[Finding]:
    try:
        wrong = retention_problem()
        yield Finding("retention", not wrong, wrong or retention_told(), refuses=False)
    except DatabaseError:
        return  # said already


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _versions,
    _strict,
    _database,
    _checkpoints,
    _lock,
    _redis,
    _chains,
    _waiting,
    _going_on,
    _retention,
)
