"""After a backup was put back: whatever was unfinished then is held until an operator has looked at it.

The backup does not know what was decided, applied and done in the world after it was taken. So nothing that could have
gone on since may go on by itself, and nobody is asked a second time before somebody has looked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import QuerySet

from approvals import broadcasts
from approvals.models import Decision, Event, EventKind, Hold, Interrupt, Outbox, Run, RunStatus, Thread, ThreadStatus
from approvals.models.thread import ENDED

# Higher than any that was given out since the backup, which is not known here: a run is not claimed more often than
# once in a second, and the seconds since 2026 are more with each time a backup is put back.
BUMP = """
UPDATE approvals_run SET
    generation = greatest(generation + 1, extract(epoch FROM now() - timestamptz '2026-01-01')::int),
    status = 'pending', attempt = 0, lease_owner = '', lease_backend = NULL, lease_expires_at = NULL
WHERE status IN ('pending', 'running')
"""


@dataclass(frozen=True)
class Kept:
    """What is held, and what would be done with it."""

    thread: Thread
    would: list[str]


def hold_unfinished(backup_at: datetime) -> list[Thread]:
    """In the transaction that brings the rows back; the threads that are held from now on."""
    with connection.cursor() as cursor:
        cursor.execute(BUMP)
    Thread.objects.filter(status=ThreadStatus.RUNNING).update(status=ThreadStatus.QUEUED)
    unfinished = Thread.objects.exclude(status__in=ENDED)
    with_work = Thread.objects.filter(id__in=Run.objects.live().values("thread_id"))
    held = []
    for thread_id in (unfinished | with_work).order_by("created_at", "id").values_list("id", flat=True):
        thread = Thread.objects.locked(thread_id)
        Hold.objects.update_or_create(thread=thread, defaults={"backup_at": backup_at})
        Event.append(thread, EventKind.THREAD_HELD, backup_at=backup_at.isoformat())
        held.append(thread)
    return held


def holds() -> QuerySet[Hold]:
    """Of those that were stopped meanwhile, nothing is left to look at."""
    waiting = Hold.objects.exclude(thread__status__in=ENDED)
    return waiting.select_related("thread").order_by("thread__created_at", "thread_id")


def held_back() -> Iterator[Kept]:
    for hold in holds():
        yield Kept(hold.thread, list(_would(hold.thread)))


def release(hold: Hold, *, by: User | None = None) -> bool:
    """False: it was not held any more."""
    with transaction.atomic():
        thread = Thread.objects.locked(hold.thread_id)
        if not Hold.objects.filter(thread=thread).delete()[0]:
            return False
        Event.append(thread, EventKind.THREAD_RELEASED, by=by)
        for run in Run.objects.live().filter(thread=thread):
            Outbox.owe_again(run.id, delay=timedelta())
    broadcasts.thread_changed(thread)
    return True


def _would(thread: Thread) -> Iterator[str]:
    for decision in Decision.objects.to_apply(thread.id).order_by("decided_at"):
        who = decision.decided_by_name or "the policy"
        yield f"carry out: {decision.verdict} by {who} at {decision.decided_at:%Y-%m-%d %H:%M:%S}"
    for run in Run.objects.live().filter(thread=thread, status=RunStatus.PENDING):
        yield f"run: {run.kind}"
    for question in Interrupt.objects.open().filter(thread=thread).order_by("created_at"):
        yield f"ask: {question.title or question.node}"
