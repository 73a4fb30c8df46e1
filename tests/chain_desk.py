"""A thread of any registered chain without the web app: run as a worker runs it, answered as a reviewer would."""

import json
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver

from chains.canonical import canonical_bytes
from chains.heads import HeadStatus, Pending
from chains.questions import Question, Reply, build_answer, read_question
from chains.registry import Facts, Registry
from chains.runner import Outcome, Work, advance
from chains.tools import tool_schemas
from tests.graphs.catalogue import GRAPHS

REVIEWER = "Nadia Brandt"


class ChainDesk:
    def __init__(self, name: str) -> None:
        registry = Registry({name: dict(GRAPHS)[name]}, {})
        chain = registry.get(name)
        self.graph = registry.compile(name, InMemorySaver())
        self.tools = tool_schemas(self.graph)
        values = {"messages": "Please."} if "messages" in chain.input_schema.get("properties", {}) else {}
        self.first = chain.start(values, Facts(thread_id="1", user_id="1", user_name="Priya Sen"))
        self.outcome = self._run({})

    @property
    def pending(self) -> list[Pending]:
        return sorted(self.outcome.head.pending, key=lambda pending: canonical_bytes(pending.value))

    @property
    def questions(self) -> list[Question]:
        return [self.read(pending) for pending in self.pending]

    @property
    def is_finished(self) -> bool:
        return self.outcome.failure is None and self.outcome.head.status is HeadStatus.FINISHED

    @property
    def values(self) -> dict[str, Any]:
        return dict(self.graph.get_state({"configurable": {"thread_id": "1"}}).values)

    @property
    def log(self) -> bytes:
        return canonical_bytes(self.values.get("log", []))

    @property
    def tool_results(self) -> dict[str, tuple[str, str]]:
        messages = self.values["messages"]
        return {message.name: (message.status, message.content) for message in messages if message.type == "tool"}

    def read(self, pending: Pending) -> Question:
        """From the bytes, as the web app reads it out of its database."""
        value = json.loads(pending.payload)
        return read_question(value, pending.response_schema, node=pending.node, tools=self.tools)

    def built(self, pending: Pending, *replies: Reply) -> Any:
        answer = build_answer(self.read(pending), replies, payload_sha256=pending.sha256, reviewer=REVIEWER)
        return json.loads(json.dumps(answer))

    def answer(self, *replies: Reply) -> None:
        """Every pending question, in the order of `pending`, one reply for each of their items."""
        given = iter(replies)
        answers = {}
        for pending in self.pending:
            own = [next(given) for _ in self.read(pending).items]
            answers[pending.key] = self.built(pending, *own)
        assert not list(given)
        self.outcome = self._run(answers)

    def answer_one(self, pending: Pending, *replies: Reply) -> None:
        self.outcome = self._run({pending.key: self.built(pending, *replies)})

    def _run(self, answers: dict[tuple[str, str], Any]) -> Outcome:
        return advance(self.graph, "1", Work(run_id="run", first=self.first, answers=answers))
