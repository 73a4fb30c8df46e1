"""Running a chain in memory, one question at a time. Its nodes run in earnest: what they do outside is done."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chains.heads import HeadStatus, Pending, read_head
from chains.jsonable import jsonable
from chains.questions import Question, read_question
from chains.registry import Graph
from chains.runner import Failure, Outcome, Work, advance, config_for


@dataclass(frozen=True)
class Asked:
    """A question that waits, with everything that is needed to answer it."""

    pending: Pending
    question: Question


@dataclass(frozen=True)
class Twice:
    """What a node asked when it ran a second time, without an answer, on the very same state."""

    interrupt_id: str
    node: str
    first: Any
    second: Any

    @property
    def is_same(self) -> bool:
        return bool(self.first == self.second)


class Trial:
    """`graph` has to be compiled on a saver of its own; nothing of it is kept."""

    def __init__(self, graph: Graph, first: Mapping[str, Any]) -> None:
        self._graph = graph
        self._first = first
        self._thread_id = str(uuid.uuid4())
        self.outcome: Outcome = self._advance({})

    @property
    def asked(self) -> list[Asked]:
        return [
            Asked(pending, read_question(pending.value, pending.response_schema, node=pending.node))
            for pending in self.outcome.head.pending
        ]

    @property
    def is_finished(self) -> bool:
        return self.outcome.head.status is HeadStatus.FINISHED

    @property
    def values(self) -> Any:
        """The state, as JSON."""
        return jsonable(self._graph.get_state({"configurable": {"thread_id": self._thread_id}}).values)

    def answer(self, answers: Mapping[tuple[str, str], Any]) -> None:
        """`answers` by the key of what was asked."""
        self.outcome = self._advance(answers)

    def ask_twice(self) -> list[Twice]:
        """Run the nodes that wait once more, as LangGraph does for every answer, and see what they ask then."""
        before = {pending.interrupt_id: pending for pending in self.outcome.head.pending if not pending.is_pause}
        if not before:
            return []
        failure = None
        try:
            self._graph.invoke(None, config_for(self._thread_id, Work(run_id="")), durability="sync")
        except Exception as error:  # whatever a node raised
            failure = Failure.of(error)
        head = read_head(self._graph, self._thread_id)
        self.outcome = Outcome(head, failure)
        after = {pending.interrupt_id: pending.value for pending in head.pending}
        return [Twice(key, found.node, found.value, after.get(key)) for key, found in before.items()]

    def _advance(self, answers: Mapping[tuple[str, str], Any]) -> Outcome:
        return advance(self._graph, self._thread_id, Work(str(uuid.uuid4()), first=self._first, answers=answers))
