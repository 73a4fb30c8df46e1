"""Heads: the last line of each thread, in a file that is kept elsewhere. Only against one is a cut-off end found."""

import hmac
import itertools
import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from heapq import merge
from pathlib import Path
from typing import Any, BinaryIO

from django.utils import timezone

from approvals.models import Event, sealing
from approvals.record.lines import AT_ONCE, Finding, Line, one_moment

FORMAT = "holdpoint heads 1"
CUT_OFF = "it was the last line once, as a kept head says, and is missing: the end was cut off"
REPLACED = "it is not the line that a kept head names: the record was written anew"
# A line tells the time its transaction began; it may be there only a while later.
OVERLAP = timedelta(hours=1)


class BadHeads(Exception):
    """This file of heads was changed, is not whole, or was sealed with a key that is not among those given."""


@dataclass(frozen=True, order=True)
class Head:
    thread: uuid.UUID
    seq: int
    mac: str


def write_heads(to: BinaryIO, *, since: datetime | None = None) -> int:
    """The heads of all threads, or of those with lines `since` then. Returns how many; the file ends with its seal."""
    hasher = hmac.new(sealing.all_keys()[-1], digestmod=sha256)
    written = 0
    with one_moment():
        for fields in itertools.chain([_title(since)], map(_fields, _heads(since))):
            line = json.dumps(fields).encode() + b"\n"
            hasher.update(line)
            to.write(line)
            written += 1
    to.write(json.dumps({"heads": written - 1, "mac": hasher.hexdigest()}).encode() + b"\n")
    return written - 1


def read_heads(paths: Iterable[Path]) -> Iterator[Head]:
    """Of several files, in the order of the record. Each file is checked as a whole first. Raises BadHeads, OSError."""
    files = list(paths)
    for path in files:
        _check(path)
    return merge(*(_read(path) for path in files))


class Against:
    """Compares lines, as they come by in order, with heads in the same order."""

    def __init__(self, heads: Iterator[Head]) -> None:
        self._heads = heads
        self._next = next(heads, None)
        self.compared = 0

    def step(self, line: Line) -> Iterator[Finding]:
        yield from self._pass((line.thread, line.seq))
        while self._next is not None and (self._next.thread, self._next.seq) == (line.thread, line.seq):
            if not hmac.compare_digest(self._next.mac.encode(), line.mac.encode()):
                yield Finding(line.thread, line.seq, REPLACED)
            self._advance()

    def end(self) -> Iterator[Finding]:
        yield from self._pass(None)

    def _pass(self, place: tuple[uuid.UUID, int] | None) -> Iterator[Finding]:
        """Heads that the lines have passed without meeting them."""
        while self._next is not None and (place is None or (self._next.thread, self._next.seq) < place):
            yield Finding(self._next.thread, self._next.seq, CUT_OFF)
            self._advance()

    def _advance(self) -> None:
        self.compared += 1
        self._next = next(self._heads, None)


def _title(since: datetime | None) -> dict[str, Any]:
    return {"format": FORMAT, "at": timezone.now().isoformat(), "since": since.isoformat() if since else None}


def _fields(head: Head) -> dict[str, Any]:
    return {"thread": str(head.thread), "seq": head.seq, "mac": head.mac}


def _heads(since: datetime | None) -> Iterator[Head]:
    lines = Event.objects.all()
    if since is not None:
        changed = Event.objects.filter(at__gte=since - OVERLAP).order_by().values("thread_id").distinct()
        lines = lines.filter(thread_id__in=changed)
    last = lines.order_by("thread_id", "-seq").distinct("thread_id").values_list("thread_id", "seq", "mac")
    return (Head(*row) for row in last.iterator(chunk_size=AT_ONCE))


def _check(path: Path) -> None:
    hashers = [hmac.new(key, digestmod=sha256) for key in sealing.all_keys()]
    last = b""
    with path.open("rb") as file:
        for line in file:
            for hasher in hashers if last else ():
                hasher.update(last)
            last = line
    mac = str(_object(last).get("mac", ""))
    if not any(hmac.compare_digest(hasher.hexdigest().encode(), mac.encode()) for hasher in hashers):
        raise BadHeads(f"{path}: {BadHeads.__doc__}")


def _read(path: Path) -> Iterator[Head]:
    """Everything between the title and the seal."""
    with path.open("rb") as file:
        for line in file:
            found = _object(line)
            if "thread" in found:
                yield Head(uuid.UUID(found["thread"]), int(found["seq"]), str(found["mac"]))


def _object(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
