"""What the database says, for Prometheus: few queries, each on an index, asked again after some seconds at most."""

from collections.abc import Iterable, Iterator
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from approvals.models import LIVE_RUNS, RunStatus, ThreadStatus
from approvals.models.thread import ENDED
from approvals.opened import registry
from approvals.watch.probes import Probe, answers
from approvals.watch.readiness import checks

log = structlog.get_logger(__name__)

# Seconds: how long an answer is given again, how long the database has for all of them, and we for its answer.
FRESH = 5.0
STATEMENT = 2.0
WITHIN = 3.0
MOST_CHAINS = 200
UNDER_WAY = (ThreadStatus.QUEUED, ThreadStatus.RUNNING, ThreadStatus.PAUSED, ThreadStatus.FAILED)

THREADS = "SELECT chain, status, count(*) FROM approvals_thread WHERE status = ANY(%s) GROUP BY 1, 2"
THREADS_ENDED = """
SELECT chain, status, count(*) FROM approvals_thread
WHERE status = ANY(%s) AND last_activity_at > now() - interval '1 hour' GROUP BY 1, 2
"""
# On the index of live runs, of which a thread has one at most.
RUNS = """
SELECT thread.chain, run.status, count(*) FROM approvals_run run JOIN approvals_thread thread ON thread.id = thread_id
WHERE run.status IN ('pending', 'running') GROUP BY 1, 2
"""
QUEUE_AGE = """
SELECT thread.chain, extract(epoch FROM now() - min(run.not_before))::float
FROM approvals_run run JOIN approvals_thread thread ON thread.id = thread_id
WHERE run.status = 'pending' AND run.not_before <= now() GROUP BY 1
"""
QUESTIONS = """
SELECT thread.chain, count(*), extract(epoch FROM now() - min(asked.created_at))::float,
count(*) FILTER (WHERE asked.due_at < now()),
coalesce(extract(epoch FROM now() - min(asked.due_at) FILTER (WHERE asked.due_at < now())), 0)::float
FROM approvals_interrupt asked JOIN approvals_thread thread ON thread.id = thread_id
WHERE asked.status = 'open' GROUP BY 1
"""
OUTBOX = """
SELECT count(*), coalesce(extract(epoch FROM now() - min(due_at) FILTER (WHERE due_at < now())), 0)::float
FROM approvals_outbox WHERE settled_at IS NULL
"""
TIME_TO_DECISION = """
SELECT chain, percentile_cont(ARRAY[0.5, 0.9, 0.99]) WITHIN GROUP (ORDER BY seconds), count(*) FROM (
    SELECT thread.chain, extract(epoch FROM made.decided_at - asked.created_at)::float AS seconds
    FROM approvals_decision made JOIN approvals_interrupt asked ON asked.id = made.interrupt_id
    JOIN approvals_thread thread ON thread.id = asked.thread_id
    WHERE made.decided_at > now() - interval '1 day' ORDER BY made.decided_at DESC, made.id DESC LIMIT 1000
) recent GROUP BY 1
"""
LOCK_WAITS = """
SELECT count(*) FROM pg_locks WHERE NOT granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
BEATS = "SELECT name, extract(epoch FROM clock_timestamp() - at)::float FROM approvals_beat"

Table = list[tuple[Any, ...]]
Found = dict[str, Table]


class Rows(Collector):
    """The rows are those of all processes: every web process gives the same ones."""

    def __init__(self) -> None:
        self._probe: Probe[Found | None] = Probe("rows", read, fresh=FRESH)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        passed = _family("check", "Whether a check of /readyz passes", ["check"])
        for check in checks():
            passed.add_metric([check.name], float(check.passed))
        yield passed
        (found,) = answers([self._probe], within=WITHIN)
        readable = _family("rows_readable", "Whether what follows could be read", [])
        readable.add_metric([], float(found is not None))
        yield readable
        if found is not None:
            yield from _families(found)


def read() -> Found | None:
    """None when the database does not answer, or not in time."""
    asked: dict[str, tuple[str, tuple[Any, ...]]] = {
        "threads": (THREADS, ([*UNDER_WAY],)),
        "ended": (THREADS_ENDED, ([*ENDED],)),
        "runs": (RUNS, ()),
        "queue_age": (QUEUE_AGE, ()),
        "questions": (QUESTIONS, ()),
        "outbox": (OUTBOX, ()),
        "decisions": (TIME_TO_DECISION, ()),
        "locks": (LOCK_WAITS, ()),
        "beats": (BEATS, ()),
    }
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT * 1000:.0f}")
            return {name: _all(cursor, query, values) for name, (query, values) in asked.items()}
    except DatabaseError as error:
        log.warning("figures could not be read", error=error)
        return None


def _all(cursor: Any, query: str, values: tuple[Any, ...]) -> Table:
    cursor.execute(query, values or None)
    return list(cursor.fetchall())


def _families(found: Found) -> Iterator[GaugeMetricFamily]:
    chains = _chains(found)
    yield _by_state("threads", "Threads that have not ended", found["threads"], chains, UNDER_WAY)
    yield _by_state("threads_ended_last_hour", "Threads that ended in the last hour", found["ended"], chains, ENDED)
    yield _by_state("runs", "Runs that have not ended", found["runs"], chains, LIVE_RUNS)
    yield _by_chain("queue_age_seconds", "How long the oldest due run has waited", found["queue_age"], chains)
    asked = found["questions"]
    yield _by_chain("questions_open", "Questions that wait", asked, chains)
    yield _by_chain("question_oldest_seconds", "How long the oldest has waited", asked, chains, column=2)
    yield _by_chain("questions_overdue", "Of those, past their limit", asked, chains, column=3)
    yield _by_chain("question_overdue_seconds", "How far the furthest is past its limit", asked, chains, column=4)
    yield from _of_decisions(found["decisions"])
    yield _alone("outbox_owed", "Doorbells owed and not yet heard", found["outbox"][0][0])
    yield _alone("outbox_late_seconds", "How long the oldest of those is due", found["outbox"][0][1])
    yield _alone("database_lock_waits", "Statements that wait for a lock now", found["locks"][0][0])
    beats: dict[str, float] = dict(found["beats"])
    for beat, name, said in (
        ("swept", "sweep_lag_seconds", "Since the last sweep"),
        ("answered", "worker_answered_seconds", "Since a worker answered a doorbell"),
    ):
        if beat in beats:
            yield _alone(name, said, beats[beat])


def _of_decisions(rows: Table) -> Iterator[GaugeMetricFamily]:
    times = _family("time_to_decision_seconds", "From question to decision, of the last day", ["chain", "quantile"])
    counts = _family("decisions_last_day", "Decisions of the last day, 1000 in all at most", ["chain"])
    for chain, quantiles, count in rows[:MOST_CHAINS]:
        counts.add_metric([chain], count)
        for quantile, seconds in zip(("0.5", "0.9", "0.99"), quantiles, strict=True):
            times.add_metric([chain, quantile], seconds)
    yield times
    yield counts


def _chains(found: Found) -> list[str]:
    """Those registered, with a zero where there is nothing, and any others that have rows."""
    known = [*registry().names(), *registry().broken]
    others = {row[0] for name in ("threads", "ended", "runs", "questions") for row in found[name]} - set(known)
    return [*known, *sorted(others)][:MOST_CHAINS]


def _by_state(
    name: str, said: str, rows: Table, chains: list[str], states: Iterable[RunStatus | ThreadStatus]
) -> GaugeMetricFamily:
    counts = {(chain, state): count for chain, state, count in rows}
    family = _family(name, said, ["chain", "state"])
    for chain in chains:
        for state in states:
            family.add_metric([chain, state.value], counts.get((chain, state.value), 0))
    return family


def _by_chain(name: str, said: str, rows: Table, chains: list[str], *, column: int = 1) -> GaugeMetricFamily:
    values = {row[0]: row[column] for row in rows}
    family = _family(name, said, ["chain"])
    for chain in chains:
        family.add_metric([chain], max(0.0, float(values.get(chain, 0))))
    return family


def _alone(name: str, said: str, value: float) -> GaugeMetricFamily:
    family = _family(name, said, [])
    family.add_metric([], max(0.0, float(value)))
    return family


def _family(name: str, said: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"holdpoint_{name}", said, labels=labels)
