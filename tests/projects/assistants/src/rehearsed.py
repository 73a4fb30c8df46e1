"""A chat model that plays its part by heart: it finds the order, proposes two calls, and says how they ended."""

from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable


class RehearsedModel(BaseChatModel):
    @property
    def _llm_type(self) -> str:
        return "rehearsed"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=_next_line(messages))])


def _next_line(messages: list[BaseMessage]) -> AIMessage:
    last = max(index for index, message in enumerate(messages) if isinstance(message, HumanMessage))
    results = [message for message in messages[last:] if isinstance(message, ToolMessage)]
    if not results:
        return _calls(len(messages), find_order={"order_id": "A-7"})
    if len(results) == 1:
        text = "We pay 40 back."
        return _calls(len(messages), refund={"order_id": "A-7", "amount": 40}, tell_customer={"text": text})
    return AIMessage(" / ".join(str(result.text) for result in results[1:]))


def _calls(count: int, **calls: dict[str, Any]) -> AIMessage:
    made = [{"name": name, "args": args, "id": f"{name}-{count}"} for name, args in calls.items()]
    return AIMessage("", tool_calls=made)
