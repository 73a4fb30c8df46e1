"""LangChain agents whose tools wait for a person, in both of the middleware's modes, on a model with fixed lines."""

from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from pydantic import BaseModel

from chains.canonical import canonical_bytes

ANY = ["approve", "edit", "reject", "respond"]


class Line(BaseModel):
    sku: str
    price: float


class Scripted(BaseChatModel):
    """Says its next line, counted by what it has said already, so that it is the same after a restart."""

    lines: list[AIMessage]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        said = sum(isinstance(message, AIMessage) for message in messages)
        line = self.lines[said % len(self.lines)]
        return ChatResult(generations=[ChatGeneration(message=line.model_copy(update={"id": None}))])


@tool
def issue_refund(order: str, amount: int, lines: list[Line], urgent: bool = False) -> str:
    """Pay money back."""
    plain = {"order": order, "amount": amount, "lines": [line.model_dump() for line in lines], "urgent": urgent}
    return canonical_bytes(plain).decode()


@tool
def delete_file(path: str) -> str:
    """Delete a file."""
    return f"deleted {path}"


@tool
def look_up(order: str) -> str:
    """Read an order; nobody need be asked."""
    return f"found {order}"


@tool
def ask_user(question: str) -> str:
    """Ask a person; their words are the result."""
    return "nobody answered"


TOOLS = [issue_refund, delete_file, look_up, ask_user]
REFUND = {"order": "ORD-48213", "amount": 40, "lines": [{"sku": "L-1", "price": 12.5}]}
CALLS = [
    {"name": "issue_refund", "args": REFUND, "id": "call-1"},
    {"name": "look_up", "args": {"order": "ORD-48213"}, "id": "call-2"},
    {"name": "delete_file", "args": {"path": "/tmp/grüße"}, "id": "call-3"},
]
QUESTION = [{"name": "ask_user", "args": {"question": "Which colour?"}, "id": "call-4"}]
EDIT = [{"name": "issue_refund", "args": REFUND, "id": "call-5"}]


def _agent(calls: list[dict[str, Any]], rules: dict[str, Any], **options: Any) -> Any:
    lines = [AIMessage("", tool_calls=calls), AIMessage("Done.")]
    asking = HumanInTheLoopMiddleware(rules, edit_notice=None, **options)
    return create_agent(Scripted(lines=lines), TOOLS, middleware=[asking])


_RULES = {
    "issue_refund": {"allowed_decisions": ANY},
    "delete_file": {"allowed_decisions": ["approve", "reject"]},
}
batched = _agent(CALLS, _RULES)
per_call = _agent(CALLS, _RULES, interrupt_mode="per_call")
per_call_one_way = _agent(QUESTION, {"ask_user": {"allowed_decisions": ["respond"]}}, interrupt_mode="per_call")
per_call_edit = _agent(EDIT, {"issue_refund": {"allowed_decisions": ["edit"]}}, interrupt_mode="per_call")
