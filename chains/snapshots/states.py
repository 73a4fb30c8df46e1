"""The state of a thread, now or at one checkpoint."""

from dataclasses import dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import StateSnapshot

from chains.jsonable import JSON, MARK, shown
from chains.registry import Graph
from chains.snapshots.errors import safe_error
from chains.snapshots.messages import Message, messages_in
from chains.snapshots.records import (
    READABLE_ID,
    READABLE_NAMESPACE,
    address,
    id_of,
    missing_nodes,
    nodes_next,
    reading,
    saver_of,
    source_of,
    time_of,
)
from chains.snapshots.tasks import Task, tasks_of

TYPE_LENGTH = 40


@dataclass(frozen=True)
class Channel:
    """One key of the state. `size` is bytes of its JSON; `complete` is False when `value` had to be shortened."""

    name: str
    type: str
    size: int
    value: JSON
    complete: bool = True


@dataclass(frozen=True)
class State:
    """`next` is empty only when the thread is finished. `errors` are (node, text) pairs; node "" is the whole state."""

    checkpoint_id: str
    step: int
    source: str
    created_at: datetime
    channels: tuple[Channel, ...]
    messages: tuple[Message, ...]
    next: tuple[str, ...]
    errors: tuple[tuple[str, str], ...]
    tasks: tuple[Task, ...] = ()

    @property
    def values(self) -> dict[str, JSON]:
        return {channel.name: channel.value for channel in self.channels}


def state_at(
    graph: Graph, thread_id: str, *, checkpoint_id: str | None = None, namespace: str = "", limit: int | None = None
) -> State | None:
    """None when there is no such checkpoint.

    Without an id: the live head, with the output of parallel nodes that are already finished. With one: the record
    of that step, as it was when the step began. `namespace` names a subgraph's own state: see Task. `limit`, in
    characters of JSON, is what one channel may be long.
    """
    if checkpoint_id is not None and not READABLE_ID.fullmatch(checkpoint_id):
        return None
    if not READABLE_NAMESPACE.fullmatch(namespace):
        return None
    place = address(thread_id, checkpoint_id, namespace=namespace)
    record = saver_of(graph).get_tuple(place)
    if record is None:
        return None
    part = _part(graph, namespace)
    try:
        snapshot = graph.get_state(place) if namespace else reading(graph, [record]).get_state(place)
    except Exception as error:  # today's graph may not read yesterday's state; people must still be able to
        return _unread(part, record, error, limit)
    return _state(part, snapshot, record, limit)


def _part(graph: Graph, namespace: str) -> Graph:
    """The subgraph whose state is kept there; `inner:<task>|deeper:<task>` is deeper in inner."""
    names = "|".join(part.partition(":")[0] for part in namespace.split("|"))
    parts: dict[str, Any] = dict(graph.get_subgraphs(recurse=True)) if namespace else {}
    found: Graph = parts.get(names, graph)
    return found


def _state(graph: Graph, snapshot: StateSnapshot, record: CheckpointTuple, limit: int | None) -> State:
    values = snapshot.values if isinstance(snapshot.values, dict) else {"__root__": snapshot.values}
    failed = [(task.name, safe_error(task.error)) for task in snapshot.tasks if task.error]
    gone = [] if snapshot.tasks else missing_nodes(graph, record)
    return State(
        checkpoint_id=id_of(record),
        step=int(record.metadata.get("step", 0)),
        source=source_of(record),
        created_at=time_of(record),
        channels=_channels(graph, values, limit),
        messages=messages_in(values),
        next=nodes_next(graph, snapshot, record),
        errors=(*failed, *((node, "The graph no longer has this node, where the thread waits.") for node in gone)),
        tasks=tasks_of(snapshot, record),
    )


def _unread(graph: Graph, record: CheckpointTuple, error: Exception, limit: int | None) -> State:
    """The stored values as they are. What would run next is not known: that takes a graph that can read them."""
    stored = record.checkpoint["channel_values"]
    values = {name: stored[name] for name in graph.stream_channels_list if name in stored}
    return State(
        checkpoint_id=id_of(record),
        step=int(record.metadata.get("step", 0)),
        source=source_of(record),
        created_at=time_of(record),
        channels=_channels(graph, values, limit),
        messages=messages_in(values),
        next=(),
        errors=(("", f"This version of the graph cannot read the state. {safe_error(error)}"),),
    )


def _channels(graph: Graph, values: dict[str, Any], limit: int | None) -> tuple[Channel, ...]:
    return tuple(_channel(name, value, _declared_type(graph, name), limit) for name, value in values.items())


def _channel(name: str, value: object, declared: object, limit: int | None) -> Channel:
    plain = shown(value, limit=limit)
    kind = type_name(declared, default=type(value).__name__)
    return Channel(name=name, type=kind, size=plain.size, value=plain.value, complete=plain.complete)


def _declared_type(graph: Graph, name: str) -> object:
    return getattr(graph.channels.get(name), "ValueType", None)


def type_name(declared: object, *, default: str) -> str:
    """A type as its author wrote it, about; long parts of it are left out."""
    while get_origin(declared) is Annotated:
        declared = get_args(declared)[0]
    origin = get_origin(declared)
    parts = [type_name(part, default=repr(part)) for part in get_args(declared)]
    if origin in (Union, UnionType):
        return _unless_long(" | ".join(parts))
    if origin is not None:
        return f"{getattr(origin, '__name__', origin)}[{_unless_long(', '.join(parts))}]"
    if declared in (None, Any):
        return default
    return "None" if declared is NoneType else getattr(declared, "__name__", default)


def _unless_long(text: str) -> str:
    return text if len(text) <= TYPE_LENGTH else MARK
