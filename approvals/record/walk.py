"""Walking the record line by line: every line sealed, in its place, and following the one before."""

import uuid
from collections.abc import Iterator

from approvals.models import sealing
from approvals.models.event import GENESIS
from approvals.models.sealing import Unreadable
from approvals.record.lines import Finding, Line

UNREADABLE = "its data is nothing that Holdpoint writes: it was changed"
NOT_SEALED = "its seal does not fit: the line was changed or forged, or its key is not among those given"
OLDER_KEY = "it is sealed with an older key than the line before it"
NOT_FIRST = "it is the first line, and says that another came before it"
NOT_FOLLOWING = "it does not follow the line before it: one of the two was changed or put in"
TWICE = "there is a line of this number already"
BEFORE_FIRST = "it stands before the first line"
# Before the first line of a thread: its number, its seal, and the oldest key.
START = (0, GENESIS, 0)


class Walk:
    """Feed it the lines in order, thread by thread."""

    def __init__(self) -> None:
        self.lines = 0
        self.threads = 0
        self._thread: uuid.UUID | None = None
        self._seq, self._mac, self._key = START

    def step(self, line: Line) -> Iterator[Finding]:
        self.lines += 1
        if line.thread != self._thread:
            self.threads += 1
            self._thread = line.thread
            self._seq, self._mac, self._key = START
        for wrong in (*self._place(line), *self._seal(line)):
            yield Finding(line.thread, line.seq, wrong)
        if line.seq > self._seq:
            self._seq, self._mac = line.seq, line.mac

    def _place(self, line: Line) -> Iterator[str]:
        missing = line.seq - self._seq - 1
        if missing > 0:
            lines = f"line {line.seq - 1}" if missing == 1 else f"lines {self._seq + 1} to {line.seq - 1}"
            yield f"{lines} before it missing"
        elif missing < 0:
            yield TWICE if self._seq else BEFORE_FIRST
        elif line.previous_mac != self._mac:
            yield NOT_FOLLOWING if self._seq else NOT_FIRST

    def _seal(self, line: Line) -> Iterator[str]:
        try:
            key = sealing.key_of(line.sealed_text, line.mac)
        except Unreadable:
            yield UNREADABLE
            return
        if key is None:
            yield NOT_SEALED
        elif key < self._key:
            yield OLDER_KEY
        self._key = max(self._key, key or 0)
