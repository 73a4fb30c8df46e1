"""The conversation in a state, as a transcript."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

from chains.jsonable import JSON, jsonable


@dataclass(frozen=True)
class ToolCall:
    """`error` says why the model's arguments could not be read; they are then the model's own text."""

    name: str
    arguments: JSON
    id: str = ""
    error: str = ""


@dataclass(frozen=True)
class Message:
    """`role` is human, ai, system or tool, or the name another kind of message gave itself. A tool's result answers the
    call with the id `answers`, and says with `failed` that the tool did not do it. `place`: channel and index.
    """

    role: str
    name: str
    text: str
    tool_calls: tuple[ToolCall, ...]
    id: str
    answers: str = ""
    failed: bool = False
    place: tuple[str, int] = ("", 0)


def messages_in(values: dict[str, Any]) -> tuple[Message, ...]:
    """Every message of every channel that holds a list of them, each message once."""
    found: dict[str, Message] = {}
    for channel, value in values.items():
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if isinstance(item, BaseMessage):
                found.setdefault(item.id or f"{channel} {index}", _message(item, (channel, index)))
    return tuple(found.values())


def _message(message: BaseMessage, place: tuple[str, int]) -> Message:
    role = getattr(message, "role", None) or message.type
    return Message(
        role=str(role).removesuffix("MessageChunk").lower(),
        name=message.name or "",
        text="\n".join(_texts(message.content)),
        tool_calls=tuple(_tool_calls(message)),
        id=message.id or "",
        answers=str(message.tool_call_id or "") if isinstance(message, ToolMessage) else "",
        failed=isinstance(message, ToolMessage) and message.status == "error",
        place=place,
    )


def _texts(content: str | list[str | dict[str, Any]]) -> Iterator[str]:
    for block in [content] if isinstance(content, str) else content:
        if isinstance(block, str):
            yield block
        elif isinstance(block.get("text"), str):
            yield block["text"]
        elif block.get("type") not in ("tool_use", "tool_call"):
            yield f"[{block.get('type', 'unknown content')}]"


def _tool_calls(message: BaseMessage) -> Iterator[ToolCall]:
    if not isinstance(message, AIMessage):
        return
    for call in message.tool_calls:
        yield ToolCall(name=call["name"], arguments=jsonable(call["args"]), id=call["id"] or "")
    for bad in message.invalid_tool_calls:
        error = bad["error"] or "The arguments are not valid JSON."
        yield ToolCall(name=bad["name"] or "", arguments=bad["args"], id=bad["id"] or "", error=error)
