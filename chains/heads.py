"""The head of a thread: what LangGraph has saved last, and what it is waiting for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.constants import TAG_HIDDEN
from langgraph.types import Interrupt, PregelTask, StateSnapshot

from chains.canonical import canonical_bytes, sha256
from chains.jsonable import jsonable
from chains.marks import FROM_KEY, RUN_KEY
from chains.registry import Graph
from chains.strict import strictly

BRANCH = "branch:to:"
# Marks the value of a question that the graph does not ask, but stops for: a static breakpoint.
PAUSE_MARK = "holdpoint_pause"
PAUSE_VERSION = 1
PAUSE_ID = "pause-"


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

    @property
    def outer_node(self) -> str:
        """The node of the outermost graph that waits: for a question of a subgraph, the one that runs it."""
        return self.namespace.partition(":")[0] or self.node

    @property
    def is_pause(self) -> bool:
        """A static breakpoint: there is nothing in the graph that would take an answer."""
        return self.interrupt_id.startswith(PAUSE_ID)


@dataclass(frozen=True)
class Head:
    """`next` are the nodes that would run; `run_id` is the run that wrote the checkpoint."""

    status: HeadStatus
    checkpoint_id: str = ""
    run_id: str = ""
    # The greatest id in any namespace: subgraphs go on writing while their parent's checkpoint stands still.
    newest_id: str = ""
    pending: tuple[Pending, ...] = ()
    next: tuple[str, ...] = ()

    @property
    def is_paused(self) -> bool:
        """At a static breakpoint."""
        return any(pending.is_pause for pending in self.pending)


class Drifted(RuntimeError):
    """The graph has changed under a waiting thread."""


@strictly()
def read_head(graph: Graph, thread_id: str) -> Head:
    """The live head, subgraphs included. Raises CannotRead, and Drifted when LangGraph would take a waiting thread for
    finished.
    """
    state = graph.get_state({"configurable": {"thread_id": thread_id}}, subgraphs=True)
    if state.metadata is None:
        return Head(HeadStatus.MISSING)
    pending = tuple(_pending(state)) or tuple(_pauses(graph, state))
    if not state.tasks:
        _refuse_drift(graph, thread_id)
    return Head(
        status=_status(state, pending),
        checkpoint_id=str(state.config["configurable"]["checkpoint_id"]),
        run_id=str(dict(state.metadata).get(RUN_KEY) or ""),
        newest_id=max(_ids(state)),
        pending=pending,
        next=tuple(task.name for task in state.tasks),
    )


def _ids(state: StateSnapshot) -> Iterator[str]:
    yield str(state.config["configurable"].get("checkpoint_id") or "")
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot):
            yield from _ids(task.state)


def _status(state: StateSnapshot, pending: tuple[Pending, ...]) -> HeadStatus:
    """`next == ()` is not finished (a crash between writes and checkpoint leaves it empty); no tasks is."""
    if pending and not _is_half_saved(state):
        return HeadStatus.WAITING
    return HeadStatus.UNFINISHED if state.tasks else HeadStatus.FINISHED


def _is_half_saved(state: StateSnapshot) -> bool:
    """A subgraph's question that its parent has not saved: a kill came between. LangGraph refuses every answer to it
    until the parent was continued, and nobody has seen it yet.
    """
    for task in state.tasks:
        if isinstance(task.state, StateSnapshot):
            asked = {interrupt.id for inner in task.state.tasks for interrupt in inner.interrupts}
            if asked - {interrupt.id for interrupt in task.interrupts} or _is_half_saved(task.state):
                return True
    return False


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


def _pauses(graph: Graph, state: StateSnapshot) -> Iterator[Pending]:
    """The static breakpoint this head stands at. LangGraph saves nothing of it, so the graph and its checkpoints tell.

    Whether the process stopped there or was killed on the way makes no difference: nobody has looked yet. Once a node
    of the step has left anything behind, the breakpoint was passed.
    """
    if not state.tasks or _has_begun(state):
        return
    names = [task.name for task in state.tasks]
    before = _held(graph, graph.interrupt_before_nodes, names)
    after = _held(graph, graph.interrupt_after_nodes, _just_ran(graph, state)) if graph.interrupt_after_nodes else []
    if not before and not after:
        return
    nodes = {key: nodes for key, nodes in (("before", before), ("after", after)) if nodes}
    value = {PAUSE_MARK: PAUSE_VERSION, **nodes, "next": sorted(set(names)), "state": jsonable(state.values)}
    payload = canonical_bytes(value)
    yield Pending(
        interrupt_id=PAUSE_ID + str(state.config["configurable"]["checkpoint_id"]),
        namespace="",
        node=(before or names)[0],
        value=value,
        payload=payload,
        sha256=sha256(payload),
        response_schema=None,
    )


def _has_begun(state: StateSnapshot) -> bool:
    return len(state.next) < len(state.tasks) or any(task.error or task.interrupts for task in state.tasks)


def _held(graph: Graph, held: Any, names: Iterable[str]) -> list[str]:
    """Of these nodes, those that the breakpoints name; `*` names all that LangGraph does not hide."""
    if held != "*":
        return sorted(set(names) & set(held))
    return sorted(name for name in set(names) if TAG_HIDDEN not in (graph.nodes[name].tags or ()))


def _just_ran(graph: Graph, state: StateSnapshot) -> list[str]:
    """The nodes of the step that led here. An edit or a fork runs none: the step before it counts."""
    while original := _made_from(state):
        state = graph.get_state(original)
    if _metadata(state).get("source") != "loop" or not state.parent_config:
        return []
    return [task.name for task in graph.get_state(state.parent_config).tasks]


def _made_from(state: StateSnapshot) -> RunnableConfig | None:
    """Of an edit or a fork: LangGraph's stand behind the checkpoint they were made from, ours beside it."""
    facts = _metadata(state)
    if facts.get("source") not in {"update", "fork"}:
        return None
    if FROM_KEY not in facts:
        return state.parent_config
    thread_id = state.config["configurable"]["thread_id"]
    return {"configurable": {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": facts[FROM_KEY]}}


def _metadata(state: StateSnapshot) -> dict[str, Any]:
    return dict(state.metadata or {})


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
