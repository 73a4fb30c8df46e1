"""Replay and fork: going on from any checkpoint of a thread, with or without an edit. The old branch stays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointTuple
from langgraph.checkpoint.base.id import uuid6
from langgraph.types import StateSnapshot

from chains.editing import Edit, HeadMoved, own_head, passed_by, try_on_copy
from chains.heads import read_head
from chains.marks import FROM_KEY
from chains.ordering import come_after
from chains.registry import Graph
from chains.runner import Work, config_for
from chains.settable import BadEdit, as_update

FURTHEST = 500


@dataclass(frozen=True)
class Plan:
    """`next` would run first; `again` are the nodes that ran after this checkpoint, and may all run again, oldest
    first; `since` is when the checkpoint was made; `skipped` are the nodes there that an edit takes it past.
    """

    checkpoint_id: str
    next: tuple[str, ...]
    again: tuple[str, ...]
    since: str
    skipped: tuple[str, ...] = ()


def plan_fork(graph: Graph, thread_id: str, checkpoint_id: str, edit: Edit | None = None) -> Plan:
    """What going on from this checkpoint would run. Raises HeadMoved when it is gone, BadEdit, and PassesBy
    when the edit takes another way and does not say that this is meant; stores nothing.
    """
    snapshot = graph.get_state(_at(thread_id, checkpoint_id))
    if snapshot.metadata is None:
        raise HeadMoved("That step is not saved any more. Reload the page.")
    next = snapshot.next
    skipped: tuple[str, ...] = ()
    if edit is not None:
        next = try_on_copy(graph, thread_id, edit, checkpoint_id=checkpoint_id)
        asking = [task.name for task in snapshot.tasks if task.interrupts]
        skipped = passed_by(asking or snapshot.next, next, edit)
    if not next:
        raise BadEdit("Nothing runs after this step. Choose an earlier one.")
    again = tuple(dict.fromkeys(_ran_after(graph, thread_id, checkpoint_id)))
    return Plan(checkpoint_id, next, again, snapshot.created_at or "", skipped)


def fork(graph: Graph, thread_id: str, work: Work, checkpoint_id: str, edit: Edit | None = None) -> None:
    """Make a new head out of an old checkpoint, in one write that carries the run's id: a second call changes nothing.
    Raises HeadMoved, or BadEdit with nothing stored.

    Call while holding the thread; then advance() goes on from it. Naming the old checkpoint while running instead would
    pass breakpoints by, and run finished steps twice when the worker dies.
    """
    head = read_head(graph, thread_id)
    if head.run_id == work.run_id:
        return
    come_after(head.newest_id)
    if edit is not None:
        try_on_copy(graph, thread_id, edit, checkpoint_id=checkpoint_id)  # what a router raises is an answer, too
        config = config_for(thread_id, work)
        config["configurable"] |= {"checkpoint_ns": "", "checkpoint_id": checkpoint_id}
        graph.update_state(config, as_update(graph, edit.values), as_node=edit.as_node or None)
    else:
        _copy(graph, thread_id, work, checkpoint_id)
    own_head(graph, thread_id, work)


def _copy(graph: Graph, thread_id: str, work: Work, checkpoint_id: str) -> None:
    """As LangGraph's own copy does it: beside the old checkpoint, not behind it, so that no writes of its are read."""
    saver = _saver(graph)
    old = saver.get_tuple(_at(thread_id, checkpoint_id))
    if old is None:
        raise HeadMoved("That step is not saved any more. Reload the page.")
    new = {**old.checkpoint, "id": str(uuid6(clock_seq=-2)), "ts": datetime.now(UTC).isoformat()}
    parent = old.parent_config or _at(thread_id, None)
    saver.put(parent, new, _metadata(old, thread_id, work), {})  # type: ignore[arg-type]


def _metadata(old: CheckpointTuple, thread_id: str, work: Work) -> Any:
    ours: Mapping[str, Any] = config_for(thread_id, work)["metadata"]
    step = int(old.metadata.get("step", 0))
    counters = {key: part for key, part in old.metadata.items() if key == "counters_since_delta_snapshot"}
    name = old.config["configurable"]["checkpoint_id"]
    return {"source": "fork", "step": step + 1, "parents": {}, FROM_KEY: name, **counters, **ours}


def _ran_after(graph: Graph, thread_id: str, checkpoint_id: str) -> Iterator[str]:
    """Every step saved since, on whichever branch; at most FURTHEST are looked at."""
    newest_first: list[StateSnapshot] = []
    for snapshot in graph.get_state_history(_at(thread_id, None), limit=FURTHEST):
        newest_first.append(snapshot)
        if snapshot.config["configurable"]["checkpoint_id"] == checkpoint_id:
            break
    for snapshot in reversed(newest_first):
        yield from (task.name for task in snapshot.tasks if not task.name.startswith("__"))


def _saver(graph: Graph) -> BaseCheckpointSaver[Any]:
    saver = graph.checkpointer
    if not isinstance(saver, BaseCheckpointSaver):
        raise RuntimeError("A graph without a saver has no checkpoints to go back to.")
    return saver


def _at(thread_id: str, checkpoint_id: str | None) -> RunnableConfig:
    named = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", **named}}
