"""A thread of support_agent, a reviewer who answers it in LangChain's own words, and a look into its shop."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AnyMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from chains.graphs.support_agent import chain
from chains.graphs.support_agent.graph import agent_of
from chains.graphs.support_agent.options import Options
from chains.offline import OfflineAgent
from chains.registry import Facts

MARTA = {"customer": "Marta Nowak", "order_number": "ORD-48213"}
REFUND = "Both lamps arrived with broken glass. Please refund 40.00 EUR."
BOTH = f"{REFUND} And when will the rest be delivered?"
QUESTION = "When was this delivered?"
APPROVE = {"type": "approve"}


class Desk:
    def __init__(self, shop: Path, *, model: BaseChatModel | None = None, thread_id: str = "t") -> None:
        self.shop = shop
        answering = model or OfflineAgent()
        self.graph = agent_of(lambda: answering, Options(shop=str(shop))).compile(checkpointer=InMemorySaver())
        self.config: Any = {"configurable": {"thread_id": thread_id, "__pregel_strict_resume": True}}

    def ask(self, message: str, **facts: str) -> None:
        values = {**MARTA, "message": message, **facts}
        self.run(chain.start(values, Facts(thread_id="t", user_id="7", user_name="Priya Sen")))

    def answer(self, *decisions: dict[str, Any]) -> None:
        (pending,) = self.graph.get_state(self.config).interrupts
        self.run(Command(resume={pending.id: {"decisions": list(decisions)}}))

    def edit(self, **arguments: str) -> dict[str, Any]:
        """The decision that changes these arguments of the only call that waits."""
        (call,) = self.question["action_requests"]
        action = {"name": call["name"], "args": {**call["args"], **arguments}}
        return {"type": "edit", "edited_action": action}

    def run(self, step: Any, *, config: Any = None) -> None:
        self.graph.invoke(step, config or self.config, durability="sync")

    @property
    def question(self) -> dict[str, Any]:
        (pending,) = self.graph.get_state(self.config).interrupts
        return dict(pending.value)

    @property
    def asked(self) -> list[str]:
        """The tools that wait for a verdict."""
        return [call["name"] for call in self.question["action_requests"]]

    @property
    def is_waiting(self) -> bool:
        return bool(self.graph.get_state(self.config).interrupts)

    @property
    def messages(self) -> list[AnyMessage]:
        return list(self.graph.get_state(self.config).values["messages"])

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        said = [message for message in self.messages if isinstance(message, AIMessage)]
        return [(call["name"], call["args"]) for message in said for call in message.tool_calls]

    @property
    def results(self) -> list[ToolMessage]:
        return [message for message in self.messages if isinstance(message, ToolMessage)]

    @property
    def closing_words(self) -> str:
        assert not self.is_waiting
        return str(self.messages[-1].text)

    def refunds(self) -> list[tuple[str, int]]:
        return self._rows("SELECT order_number, cents FROM refunds ORDER BY rowid")

    def outbox(self) -> list[tuple[str, str, str]]:
        return self._rows("SELECT recipient, subject, text FROM outbox ORDER BY rowid")

    def _rows(self, query: str) -> list[Any]:
        with closing(sqlite3.connect(self.shop)) as rows:
            return rows.execute(query).fetchall()
