"""Which keys of a state a person may set, and what they may be set to. LangGraph itself checks none of this."""

import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin

from langchain_core.messages import AnyMessage, BaseMessage, convert_to_messages
from langgraph.channels import BinaryOperatorAggregate, LastValue
from langgraph.types import Overwrite
from pydantic import TypeAdapter, ValidationError
from typing_extensions import get_type_hints

from chains.jsonable import jsonable
from chains.registry import Graph

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


class BadEdit(ValueError):
    """The edit does not fit the state; `key` names the part of it."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


def editable_schema(graph: Graph, values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """JSON Schema of the keys a person can set. Where a reducer would join old and new, what is set replaces.

    With the `values` there are (of plain_values), messages that are all plain text are typed as text.
    """
    schema: dict[str, Any] = TypeAdapter(graph.builder.state_schema).json_schema()
    declared = schema.get("properties", {})
    properties = {
        key: _messages_schema((values or {}).get(key)) if _holds_messages(hint) else declared.get(key, {})
        for key, hint in _hints(graph).items()
    }
    defined = {"$defs": schema["$defs"]} if "#/$defs/" in json.dumps(properties) else {}
    kept = {key: part for key, part in schema.items() if key != "$defs"}
    return {**kept, **defined, "properties": properties, "required": []}


def _messages_schema(rows: Any) -> dict[str, Any]:
    if not isinstance(rows, list) or not all(isinstance(row.get("content"), str) for row in rows):
        return MESSAGES_SCHEMA
    items = MESSAGES_SCHEMA["items"]
    text = {**items["properties"]["content"], "type": "string", "x-widget": "textarea"}
    return {**MESSAGES_SCHEMA, "items": {**items, "properties": {**items["properties"], "content": text}}}


def plain_values(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """The editable part of a state, as JSON."""
    return {key: jsonable(values[key]) for key in _hints(graph) if key in values}


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
        if _holds_messages(hint):
            if not (isinstance(value, list) and all(isinstance(part, Mapping) for part in value)):
                raise TypeError("not a list of messages")
            return [_with_id(message) for message in convert_to_messages([_named_role(part) for part in value])]
        return TypeAdapter(hint).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        path = ".".join(str(part) for part in (key, *first["loc"]))
        raise BadEdit(f"{path}: {first['msg']}.", key) from error
    except (TypeError, ValueError, NotImplementedError) as error:  # LangChain's, for what is no message
        raise BadEdit(f"{key}: each message needs a type (human, ai, tool, system) and content.", key) from error


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


def _is_private(hint: Any) -> bool:
    """What a middleware keeps for itself, such as which call a reviewer put in place of the model's (LangChain marks
    it so): set by hand, it would go past the review.
    """
    while get_origin(hint) in {Required, NotRequired}:
        hint = get_args(hint)[0]
    marks = getattr(hint, "__metadata__", ())
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
