"""Whether the record and the rows it tells of still agree: every row has its line, and every line its row."""

import itertools
import uuid
from collections.abc import Iterator

from django.db.models import Exists, OuterRef

from approvals.models import Event, InterruptStatus, Thread, Verdict
from approvals.models.event import DESK
from approvals.record.lines import Finding, Line
from approvals.record.rows import Row, comments_of, decisions_of, questions_of, votes_of
from approvals.record.told import TELLING, Place, Told

THREADS_AT_ONCE = 500
LINES_AT_ONCE = 5_000
NO_LINES = "it has no line at all: its record was removed"
NO_THREAD = "it has lines, but the thread itself was removed"
NO_LINE = "no line tells of it: it was put in, or its line was removed"
NO_ROW = "tells of {}, which is not there: the row was removed"
NOT_CARRIED = "this line does not tell of it: it was put in, or changed"
CHANGED = "{} was changed since this line was written: {}"
BYTES = "the stored bytes are not those that were asked about"
SOMETHING = "something that must not change"


class Agreement:
    """Feed it the lines in order, thread by thread; it looks at the rows of many threads at once."""

    def __init__(self) -> None:
        self._threads: list[uuid.UUID] = []
        self._lines: list[Line] = []

    def step(self, line: Line) -> Iterator[Finding]:
        if line.thread == DESK:
            return
        if not self._threads or self._threads[-1] != line.thread:
            if len(self._threads) >= THREADS_AT_ONCE or len(self._lines) >= LINES_AT_ONCE:
                yield from self.end()
            self._threads.append(line.thread)
        if line.kind in TELLING or '"again"' in line.text:
            self._lines.append(line)

    def end(self) -> Iterator[Finding]:
        threads, told = self._threads, Told(self._lines)
        self._threads, self._lines = [], []
        there = set(Thread.objects.filter(id__in=threads).values_list("id", flat=True))
        yield from (Finding(thread, None, NO_THREAD) for thread in threads if thread not in there)
        yield from _questions(threads, told)
        yield from _decisions(threads, told)
        yield from _votes(threads, told)
        yield from _comments(threads, told)


def threads_without_lines(thread: uuid.UUID | None = None) -> Iterator[Finding]:
    """Of which nothing else here would see anything."""
    untold = Thread.objects.filter(~Exists(Event.objects.filter(thread_id=OuterRef("id"))))
    found = untold if thread is None else untold.filter(id=thread)
    for thread_id in found.order_by("id").values_list("id", flat=True).iterator():
        yield Finding(thread_id, None, NO_LINES)


def _questions(threads: list[uuid.UUID], told: Told) -> Iterator[Finding]:
    for row in questions_of(threads):
        place = row["thread_id"], str(row["id"])
        name = f"question {row['id']}"
        lines = told.questions.pop(place, [])
        if not lines:
            yield Finding(place[0], None, f"{name}: {NO_LINE}")
            continue
        moved = itertools.chain(_status_differs(row, place, told), _escalation_differs(row, place, told))
        for wrong in itertools.chain(_question_differs(row, lines[0]), moved):
            yield Finding(place[0], lines[0].seq, CHANGED.format(name, wrong))
    for place, lines in told.questions.items():
        yield from _rowless(lines, f"question {place[1]}")


def _question_differs(row: Row, line: Line) -> Iterator[str]:
    if row["hash"] != row["payload_sha256"]:
        yield BYTES
    begins_again = line.says("again") == str(row["id"])
    said = {} if begins_again else {name: line.says(name) for name in ("payload_sha256", "node", "policy")}
    yield from _differs(row, said, line.says("again_sha256" if begins_again else "row_sha256"))


def _escalation_differs(row: Row, place: Place, told: Told) -> Iterator[str]:
    if row["escalated_to"] != told.escalated.get(place, []):
        yield "escalated_to"


def _status_differs(row: Row, place: Place, told: Told) -> Iterator[str]:
    status = row["status"]
    if status == told.status_of(place):
        return
    applied = status == InterruptStatus.APPLIED
    yield "it is marked as carried out, and no line says so" if applied else f"it is {status}, and no line says so"


