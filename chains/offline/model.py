"""The chat model's outside: messages in, a message out, streaming, structured output, and a rough count of tokens."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage
from langchain_core.messages.ai import UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableLambda
from langchain_core.tools import BaseTool
from pydantic import BaseModel, TypeAdapter

from chains.offline.drafting import draft
from chains.offline.filling import fill
from chains.offline.reading import analysis, read
from chains.offline.wishes import read_wishes


class OfflineModel(BaseChatModel):
    """Reads the last human message: JSON with `request` (`analysis`, `draft`, `reviewer_said`), or plain text.

    With a schema it gives the properties it has rules for; without one, `draft` as it is or a reply of its own.
    """

    model_name: str = "offline"

    @property
    def _llm_type(self) -> str:
        return "offline"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {"model_name": self.model_name}

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        text = _stopped(_answer(messages, kwargs.get("answer_schema")), stop)
        message = AIMessage(
            text, usage_metadata=_usage(messages, text), response_metadata={"model_name": self.model_name}
        )
        return ChatResult(generations=[ChatGeneration(message=message)])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        text = _stopped(_answer(messages, kwargs.get("answer_schema")), stop)
        for piece in re.findall(r"(?:\s*\S+){1,3}|\s+\Z", text):
            chunk = ChatGenerationChunk(message=AIMessageChunk(content=piece))
            if run_manager:
                run_manager.on_llm_new_token(piece, chunk=chunk)
            yield chunk
        last = AIMessageChunk(
            content="",
            usage_metadata=_usage(messages, text),
            response_metadata={"model_name": self.model_name},
            chunk_position="last",
        )
        yield ChatGenerationChunk(message=last)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        raise NotImplementedError(
            "The offline model calls no tools. Set HOLDPOINT_MODEL to a model that does, and restart."
        )

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """`method` and `strict`, which other providers take, change nothing: the answer always fits the schema."""
        adapter: TypeAdapter[Any] | None = None if isinstance(schema, dict) else TypeAdapter(schema)
        asked = self.bind(answer_schema=schema if adapter is None else adapter.json_schema())

        def parsed(message: AIMessage) -> Any:
            value = json.loads(message.text)
            return value if adapter is None else adapter.validate_python(value)

        def with_raw(message: AIMessage) -> dict[str, Any]:
            try:
                return {"raw": message, "parsed": parsed(message), "parsing_error": None}
            except ValueError as error:
                return {"raw": message, "parsed": None, "parsing_error": error}

        return asked | RunnableLambda(with_raw if include_raw else parsed)


def count_tokens(text: str) -> int:
    """A rough count, one token for four bytes of UTF-8: about right for English, an estimate for the rest."""
    return -(-len(text.encode("utf-8", errors="replace")) // 4)


def _answer(messages: list[BaseMessage], schema: Mapping[str, Any] | None) -> str:
    document = _document(messages)
    if schema is None and isinstance(document.get("draft"), str):
        return str(document["draft"])
    reading = read(str(document.get("request", "")))
    given = document.get("analysis")
    known = {**analysis(reading), **(given if isinstance(given, dict) else {})}
    said = document.get("reviewer_said")
    wishes = read_wishes([str(words) for words in said] if isinstance(said, list) else [])
    drafted = draft(reading, analysis=known, wishes=wishes)
    if schema is None:
        return str(drafted["content"])
    return json.dumps(fill(schema, {**known, **drafted}), ensure_ascii=False)


def _document(messages: list[BaseMessage]) -> dict[str, Any]:
    text = next((str(m.text) for m in reversed(messages) if isinstance(m, HumanMessage)), "")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {"request": text}
    return document if isinstance(document, dict) and "request" in document else {"request": text}


def _stopped(text: str, stop: list[str] | None) -> str:
    ends = [text.index(word) for word in stop or [] if word and word in text]
    return text[: min(ends)] if ends else text


def _usage(messages: list[BaseMessage], text: str) -> UsageMetadata:
    tokens_in, tokens_out = sum(count_tokens(str(m.text)) for m in messages), count_tokens(text)
    return UsageMetadata(input_tokens=tokens_in, output_tokens=tokens_out, total_tokens=tokens_in + tokens_out)
