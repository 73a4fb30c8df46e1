"""The only status words people see, each with its icon and tone."""

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Subquery

from approvals.models import Decision, Hold, Thread, ThreadStatus, Verdict
from approvals.models.thread import ThreadQuerySet


@dataclass(frozen=True)
class Word:
    text: str
    tone: str
    icon: str


WORDS = {
    ThreadStatus.QUEUED: Word("Waiting to start", "exp", "clock"),
    ThreadStatus.RUNNING: Word("Working", "run", "dot"),
    ThreadStatus.PAUSED: Word("Needs review", "review", "pause"),
    ThreadStatus.DONE: Word("Done", "done", "check"),
    ThreadStatus.FAILED: Word("Failed", "fail", "warn"),
    ThreadStatus.CANCELLED: Word("Stopped", "exp", "clock-off"),
}
UNDER_WAY = (ThreadStatus.QUEUED, ThreadStatus.RUNNING, ThreadStatus.PAUSED)
REJECTED = Word("Rejected", "rej", "ban")
HELD = Word("Held", "review", "clock-off")


def with_standing(threads: ThreadQuerySet) -> ThreadQuerySet:
    """Threads that know how the last question on them was decided and whether they are held, as `word_of` wants."""
    carried_out = Decision.objects.filter(interrupt__thread=OuterRef("pk"), voided_at__isnull=True)
    newest = carried_out.order_by("-decided_at", "-id").values("verdict")[:1]
    return threads.annotate(last_verdict=Subquery(newest), is_held=Exists(Hold.objects.filter(thread=OuterRef("pk"))))


def word_of(thread: Thread) -> Word:
    """A person's "no" is a decision, not an error, and not plain "Done" either. What is held goes nowhere, whatever it
    was doing when the backup was taken.
    """
    if getattr(thread, "is_held", False) and thread.status in UNDER_WAY:
        return HELD
    if thread.status == ThreadStatus.DONE and getattr(thread, "last_verdict", None) == Verdict.REJECT:
        return REJECTED
    return WORDS[ThreadStatus(thread.status)]