def _decisions(threads: list[uuid.UUID], told: Told) -> Iterator[Finding]:
    for row in decisions_of(threads):
        place = row["thread"], str(row["interrupt_id"])
        name = f"the decision on question {place[1]}"
        lines = told.decisions.pop(place, [])
        if not lines:
            yield Finding(place[0], None, f"{name}: {NO_LINE}")
            continue
        differs = (_decision_differs(row, lines[0], place in told.applied), _void_differs(row, place, told))
        for wrong in itertools.chain(*differs):
            yield Finding(place[0], lines[0].seq, CHANGED.format(name, wrong))
        yield from _rowless(lines[1:], name)
    for place, lines in told.decisions.items():
        yield from _rowless(lines, f"the decision on question {place[1]}")


def _decision_differs(row: Row, line: Line, is_applied: bool) -> Iterator[str]:
    said = {name: line.says(name) for name in ("payload_sha256", "verdict", "note")}
    by = {"decided_via": line.says("via"), "decided_by_name": line.actor_name, "decided_by_id": line.actor_id}
    yield from _differs(row, {**said, **by}, line.says("row_sha256"))
    if (row["applied_at"] is not None) != is_applied:
        yield "whether it was carried out"


def _void_differs(row: Row, place: Place, told: Told) -> Iterator[str]:
    """Lines of the release before do not say why."""
    line = told.voided.get(place)
    if (row["voided_at"] is not None) != (line is not None):
        yield "whether it is void"
    elif line is not None and line.says("void_reason") not in (None, row["void_reason"]):
        yield "void_reason"


def _votes(threads: list[uuid.UUID], told: Told) -> Iterator[Finding]:
    for row in votes_of(threads):
        place = row["thread"], str(row["interrupt_id"])
        name = f"the vote of {row['reviewer_name']} on question {place[1]}"
        if row["is_carried_over"]:
            yield from _carried_differs(row, place, told)
            continue
        lines = told.votes.get((place, row["reviewer_id"]), [])
        if not lines:
            yield Finding(place[0], None, f"{name}: {NO_LINE}")
            continue
        line = lines.pop(0)
        for wrong in _vote_differs(row, line):
            yield Finding(place[0], line.seq, CHANGED.format(name, wrong))
    for (place, _), lines in told.votes.items():
        yield from _rowless(lines, f"a vote on question {place[1]}")
    for place, (line, digests) in told.carried.items():
        yield from _rowless([line] * len(digests), f"a vote carried over to question {place[1]}")


def _carried_differs(row: Row, place: Place, told: Told) -> Iterator[Finding]:
    """Lines of the release before do not tell what was carried over: it must have been given once."""
    name = f"the vote of {row['reviewer_name']} on question {place[1]}, said to be given before"
    if place not in told.carried:
        if (place[0], row["reviewer_id"], row["verdict"], row["payload_sha256"]) not in told.given:
            yield Finding(place[0], None, f"{name}: {NO_LINE}")
        return
    line, digests = told.carried[place]
    if row.digest in digests:
        digests.remove(row.digest)
    else:
        yield Finding(place[0], line.seq, f"{name}: {NOT_CARRIED}")


def _vote_differs(row: Row, line: Line) -> Iterator[str]:
    cast = {"verdict": line.says("verdict"), "payload_sha256": line.says("payload_sha256")}
    withdrawn = {"verdict": Verdict.WITHDRAW.value}
    said = withdrawn if line.says("verdict") is None else cast
    yield from _differs(row, {**said, "reviewer_name": line.actor_name}, line.says("row_sha256"))


def _comments(threads: list[uuid.UUID], told: Told) -> Iterator[Finding]:
    for row in comments_of(threads):
        place = row["thread_id"], str(row["id"])
        name = f"the comment {row['id']} of {row['author_name']}"
        lines = told.comments.pop(place, [])
        if not lines:
            yield Finding(place[0], None, f"{name}: {NO_LINE}")
            continue
        line = lines.pop(0)
        by = {"author_id": line.actor_id, "author_name": line.actor_name, "at": line.at}
        for wrong in _differs(row, {"text_sha256": line.says("text_sha256"), "told": line.says("told"), **by}, None):
            yield Finding(place[0], line.seq, CHANGED.format(name, wrong))
        yield from _rowless(lines, name)
    for place, lines in told.comments.items():
        yield from _rowless(lines, f"the comment {place[1]}")


def _differs(row: Row, said: dict[str, object], digest: object) -> Iterator[str]:
    """By name where the line says it in words, else by the digest of all of it."""
    named = [name for name, value in said.items() if row[name] != value]
    yield from named
    if not named and digest is not None and row.digest != digest:
        yield SOMETHING


def _rowless(lines: list[Line], name: str) -> Iterator[Finding]:
    for line in lines:
        yield Finding(line.thread, line.seq, NO_ROW.format(name))
