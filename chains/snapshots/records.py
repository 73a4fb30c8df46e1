"""One query for a page of checkpoints, and what a checkpoint says about the step that made it.

Checkpoints are read from the saver itself and not through get_state_history: that would run the graph's own code
for every row, and one row which today's graph cannot read would take the whole page down.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeAlias

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.types import StateSnapshot

from chains.heads import BRANCH
from chains.marks import FROM_KEY
from chains.registry import Graph
from chains.snapshots.lean import lean

Saver: TypeAlias = BaseCheckpointSaver[Any]

# Names LangGraph itself writes into a checkpoint. They are part of its stored format.
SENDS = "__pregel_tasks"
NOT_NODES = frozenset({"__input__", "__interrupt__"})
READABLE_ID = re.compile(r"[A-Za-z0-9_.:-]{1,100}")
READABLE_NAMESPACE = re.compile(r"[^\x00-\x1f]{0,500}")


class NoCheckpoints(Exception):
    """The graph was compiled without a checkpointer, so no thread of it can be read: bind it to one first."""


def saver_of(graph: Graph) -> Saver:
    if not isinstance(graph.checkpointer, BaseCheckpointSaver):
        raise NoCheckpoints(NoCheckpoints.__doc__)
    return graph.checkpointer


def address(thread_id: str, checkpoint_id: str | None = None, *, namespace: str = "") -> RunnableConfig:
    place = {"thread_id": str(thread_id), "checkpoint_ns": namespace}
    if checkpoint_id is not None:
        place["checkpoint_id"] = checkpoint_id
    return {"configurable": place}


def newest(
    graph: Graph, thread_id: str, *, limit: int, before: str | None = None, namespace: str = ""
) -> list[CheckpointTuple]:
    """Newest first, all older than the checkpoint `before`. What cannot be a checkpoint's id has nothing before it.

    `namespace` names an execution of a subgraph. Long values may be missing from them.
    """
    if before is not None and not READABLE_ID.fullmatch(before):
        return []
    cursor = None if before is None else address(thread_id, before)
    return list(lean(saver_of(graph)).list(address(thread_id, namespace=namespace), before=cursor, limit=limit))


def namespace_of(record: CheckpointTuple) -> str:
    return str(record.config["configurable"].get("checkpoint_ns") or "")


def id_of(record: CheckpointTuple) -> str:
    return str(record.checkpoint["id"])


def parent_id_of(record: CheckpointTuple) -> str | None:
    parent = (record.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    return None if parent is None else str(parent)


def copied_from(record: CheckpointTuple) -> str | None:
    """Of a replay: the checkpoint it is a copy of. It stands beside that one, not behind it."""
    name = record.metadata.get(FROM_KEY)
    return name if isinstance(name, str) and READABLE_ID.fullmatch(name) and name < id_of(record) else None


def origin_of(record: CheckpointTuple) -> str | None:
    """The checkpoint whose state this one goes on from."""
    return copied_from(record) or parent_id_of(record)


def time_of(record: CheckpointTuple) -> datetime:
    return datetime.fromisoformat(record.checkpoint["ts"])


def source_of(record: CheckpointTuple) -> str:
    """ "input", "loop", "update" or "fork"."""
    return str(record.metadata.get("source", ""))


def reading(graph: Graph, records: Sequence[CheckpointTuple]) -> Graph:
    """The graph on checkpoints that were read already, newest first: asking it costs no query, nor can it write.

    Other checkpoints are read from the saver.
    """
    return graph.copy({"checkpointer": _Loaded(records, saver_of(graph))})


def line(records: Iterable[CheckpointTuple], *, start: str | None) -> Iterator[CheckpointTuple]:
    """`start` and its ancestors, as far as they are among the records (newest first)."""
    wanted = start
    for record in records:
        if id_of(record) == wanted:
            yield record
            wanted = origin_of(record)


def nodes_run(record: CheckpointTuple, parent: CheckpointTuple | None) -> tuple[str, ...]:
    """The nodes whose step made this checkpoint, sorted, one entry per execution; none for inputs, edits and forks.

    A node that was triggered has since seen newer versions of its triggers than its parent checkpoint had. A node
    started by Send leaves no such trace, but the Send itself was waiting in the parent.
    """
    if source_of(record) != "loop":
        return ()
    if parent is None:
        return tuple(sorted(_last_triggered(record)))
    before = parent.checkpoint["versions_seen"]
    triggered = [
        node
        for node, seen in record.checkpoint["versions_seen"].items()
        if seen != before.get(node, {}) and node not in NOT_NODES
    ]
    sent = [send.node for send in _sends(parent) if hasattr(send, "node")]
    return tuple(sorted([*triggered, *sent]))


def nodes_next(graph: Graph, snapshot: StateSnapshot, record: CheckpointTuple) -> tuple[str, ...]:
    """Empty only when the thread is finished.

    `snapshot.next` is also empty when a step is over and its checkpoint is not stored yet, but `tasks` is not then.
    Both are empty when the thread waits at a node that today's graph does not have.
    """
    return snapshot.next or tuple(task.name for task in snapshot.tasks) or missing_nodes(graph, record)


def missing_nodes(graph: Graph, record: CheckpointTuple) -> tuple[str, ...]:
    """Nodes whose turn it is at this checkpoint, and which the graph has no more."""
    armed = {name.removeprefix(BRANCH) for name in record.checkpoint["channel_values"] if name.startswith(BRANCH)}
    return tuple(sorted(armed - set(graph.nodes)))


def _sends(record: CheckpointTuple) -> Sequence[Any]:
    return record.checkpoint["channel_values"].get(SENDS) or ()


def _last_triggered(record: CheckpointTuple) -> list[str]:
    """Without the parent (pruned, or on another page): the nodes that saw the newest version anyone saw."""
    seen = {
        node: max(versions.values())
        for node, versions in record.checkpoint["versions_seen"].items()
        if versions and node not in NOT_NODES
    }
    return [node for node, version in seen.items() if version == max(seen.values())]


class _Loaded(BaseCheckpointSaver[Any]):
    def __init__(self, records: Sequence[CheckpointTuple], saver: Saver) -> None:
        super().__init__()
        self.records = {(namespace_of(record), id_of(record)): record for record in records}
        self.heads = {namespace_of(record): id_of(record) for record in reversed(records)}
        self.saver = saver

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        place = config["configurable"]
        namespace = place.get("checkpoint_ns") or ""
        known = self.records.get((namespace, place.get("checkpoint_id") or self.heads.get(namespace, "")))
        return known or self.saver.get_tuple(config)
