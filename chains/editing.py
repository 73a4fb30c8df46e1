"""Editing the state of a paused thread through LangGraph's own update_state, checked before anything is stored."""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired, Required, get_args, get_origin

from langchain_core.messages import AnyMessage, BaseMessage, convert_to_messages
from langgraph.channels import BinaryOperatorAggregate, LastValue
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError
from langgraph.types import Overwrite
from pydantic import TypeAdapter, ValidationError
from typing_extensions import get_type_hints

from chains.heads import read_head
from chains.jsonable import jsonable
from chains.registry import Graph
from chains.runner import Failure, Outcome, Work, config_for

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


class PassesBy(BadEdit):
    """The edit would take the thread past a node that waits for an answer."""


class HeadMoved(ValueError):
    """The thread has gone on since the person looked."""


@dataclass(frozen=True)
class Edit:
    """What to set, as JSON: each key whole, be it a plain one or one with a reducer. `as_node` is the node the edit
    counts as the work of, which decides what runs next; empty leaves that to LangGraph: the node that wrote last.
    `may_pass` allows that a waiting node is passed by.
    """

    values: Mapping[str, Any]
    as_node: str = ""
    may_pass: bool = False


@dataclass(frozen=True)
class Preview:
    """What would run next after an edit, and which waiting nodes it would pass by."""

    next: tuple[str, ...]
    skipped: tuple[str, ...]


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


def nodes_to_edit_as(graph: Graph) -> list[str]:
    """The nodes an edit may count as the work of."""
    return [name for name in graph.nodes if not name.startswith("__")]


def edit_state(graph: Graph, thread_id: str, work: Work, edit: Edit, *, expected: str) -> Outcome:
    """Store the edit on the head the person saw, as a checkpoint of source `update`. Call while holding the thread.

    A second call for the same run changes nothing. Raises HeadMoved, or BadEdit with nothing stored.
    """
    head = read_head(graph, thread_id)
    if head.run_id == work.run_id:
        return Outcome(head)
    preview_edit(graph, thread_id, edit, expected=expected)
    graph.update_state(config_for(thread_id, work), as_update(graph, edit.values), as_node=edit.as_node or None)
    return Outcome(read_head(graph, thread_id))


def preview_edit(graph: Graph, thread_id: str, edit: Edit, *, expected: str) -> Preview:
    """Try the edit on a copy of the head in memory. Raises what edit_state() would raise, and stores nothing."""
    head = read_head(graph, thread_id)
    if head.checkpoint_id != expected:
        raise HeadMoved("The thread went on since you looked. Reload the page and edit what is there now.")
    after = try_on_copy(graph, thread_id, edit, checkpoint_id=expected)
    waiting = {pending.node for pending in head.pending} or set(head.next)
    return Preview(after, passed_by(waiting, after, edit))


def passed_by(waiting: Collection[str], after: Collection[str], edit: Edit) -> tuple[str, ...]:
    """Of the nodes that were to run, those that an edit leaves out. Raises PassesBy unless that is meant."""
    skipped = tuple(sorted(node for node in set(waiting) - set(after) if not node.startswith("__")))
    if skipped and not edit.may_pass:
        raise PassesBy(
            f"This edit would take the thread past {', '.join(skipped)} without an answer. "
            "Confirm that this is meant, answer the question, or change something else."
        )
    return skipped


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


def try_on_copy(graph: Graph, thread_id: str, edit: Edit, *, checkpoint_id: str) -> tuple[str, ...]:
    """The nodes that would run next after an edit of this checkpoint. Raises BadEdit; stores nothing."""
    if edit.as_node and edit.as_node not in nodes_to_edit_as(graph):
        raise BadEdit(f"The graph has no node {edit.as_node!r}.", "as_node")
    update = as_update(graph, edit.values)
    saver = InMemorySaver()
    copy = graph.builder.compile(checkpointer=saver)
    _copy_onto(_raw(graph, thread_id, checkpoint_id), saver)
    config = config_for(thread_id, Work(run_id=""))
    try:
        copy.update_state(config, update, as_node=edit.as_node or None)
    except InvalidUpdateError as error:
        if edit.as_node:
            raise BadEdit(f"The state cannot be edited as if {edit.as_node} had just run.", "as_node") from error
        raise BadEdit(
            "Several nodes ran side by side. Say as if which of them the edit was made.", "as_node"
        ) from error
    except Exception as error:  # reducers and routers are the graph author's code
        raise BadEdit(f"The graph refused the edit: {Failure.of(error).message}") from error
    return tuple(task.name for task in copy.get_state(config).tasks)


def _raw(graph: Graph, thread_id: str, checkpoint_id: str) -> CheckpointTuple:
    saver = graph.checkpointer
    found = None
    if saver is not None and not isinstance(saver, bool):
        named = {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
        found = saver.get_tuple({"configurable": named})
    if found is None:
        raise HeadMoved("That step is not saved any more. Reload the page.")
    return found


def _copy_onto(head: CheckpointTuple, saver: InMemorySaver) -> None:
    configurable = {"thread_id": head.config["configurable"]["thread_id"], "checkpoint_ns": ""}
    versions = head.checkpoint["channel_versions"]
    saver.put({"configurable": configurable}, head.checkpoint, head.metadata, versions)


def plain_values(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """The editable part of a state, as JSON."""
    return {key: jsonable(values[key]) for key in _hints(graph) if key in values}
