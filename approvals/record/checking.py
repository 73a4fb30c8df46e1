"""Checking the record: every line, every row it tells of, and the heads that were kept elsewhere."""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.db import transaction

from approvals.models import Event, EventKind
from approvals.models.event import DESK
from approvals.record.agreement import Agreement, threads_without_lines
from approvals.record.heads import Against, read_heads
from approvals.record.lines import Finding, one_moment, stored_lines
from approvals.record.walk import Walk


class Check:
    """One look at the record, or at one thread of it. The counts are there when `findings` has ended."""

    def __init__(self, *, thread: uuid.UUID | None = None, heads: Iterable[Path] = ()) -> None:
        self._thread = thread
        self._heads = list(heads)
        self.lines = self.threads = self.heads = self.found = 0

    def findings(self) -> Iterator[Finding]:
        """Raises BadHeads before it has looked at anything."""
        heads = (head for head in read_heads(self._heads) if self._thread in (None, head.thread))
        against = Against(heads)
        with one_moment():
            for finding in self._all(against):
                self.found += 1
                yield finding
        self.heads = against.compared

    def _all(self, against: Against) -> Iterator[Finding]:
        walk, agreement = Walk(), Agreement()
        for line in stored_lines(self._thread):
            for part in (walk, agreement, against):
                yield from part.step(line)
        yield from agreement.end()
        yield from against.end()
        yield from threads_without_lines(self._thread)
        self.lines, self.threads = walk.lines, walk.threads


@dataclass(frozen=True)
class LastCheck:
    """The last look at the whole record, as the record itself says."""

    at: datetime
    found: int
    lines: int


def remember(check: Check) -> None:
    """A line of its own for a look at the whole record, so that pages can say when it was."""
    with transaction.atomic():
        Event.append_for_desk(EventKind.RECORD_CHECKED, lines=check.lines, found=check.found, heads=check.heads)


def last_check() -> LastCheck | None:
    """None when there was none, or when its line was not written by Holdpoint."""
    event = Event.objects.filter(thread_id=DESK, kind=EventKind.RECORD_CHECKED).order_by("-seq").first()
    if event is None or not event.is_sealed:
        return None
    return LastCheck(event.at, int(event.data.get("found", 1)), int(event.data.get("lines", 0)))
