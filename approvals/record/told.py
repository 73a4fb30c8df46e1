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
# A decision that is there when its question is cancelled is void from then on.
VOIDING = (EventKind.DECISION_UNDONE, EventKind.DECISION_VOIDED, EventKind.INTERRUPT_CANCELLED)
TELLING = frozenset(
    {*VOTING, *CLOSING, *VOIDING, EventKind.INTERRUPT_RAISED, EventKind.DECISION_MADE, EventKind.DECISION_APPLIED}
    | {EventKind.COMMENT_MADE, EventKind.INTERRUPT_ESCALATED}
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
        # The digests of the votes a question began with, and the line that tells them.
        self.carried: dict[Place, tuple[Line, list[Any]]] = {}
        # (thread, person, verdict, SHA-256), for votes that are carried over by lines that do not tell their digests.
        self.given: set[tuple[uuid.UUID, int | None, Any, Any]] = set()
        self.applied: set[Place] = set()
        self.voided: dict[Place, Line] = {}
        self.escalated: dict[Place, list[Any]] = defaultdict(list)
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
            self._begin(line, name, place)
        elif name == "comment":
            self.comments[place].append(line)
        elif line.kind in VOTING:
            self.votes[place, line.actor_id].append(line)
            self.given.add((line.thread, line.actor_id, line.says("verdict"), line.says("payload_sha256")))
        elif line.kind == EventKind.DECISION_MADE:
            self.decisions[place].append(line)
        elif line.kind == EventKind.DECISION_APPLIED:
            self.applied.add(place)
        elif line.kind == EventKind.INTERRUPT_ESCALATED:
            self._escalate(place, line.says("groups"))
        else:
            self._end(line, place)

    def _begin(self, line: Line, name: str, place: Place) -> None:
        """Asked again, it is still everybody's it was escalated to."""
        self.questions[place].append(line)
        # A changed version begins with no vote but its author's. The release before did not tell what was carried over.
        carried = [] if line.kind == EventKind.EDIT_PROPOSED else line.says("carried")
        if isinstance(carried, list):
            self.carried[place] = line, list(carried)
        if name == "again":
            self._escalate(place, self.escalated.get((place[0], str(line.says("interrupt")))))

    def _escalate(self, place: Place, groups: Any) -> None:
        known = self.escalated[place]
        known += [group for group in groups if group not in known] if isinstance(groups, list) else []

    def _end(self, line: Line, place: Place) -> None:
        if line.kind in VOIDING:
            self.voided[place] = line
        if line.kind in CLOSING:
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
