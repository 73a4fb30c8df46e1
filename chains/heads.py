"""The head of a thread: what LangGraph has saved last, and what it is waiting for."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from langgraph.types import Interrupt, PregelTask, StateSnapshot

from chains.canonical import canonical_bytes, sha256
from chains.registry import Graph

# In the metadata of every checkpoint a run writes, so that a run knows its own and the history knows the person.
RUN_KEY = "holdpoint_run"
BY_KEY = "holdpoint_by"
REASON_KEY = "holdpoint_reason"
BRANCH = "branch:to:"


class HeadStatus(StrEnum):
    MISSING = "missing"
    FINISHED = "finished"
    WAITING = "waiting"
    UNFINISHED = "unfinished"


@dataclass(frozen=True)
class Pending:
    """A question waiting at the head, as canonical bytes."""

    interrupt_id: str
    namespace: str
    node: str
    value: Any
    payload: bytes
    sha256: str
    response_schema: dict[str, Any] | None

    @property
    def key(self) -> tuple[str, str]:
        return self.interrupt_id, self.sha256


@dataclass(frozen=True)
class Head:
    """`next` are the nodes that would run; `run_id` is the run that wrote the checkpoint."""

    status: HeadStatus
    checkpoint_id: str = ""
    run_id: str = ""
    pending: tuple[Pending, ...] = ()
    next: tuple[str, ...] = ()


class Drifted(RuntimeError):
    """The graph has changed under a waiting thread."""


def read_head(graph: Graph, thread_id: str) -> Head:
    """The live head, subgraphs included. Raises Drifted when LangGraph would take a waiting thread for finished."""
    state = graph.get_state({"configurable": {"thread_id": thread_id}}, subgraphs=True)
    if state.metadata is None:
        return Head(HeadStatus.MISSING)
    pending = tuple(_pending(state))
    if not state.tasks:
        _refuse_drift(graph, thread_id)
    return Head(
        status=_status(state, pending),
        checkpoint_id=str(state.config["configurable"]["checkpoint_id"]),
        run_id=str(dict(state.metadata).get(RUN_KEY) or ""),
        pending=pending,
        next=tuple(task.name for task in state.tasks),
    )


def _status(state: StateSnapshot, pending: tuple[Pending, ...]) -> HeadStatus:
    """`next == ()` is not finished (a crash between writes and checkpoint leaves it empty); no tasks is."""
    if pending:
        return HeadStatus.WAITING
    return HeadStatus.UNFINISHED if state.tasks else HeadStatus.FINISHED


def _pending(state: StateSnapshot, seen: set[str] | None = None) -> Iterator[Pending]:
    """Innermost first, since a parent's task lists its subgraph's interrupts again."""
    seen = set() if seen is None else seen
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot):
            yield from _pending(task.state, seen)
        for interrupt in task.interrupts:
            if interrupt.id not in seen:
                seen.add(interrupt.id)
                yield _as_pending(interrupt, task, state)


def _as_pending(interrupt: Interrupt, task: PregelTask, state: StateSnapshot) -> Pending:
    payload = canonical_bytes(interrupt.value)
    schema = getattr(interrupt, "response_schema", None)
    return Pending(
        interrupt_id=interrupt.id,
        namespace=str(state.config["configurable"].get("checkpoint_ns") or ""),
        node=task.name,
        value=interrupt.value,
        payload=payload,
        sha256=sha256(payload),
        response_schema=dict(schema) if isinstance(schema, dict) else None,
    )


def _refuse_drift(graph: Graph, thread_id: str) -> None:
    """A renamed node leaves its trigger behind: the thread would look finished and its question would be gone."""
    saver = graph.checkpointer
    if saver is None or isinstance(saver, bool):
        return
    found = saver.get_tuple({"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}})
    channels = found.checkpoint["channel_values"] if found else {}
    triggers = {name.removeprefix(BRANCH) for name in channels if name.startswith(BRANCH)}
    missing = sorted(triggers - set(graph.nodes))
    if missing:
        raise Drifted(
            f"The graph no longer has the node {', '.join(missing)}, where this thread waits. "
            "Bring the node back under its old name, then retry."
        )
