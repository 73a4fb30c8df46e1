"""A chat model made of rules that calls tools: it looks an order up, proposes a refund or a letter, and closes."""

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolCall, ToolMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from chains.offline.casework import LOOK_UP, MAIL, REFUND, Call, Done, Steps, next_step
from chains.offline.model import count_tokens


class MissingTools(ValueError):
    """The rules call certain tools, and cannot do without them."""


class OfflineAgent(BaseChatModel):
    """Reads the last human message, and the calls and results after it. The same messages give the same answer."""

    model_name: str = "offline"

    @property
    def _llm_type(self) -> str:
        return "offline-agent"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        given = {convert_to_openai_tool(tool)["function"]["name"] for tool in tools}
        missing = sorted({LOOK_UP, REFUND, MAIL} - given)
        if missing:
            raise MissingTools(
                f"The offline agent has rules for one set of tools, and {', '.join(missing)} is not among those it was "
                "given. Set HOLDPOINT_MODEL to a model that calls tools, and restart."
            )
        return self.bind(tools=sorted(given))

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        chosen = next_step(*_case(messages))
        text = chosen if isinstance(chosen, str) else ""
        calls = [] if isinstance(chosen, str) else _tool_calls(chosen, after=messages)
        message = AIMessage(
            text,
            tool_calls=calls,
            usage_metadata=_usage(messages, f"{text}{calls or ''}"),
            response_metadata={"model_name": self.model_name},
        )
        return ChatResult(generations=[ChatGeneration(message=message)])


def _case(messages: list[BaseMessage]) -> tuple[str, Steps]:
    """The current request, and what was called for it, one entry for each message that called something."""
    start = max((index for index, message in enumerate(messages) if isinstance(message, HumanMessage)), default=0)
    current = messages[start:]
    results = {message.tool_call_id: message for message in current if isinstance(message, ToolMessage)}
    steps = [
        [_done(call, results[call["id"] or ""]) for call in message.tool_calls if call["id"] in results]
        for message in current
        if isinstance(message, AIMessage) and message.tool_calls
    ]
    return str(current[0].text) if current else "", steps


def _done(call: ToolCall, result: ToolMessage) -> Done:
    return Done(Call(call["name"], call["args"]), str(result.text), failed=result.status == "error")


def _tool_calls(calls: list[Call], *, after: list[BaseMessage]) -> list[ToolCall]:
    """Ids count the thread's calls: they are the keys by which a tool knows that it did something already."""
    made = sum(len(message.tool_calls) for message in after if isinstance(message, AIMessage))
    return [
        ToolCall(name=call.name, args=dict(call.arguments), id=f"call_{made + number}", type="tool_call")
        for number, call in enumerate(calls, start=1)
    ]


def _usage(messages: list[BaseMessage], answer: str) -> UsageMetadata:
    tokens_in, tokens_out = sum(count_tokens(str(m.text)) for m in messages), count_tokens(answer)
    return UsageMetadata(input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out)
