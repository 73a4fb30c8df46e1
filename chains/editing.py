"""Editing the state of a paused thread through LangGraph's own update_state, checked before anything is stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.channels import LastValue
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from pydantic import TypeAdapter, ValidationError
from typing_extensions import get_type_hints

from chains.heads import read_head
from chains.jsonable import jsonable
from chains.registry import Graph
from chains.runner import Failure, Outcome, Work, config_for

# LangGraph and LangChain give these keys a meaning of their own: they would bypass reducers or build objects.
MARKERS = frozenset({"__overwrite__", "lc", "__type__"})


class BadEdit(ValueError):
    """The edit does not fit the state; `key` names the part of it."""

    def __init__(self, message: str, key: str = "") -> None:
        super().__init__(message)
        self.key = key


class HeadMoved(ValueError):
    """The thread has gone on since the person looked."""


@dataclass(frozen=True)
class Preview:
    """What would run next after an edit, and which waiting nodes it would pass by."""

    next: tuple[str, ...]
    skipped: tuple[str, ...]


def editable_schema(graph: Graph) -> dict[str, Any]:
    """JSON Schema of the keys a person can set: the plain ones. Those with reducers append instead of replacing."""
    hints = _hints(graph)
    schema: dict[str, Any] = TypeAdapter(graph.builder.state_schema).json_schema()
    properties = {key: part for key, part in schema.get("properties", {}).items() if key in hints}
    return {**schema, "properties": properties, "required": []}


def edit_state(graph: Graph, thread_id: str, work: Work, values: Mapping[str, Any], *, expected: str) -> Outcome:
    """Store the edit on the head the person saw, as a checkpoint of source `update`. Call while holding the thread.

    A second call for the same run changes nothing. Raises HeadMoved, or BadEdit with nothing stored.
    """
    head = read_head(graph, thread_id)
    if head.run_id == work.run_id:
        return Outcome(head)
    preview_edit(graph, thread_id, values, expected=expected)
    graph.update_state(config_for(thread_id, work), dict(values))
    return Outcome(read_head(graph, thread_id))


def preview_edit(graph: Graph, thread_id: str, values: Mapping[str, Any], *, expected: str) -> Preview:
    """Try the edit on a copy of the head in memory. Raises what edit_state() would raise, and stores nothing."""
    head = read_head(graph, thread_id)
    if head.checkpoint_id != expected:
        raise HeadMoved("The thread went on since you looked. Reload the page and edit what is there now.")
    check_values(graph, values)
    after = _try_on_copy(graph, thread_id, values)
    waiting = {pending.node for pending in head.pending} or set(head.next)
    skipped = tuple(sorted(waiting - set(after)))
    if skipped:
        raise BadEdit(
            f"This edit would take the thread past {', '.join(skipped)} without an answer. "
            "Answer the question, or change something else."
        )
    return Preview(after, skipped)


def check_values(graph: Graph, values: Mapping[str, Any]) -> None:
    """Only plain declared keys, values of the declared types, no markers. LangGraph itself checks none of this."""
    if not values:
        raise BadEdit("Nothing was changed.")
    hints = _hints(graph)
    for key, value in values.items():
        if key not in hints:
            raise BadEdit(f"The state has no {key!r} that can be set. It has: {', '.join(sorted(hints))}.", key)
        _refuse_markers(value, key)
        try:
            TypeAdapter(hints[key]).validate_python(value)
        except ValidationError as error:
            first = error.errors()[0]
            path = ".".join(str(part) for part in (key, *first["loc"]))
            raise BadEdit(f"{path}: {first['msg']}.", key) from error


def _hints(graph: Graph) -> dict[str, Any]:
    hints = get_type_hints(graph.builder.state_schema, include_extras=True)
    return {key: hint for key, hint in hints.items() if type(graph.channels.get(key)) is LastValue}


def _refuse_markers(value: Any, key: str) -> None:
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name in MARKERS:
                raise BadEdit(f"{key}: {name!r} has a meaning of its own to LangGraph and cannot be set here.", key)
            _refuse_markers(part, key)
    elif isinstance(value, list | tuple):
        for part in value:
            _refuse_markers(part, key)


def _try_on_copy(graph: Graph, thread_id: str, values: Mapping[str, Any]) -> tuple[str, ...]:
    """The nodes that would run next. Routers run too, so what they raise is the person's to hear."""
    saver = InMemorySaver()
    copy = graph.builder.compile(checkpointer=saver)
    _copy_head(_raw_head(graph, thread_id), saver)
    config = config_for(thread_id, Work(run_id=""))
    try:
        copy.update_state(config, dict(values))
    except Exception as error:  # reducers and routers are the graph author's code
        raise BadEdit(f"The graph refused the edit: {Failure.of(error).message}") from error
    return tuple(task.name for task in copy.get_state(config).tasks)


def _raw_head(graph: Graph, thread_id: str) -> CheckpointTuple:
    saver = graph.checkpointer
    found = None
    if saver is not None and not isinstance(saver, bool):
        found = saver.get_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
    if found is None:
        raise HeadMoved("The thread has no saved state yet.")
    return found


def _copy_head(head: CheckpointTuple, saver: InMemorySaver) -> None:
    configurable = {"thread_id": head.config["configurable"]["thread_id"], "checkpoint_ns": ""}
    versions = head.checkpoint["channel_versions"]
    saver.put({"configurable": configurable}, head.checkpoint, head.metadata, versions)


def plain_values(graph: Graph, values: Mapping[str, Any]) -> dict[str, Any]:
    """The editable part of a state, as JSON."""
    return {key: jsonable(values[key]) for key in _hints(graph) if key in values}
