"""Going through many threads, a few at a time, with pauses that leave the workers their machine."""

import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone

from approvals.execution.keeping.choosing import PRUNABLE, Wanted, eligible
from approvals.execution.keeping.removing import How, Tally, complete, remove
from approvals.models import Run

FEW = 50
# Work that was due so long ago has no worker free for it.
BEHIND = timedelta(seconds=2)
LONGEST_PAUSE = 30.0


@dataclass(frozen=True)
class Place:
    """Where a walk through the threads has come to."""

    status: str
    at: datetime
    thread_id: uuid.UUID

    def as_json(self) -> dict[str, str]:
        return {"status": self.status, "at": self.at.isoformat(), "thread": str(self.thread_id)}

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> "Place | None":
        if not told:
            return None
        return cls(told["status"], datetime.fromisoformat(told["at"]), uuid.UUID(told["thread"]))


@dataclass
class Pace:
    """`share` of the time is worked at most; less while work waits for a worker."""

    share: float = 0.1
    sleep: Callable[[float], object] = field(default=time.sleep, repr=False)

    def pause_after(self, seconds: float) -> float:
        pause = seconds * (1 - self.share) / self.share
        return min(LONGEST_PAUSE, pause * (4 if _is_behind() else 1))

    def rest(self, seconds: float) -> None:
        self.sleep(self.pause_after(seconds))


def turns(wanted: Wanted, *, after: Place | None = None, few: int = FEW) -> Iterator[tuple[list[uuid.UUID], Place]]:
    """The eligible threads, finished ones first and then the oldest, a few at a time; each set with where it ends."""
    for status in (status for status in PRUNABLE if status in wanted.statuses):
        if after is not None and PRUNABLE.index(status) < [*PRUNABLE].index(after.status):  # type: ignore[arg-type]
            continue
        place = after if after is not None and after.status == status else None
        while rows := _next(wanted, status, place, few):
            place = Place(status, rows[-1][1], rows[-1][0])
            yield [thread_id for thread_id, _ in rows], place


def prune(how: How, *, pace: Pace, on_turn: Callable[[int, Tally], None], few: int = FEW) -> Tally:
    """All that is eligible. May be ended at any moment: the next one goes on with what is left."""
    tally = complete()
    for thread_ids, _ in turns(how.wanted, few=few):
        begun = time.monotonic()
        turn = remove(thread_ids, how)
        tally.add(turn)
        on_turn(len(thread_ids), turn)
        pace.rest(time.monotonic() - begun)
    return tally


def _next(wanted: Wanted, status: str, place: Place | None, few: int) -> list[tuple[uuid.UUID, datetime]]:
    threads = eligible(wanted).filter(status=status).order_by("last_activity_at", "id")
    if place is not None:
        later = Q(last_activity_at__gt=place.at) | Q(last_activity_at=place.at, id__gt=place.thread_id)
        threads = threads.filter(later, last_activity_at__gte=place.at)
    return list(threads.values_list("id", "last_activity_at")[:few])


def _is_behind() -> bool:
    return Run.objects.due().filter(not_before__lt=timezone.now() - BEHIND).exists()
