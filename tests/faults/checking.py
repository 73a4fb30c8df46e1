"""What must be so of a thread, whatever happened to those who worked on it; each broken promise as a sentence."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import connection

from approvals.models import Decision, Event, Interrupt, InterruptStatus, Outbox, Run, Thread, ThreadStatus
from approvals.models.event import GENESIS
from approvals.opened import checkpointer, compiled
from chains.heads import Head, read_head
from tests.faults.journeys import Case

RESTING = (ThreadStatus.PAUSED, ThreadStatus.DONE)
FORKED = """
SELECT checkpoint_ns, parent_checkpoint_id, count(*) FROM checkpoints WHERE thread_id = %s
GROUP BY checkpoint_ns, parent_checkpoint_id HAVING count(*) > 1
"""
SHOWN_TOO_EARLY = """
SELECT i.interrupt_id FROM approvals_interrupt i WHERE NOT EXISTS (
  SELECT 1 FROM checkpoints c WHERE c.thread_id = i.thread_id::text AND c.checkpoint_id = i.checkpoint_id
) OR NOT EXISTS (
  SELECT 1 FROM checkpoint_writes w WHERE w.thread_id = i.thread_id::text AND w.channel = '__interrupt__'
)
"""


def not_durable() -> list[str]:
    """Questions people can see that LangGraph has not saved."""
    return [f"question {row[0]} is shown but not saved" for row in _rows(SHOWN_TOO_EARLY)]


def at_rest(thread: Thread) -> Iterator[str]:
    """Nobody owes it anything, and what people see is what is pending."""
    thread.refresh_from_db()
    if thread.status not in RESTING:
        failed = Run.objects.filter(thread=thread).exclude(error_message="").values_list("error_message", flat=True)
        yield f"the thread is {thread.status}: {list(failed)}"
    if Run.objects.live().filter(thread=thread).exists():
        yield "a run is still live"
    runs = [str(run_id) for run_id in Run.objects.filter(thread=thread).values_list("id", flat=True)]
    if Outbox.objects.filter(key__in=runs, settled_at__isnull=True).exists():
        yield "a doorbell is still owed"
    head = head_of(thread)
    rows = Counter(interrupt.key for interrupt in Interrupt.objects.pending().filter(thread=thread))
    asked = Counter(pending.key for pending in head.pending)
    if rows != asked:
        yield f"people see {sorted(rows)}, pending is {sorted(asked)}"
    yield from _record_is_whole(thread)
    for namespace, parent, number in _rows(FORKED, str(thread.id)):
        yield f"{number} checkpoints follow {parent} in {namespace or 'the root'}"


def finished(thread: Thread, case: Case, *, reference: Counter[str], exact: bool = False) -> Iterator[str]:
    """At its end, with each answer given once and in the place it was meant for.

    `reference` are the effects of an undisturbed journey: without a crash the very same number, with one none besides.
    """
    yield from at_rest(thread)
    if thread.status != ThreadStatus.DONE:
        yield f"the thread ended {thread.status}"
    log = Counter(map(tuple, values_of(thread).get("log", [])))
    if log != Counter((title, title) for title in case.titles):
        yield f"answers are in the wrong places: {sorted(log)}"
    yield from _each_decided_once(thread, len(case.titles))
    found = effects(thread)
    if (found != reference) if exact else (set(found) != set(reference)):
        yield f"effects differ: {sorted((found - reference).elements())}, missing {sorted(reference - found)}"


def _each_decided_once(thread: Thread, questions: int) -> Iterator[str]:
    rows = list(Interrupt.objects.filter(thread=thread))
    applied = Decision.objects.filter(interrupt__thread=thread, applied_at__isnull=False, voided_at__isnull=True)
    if len(rows) != questions or any(row.status != InterruptStatus.APPLIED for row in rows):
        yield f"questions are {[(row.title, row.status) for row in rows]}"
    if applied.count() != questions:
        yield f"{applied.count()} decisions carried out, not {questions}"
    kinds = Counter(Event.objects.filter(thread=thread).values_list("kind", flat=True))
    for kind in ("vote.cast", "decision.made", "decision.applied", "interrupt.raised"):
        if kinds[kind] != questions:
            yield f"the record says {kind} {kinds[kind]} times, not {questions}"
    for kind in ("thread.submitted", "thread.finished"):
        if kinds[kind] != 1:
            yield f"the record says {kind} {kinds[kind]} times"


def _record_is_whole(thread: Thread) -> Iterator[str]:
    previous = GENESIS
    for place, event in enumerate(Event.objects.filter(thread_id=thread.id).order_by("seq"), start=1):
        if event.seq != place:
            yield f"the record goes on with line {event.seq} where {place} belongs"
        if event.previous_mac != previous or event.mac != event.computed_mac():
            yield f"line {event.seq} of the record does not verify"
        previous = event.mac


def effects(thread: Thread) -> Counter[str]:
    return Counter(row[0] for row in _rows("SELECT what FROM fault_effects WHERE thread_id = %s", str(thread.id)))


def head_of(thread: Thread) -> Head:
    with checkpointer().hold(str(thread.id)) as held:
        return read_head(compiled(thread.chain, held.saver, held.graphs), str(thread.id))


def values_of(thread: Thread) -> dict[str, Any]:
    with checkpointer().hold(str(thread.id)) as held:
        graph = compiled(thread.chain, held.saver, held.graphs)
        return dict(graph.get_state({"configurable": {"thread_id": str(thread.id)}}).values)


def told(where: str, found: Iterable[str]) -> list[str]:
    """Each finding with words that let a person cause it again."""
    return [f"{where}: {finding}" for finding in found]


def _rows(query: str, *parameters: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
