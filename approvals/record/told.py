"""What the lines of some threads tell of questions, votes, decisions and comments, found by what they are about."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from approvals.models import EventKind, InterruptStatus
from approvals.models.sealing import Unreadable
from approvals.record.lines import Line

VOTING = (EventKind.VOTE_CAST, EventKind.VOTE_WITHDRAWN)
CLOSING = (
    EventKind.INTERRUPT_SUPERSEDED,
    EventKind.INTERRUPT_CANCELLED,
    EventKind.DECISION_UNDONE,
    EventKind.EDIT_PROPOSED,
)
TELLING = frozenset(
    {*VOTING, *CLOSING, EventKind.INTERRUPT_RAISED, EventKind.DECISION_MADE, EventKind.DECISION_APPLIED}
    | {EventKind.COMMENT_MADE}
)
# A question or a comment, as its thread and its id in words.
Place = tuple[uuid.UUID, str]


class Told:
    """Lines that cannot be read tell nothing; the walk has said so."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.questions: dict[Place, list[Line]] = defaultdict(list)
        self.decisions: dict[Place, list[Line]] = defaultdict(list)
        self.comments: dict[Place, list[Line]] = defaultdict(list)
        self.votes: dict[tuple[Place, int | None], list[Line]] = defaultdict(list)
        # (thread, person, verdict, SHA-256), for votes that are carried over to the same bytes.
        self.given: set[tuple[uuid.UUID, int | None, Any, Any]] = set()
        self.applied: set[Place] = set()
        self.closed: dict[Place, InterruptStatus] = {}
        for line in lines:
            for name, question in _named(line):
                self._take(line, name, (line.thread, question))

    def status_of(self, question: Place) -> InterruptStatus:
        """What it must be. Closed or carried out, a question stays that for good."""
        if question in self.closed:
            return self.closed[question]
        if question in self.applied:
            return InterruptStatus.APPLIED
        return InterruptStatus.DECIDED if question in self.decisions else InterruptStatus.OPEN

    def _take(self, line: Line, name: str, place: Place) -> None:
        if name == "again" or line.kind == EventKind.INTERRUPT_RAISED:
            self.questions[place].append(line)
        elif name == "comment":
            self.comments[place].append(line)
        elif line.kind in VOTING:
            self.votes[place, line.actor_id].append(line)
            self.given.add((line.thread, line.actor_id, line.says("verdict"), line.says("payload_sha256")))
        elif line.kind == EventKind.DECISION_MADE:
            self.decisions[place].append(line)
        elif line.kind == EventKind.DECISION_APPLIED:
            self.applied.add(place)
        elif line.kind in CLOSING:
            is_cancelled = line.kind == EventKind.INTERRUPT_CANCELLED
            self.closed[place] = InterruptStatus.CANCELLED if is_cancelled else InterruptStatus.SUPERSEDED


def _named(line: Line) -> Iterator[tuple[str, str]]:
    try:
        named = [(name, line.says(name)) for name in _names(line)]
    except Unreadable:
        return
    yield from ((name, question) for name, question in named if isinstance(question, str))


def _names(line: Line) -> tuple[str, ...]:
    return ("comment",) if line.kind == EventKind.COMMENT_MADE else ("interrupt", "again")
