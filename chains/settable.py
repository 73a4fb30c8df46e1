"""Which keys of a state a person may set, and what they may be set to. LangGraph itself checks none of this."""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin

from langchain_core.messages import AnyMessage, BaseMessage, convert_to_messages
from langgraph.channels import BinaryOperatorAggregate, LastValue
from langgraph.types import Overwrite
from pydantic import PydanticUserError, TypeAdapter, ValidationError
from typing_extensions import get_type_hints

from chains.jsonable import Shown, jsonable, shown
from chains.registry import Graph
from chains.sameness import same

# LangGraph and LangChain give these keys a meaning of their own: they would bypass reducers or build objects.
MARKERS = frozenset({"__overwrite__", "lc", "__type__"})
# Kept from step to step and set by name; what else a graph has are triggers and values of one step.
SETTABLE = (LastValue, BinaryOperatorAggregate)
PRIVATE_MARK = "OmitFromSchema"
ROLES = (("human", "Person"), ("ai", "Model"), ("tool", "Tool"), ("system", "System"))
# What a person may write of a message. What is not named here, such as a model's own data, stays as it was stored.
MESSAGES_SCHEMA: dict[str, Any] = {
    "type": "array",
    "title": "Messages",
    "items": {
        "type": "object",
        "title": "Message",
        "properties": {
            "type": {"oneOf": [{"const": role, "title": name} for role, name in ROLES], "title": "From"},
            "content": {"title": "Text"},
        },
        "required": ["type", "content"],
        "additionalProperties": True,
    },
}
# The types that LangChain knows a stored message by; people may also write those of convert_to_messages.
MESSAGE_TYPES = frozenset({"human", "ai", "tool", "system", "function", "chat"})
MESSAGES: TypeAdapter[list[AnyMessage]] = TypeAdapter(list[AnyMessage])
TOO_LONG = "It is too long to edit here."
NOT_AS_IT_WAS = "This value cannot be written back as it was, so it can only be looked at."
# Characters of JSON of one key. A form has to come back in one request, and those of more than 1 MB are refused.
EDITABLE = 800_000
# Of a value that can only be looked at, the edit page shows this many characters; the page of the state shows the rest.
GLIMPSE = 2_000


