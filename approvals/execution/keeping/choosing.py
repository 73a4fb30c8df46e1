"""Which threads' checkpoints may be removed: those that have ended, or failed, and that nobody is asked about."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from approvals.models import Interrupt, Removal, RemovalStatus, Run, Thread, ThreadStatus

# Finished first. Those that wait, run or are about to are never touched.
PRUNABLE = (ThreadStatus.DONE, ThreadStatus.CANCELLED, ThreadStatus.FAILED)
FINISHED = (ThreadStatus.DONE, ThreadStatus.CANCELLED)


@dataclass(frozen=True)
class Wanted:
    """Threads that nothing has happened to since `before`; of all chains unless one is named."""

    before: datetime
    statuses: tuple[ThreadStatus, ...] = FINISHED
    chain: str = ""
    keep_latest: bool = True
    thread_ids: tuple[uuid.UUID, ...] = ()

    def __post_init__(self) -> None:
        if not set(self.statuses) <= set(PRUNABLE):
            raise ValueError("Only threads that are done, stopped or failed can be chosen.")


def eligible(wanted: Wanted, *, removed_too: bool = False) -> "QuerySet[Thread]":
    """`removed_too`: those as well of which nothing would be left to remove."""
    live = Run.objects.live().filter(thread=OuterRef("pk"))
    asked = Interrupt.objects.pending().filter(thread=OuterRef("pk"))
    threads = Thread.objects.filter(status__in=wanted.statuses, last_activity_at__lt=wanted.before)
    threads = threads.exclude(Exists(live)).exclude(Exists(asked))
    if wanted.chain:
        threads = threads.filter(chain=wanted.chain)
    if wanted.thread_ids:
        threads = threads.filter(id__in=wanted.thread_ids)
    return threads if removed_too else threads.filter(_has_something_left(wanted))


def _has_something_left(wanted: Wanted) -> Q:
    """What was brought back from the archive stays for as long again."""
    brought_back = Q(removal__status=RemovalStatus.RETURNED, removal__finished_at__gte=wanted.before)
    return Removal.still_to_do(keep_latest=wanted.keep_latest) & ~brought_back
