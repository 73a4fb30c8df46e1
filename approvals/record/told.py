"""What the lines of some threads tell of questions, votes and decisions, found by what they are about."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from approvals.models import EventKind
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
)
# A question, as its thread and its id in words.
Place = tuple[uuid.UUID, str]


class Told:
    """Lines that cannot be read tell nothing; the walk has said so."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.questions: dict[Place, list[Line]] = defaultdict(list)
        self.decisions: dict[Place, list[Line]] = defaultdict(list)
        self.votes: dict[tuple[Place, int | None], list[Line]] = defaultdict(list)
        # (thread, person, verdict, SHA-256), for votes that are carried over to the same bytes.
        self.given: set[tuple[uuid.UUID, int | None, Any, Any]] = set()
        self.applied: set[Place] = set()
        self.closed: set[Place] = set()
        for line in lines:
            for name, question in _named(line):
                self._take(line, name, (line.thread, question))

    def _take(self, line: Line, name: str, place: Place) -> None:
        if name == "again" or line.kind == EventKind.INTERRUPT_RAISED:
            self.questions[place].append(line)
        elif line.kind in VOTING:
            self.votes[place, line.actor_id].append(line)
            self.given.add((line.thread, line.actor_id, line.says("verdict"), line.says("payload_sha256")))
        elif line.kind == EventKind.DECISION_MADE:
            self.decisions[place].append(line)
        elif line.kind == EventKind.DECISION_APPLIED:
            self.applied.add(place)
        elif line.kind in CLOSING:
            self.closed.add(place)


def _named(line: Line) -> Iterator[tuple[str, str]]:
    try:
        named = [(name, line.says(name)) for name in ("interrupt", "again")]
    except Unreadable:
        return
    yield from ((name, question) for name, question in named if isinstance(question, str))