class BadEdit(ValueError):
    """The edit does not fit the state; `key` names the part of it."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True)
class Fixed:
    """A key that can be looked at, not set: what is shown of its value, and why."""

    key: str
    value: Any
    why: str


def editable_schema(
    graph: Graph, values: Mapping[str, Any] | None = None, *, without: Collection[str] = ()
) -> dict[str, Any]:
    """JSON Schema of the keys a person can set. Where a reducer would join old and new, what is set replaces.

    With the `values` there are (of plain_values), messages that are all plain text are typed as text.
    """
    schema = _declared_schema(graph)
    declared = schema.get("properties", {})
    properties = {
        key: _messages_schema((values or {}).get(key)) if _holds_messages(hint) else declared.get(key, {})
        for key, hint in _hints(graph).items()
        if key not in without
    }
    defined = {"$defs": schema["$defs"]} if "#/$defs/" in json.dumps(properties) else {}
    kept = {key: part for key, part in schema.items() if key != "$defs"}
    return {**kept, **defined, "properties": properties, "required": []}


def _declared_schema(graph: Graph) -> dict[str, Any]:
    """What pydantic says of the state; when one key is of a type it does not know, of each of the others."""
    try:
        return TypeAdapter(graph.builder.state_schema).json_schema()
    except PydanticUserError:
        properties: dict[str, Any] = {}
        for key, hint in _hints(graph).items():
            with suppress(PydanticUserError):
                properties[key] = TypeAdapter(_without_need(hint)).json_schema()
        defined = {name: part for one in properties.values() for name, part in one.pop("$defs", {}).items()}
        return {"type": "object", "properties": properties, "$defs": defined}


def _messages_schema(rows: Any) -> dict[str, Any]:
    if not isinstance(rows, list) or not all(isinstance(row.get("content"), str) for row in rows):
        return MESSAGES_SCHEMA
    items = MESSAGES_SCHEMA["items"]
    text = {**items["properties"]["content"], "type": "string", "x-widget": "textarea"}
    return {**MESSAGES_SCHEMA, "items": {**items, "properties": {**items["properties"], "content": text}}}


def plain_values(graph: Graph, values: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Fixed, ...]]:
    """The editable part of a state, as JSON that says just what is stored; and what JSON cannot say so well."""
    plain: dict[str, Any] = {}
    fixed: list[Fixed] = []
    for key, hint in _hints(graph).items():
        if key not in values:
            continue
        found = _whole(values[key])
        if why := _unfit(found, values[key], hint):
            fixed.append(Fixed(key, jsonable(values[key], limit=GLIMPSE), why))
        else:
            plain[key] = found.value
    return plain, tuple(fixed)


def refuse_fixed(graph: Graph, values: Mapping[str, Any], stored: Mapping[str, Any]) -> None:
    """Raises BadEdit for a value that would take the place of one that nobody could see whole. See plain_values."""
    for key, hint in _hints(graph).items():
        if key in values and key in stored and (why := _unfit(_whole(stored[key]), stored[key], hint)):
            raise BadEdit(f"{key}: {why}", key)


def _whole(value: Any) -> Shown:
    return shown(value, limit=EDITABLE, is_fair=False)


def _unfit(found: Shown, value: Any, hint: Any) -> str:
    """Why this JSON cannot stand for the value in an edit; empty when it can."""
    if not found.complete:
        return TOO_LONG if found.size > EDITABLE // 2 else NOT_AS_IT_WAS
    return "" if _says(found.value, value, hint) else NOT_AS_IT_WAS


def _says(plain: Any, value: Any, hint: Any) -> bool:
    """Whether the JSON, read as the declared type, is the value. One that is JSON itself may become what it is declared
    to be, such as a 1 a 1.0, so long as nothing of it is lost; and what is not of its type at all can be put right.
    """
    is_json = same(plain, value)
    if is_json and not isinstance(plain, dict | list):
        return True
    try:
        back = _read(plain, hint)
        return same(back, value) or (is_json and bool(_whole(back).value == plain))
    except Exception:  # validators are the graph author's code, and some types cannot be read from JSON at all
        return is_json


def as_update(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """Checked and converted to the types the state declares. Raises BadEdit.

    A key with a reducer is overwritten: what the person saw on the page is what will be there.
    """
    found = check_values(graph, values)
    return {
        key: Overwrite(value) if isinstance(graph.channels[key], BinaryOperatorAggregate) else value
        for key, value in found.items()
    }


def check_values(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """Only declared keys, values of the declared types, no markers. LangGraph itself checks none of this."""
    if not values:
        raise BadEdit("Nothing was changed.")
    hints = _hints(graph)
    checked = {}
    for key, value in values.items():
        if key not in hints:
            raise BadEdit(f"The state has no {key!r} that can be set. It has: {', '.join(sorted(hints))}.", key)
        _refuse_markers(value, key)
        checked[key] = _converted(key, value, hints[key])
    return checked


def _converted(key: str, value: Any, hint: Any) -> Any:
    try:
        found = _read(value, hint)
        return [_with_id(message) for message in found] if _holds_messages(hint) else found
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in (key, *first["loc"]))
        raise BadEdit(f"{path}: {first['msg']}.", key) from error
    except PydanticUserError as error:
        raise BadEdit(f"{key}: no value of this type can be written as JSON, so it cannot be set here.", key) from error
    except (TypeError, ValueError, KeyError, NotImplementedError) as error:  # LangChain's, for what is no message
        raise BadEdit(f"{key}: each message needs a type (human, ai, tool, system) and content.", key) from error


def _read(value: Any, hint: Any) -> Any:
    """A value of the declared type. Raises what pydantic and LangChain raise."""
    if not _holds_messages(hint):
        return TypeAdapter(_without_need(hint)).validate_python(value)
    if not (isinstance(value, list) and all(isinstance(part, Mapping) for part in value)):
        raise TypeError("not a list of messages")
    return MESSAGES.validate_python([_message(part) for part in value])


def _message(row: Mapping[str, Any]) -> Any:
    """A message as it is stored stays as it is: LangChain's own reading of roles would put what a model says of its
    use of tokens among the model's other data.
    """
    if "role" not in row and row.get("type") in MESSAGE_TYPES:
        return row
    return convert_to_messages([_named_role(row)])[0]


def _with_id(message: BaseMessage) -> BaseMessage:
    """As LangGraph's own reducer does, which an overwritten key goes past."""
    return message if message.id else message.model_copy(update={"id": str(uuid.uuid4())})


def _named_role(message: Any) -> Any:
    """LangChain reads `role`; what is stored, and so what the page shows, says `type`."""
    if isinstance(message, Mapping) and "type" in message and "role" not in message:
        return {**{key: part for key, part in message.items() if key != "type"}, "role": message["type"]}
    return message


def _holds_messages(hint: Any) -> bool:
    while get_origin(hint) in {Annotated, Required, NotRequired}:
        hint = get_args(hint)[0]
    inner = get_args(hint)
    return get_origin(hint) in {list, Sequence} and len(inner) == 1 and _is_message(inner[0])


def _is_message(hint: Any) -> bool:
    return hint == AnyMessage or (isinstance(hint, type) and issubclass(hint, BaseMessage))


def _hints(graph: Graph) -> dict[str, Any]:
    hints = get_type_hints(graph.builder.state_schema, include_extras=True)
    return {
        key: hint for key, hint in hints.items() if type(graph.channels.get(key)) in SETTABLE and not _is_private(hint)
    }


def _without_need(hint: Any) -> Any:
    """Whether a key must be there says nothing of its value, and pydantic knows it in a whole TypedDict alone."""
    while get_origin(hint) in {Required, NotRequired}:
        hint = get_args(hint)[0]
    return hint


def _is_private(hint: Any) -> bool:
    """What a middleware keeps for itself, such as which call a reviewer put in place of the model's (LangChain marks
    it so): set by hand, it would go past the review.
    """
    marks = getattr(_without_need(hint), "__metadata__", ())
    return any(type(mark).__name__ == PRIVATE_MARK and mark.output for mark in marks)


def _refuse_markers(value: Any, key: str) -> None:
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name in MARKERS:
                raise BadEdit(f"{key}: {name!r} has a meaning of its own to LangGraph and cannot be set here.", key)
            _refuse_markers(part, key)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_markers(part, key)
