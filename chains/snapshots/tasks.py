"""The nodes of a checkpoint's next step: what each has written so far, asked, or failed with."""

from dataclasses import dataclass

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.types import StateSnapshot

from chains.heads import BRANCH
from chains.jsonable import JSON, shown
from chains.snapshots.errors import safe_error

# Of one pending write, in characters of JSON.
LONGEST = 20_000
# Part of LangGraph's stored format; what they hold is told in another way.
TOLD_OTHERWISE = ("__error__", "__error_source_node__", "__interrupt__", "__resume__", "__no_writes__")


@dataclass(frozen=True)
class Task:
    """`writes` are (channel, value) pairs that wait for the rest of the step; `asks`, how many questions it has open;
    `answered`, whether an answer to it is stored; `namespace` is where the state of a subgraph is kept, "" for none.
    """

    node: str
    writes: tuple[tuple[str, JSON], ...]
    asks: int
    answered: bool
    error: str
    namespace: str


def tasks_of(snapshot: StateSnapshot, record: CheckpointTuple) -> tuple[Task, ...]:
    written: dict[str, list[tuple[str, object]]] = {}
    for task_id, channel, value in record.pending_writes or ():
        written.setdefault(task_id, []).append((channel, value))
    return tuple(
        Task(
            node=task.name,
            writes=tuple(
                (channel, shown(value, limit=LONGEST).value)
                for channel, value in written.get(task.id, ())
                if channel not in TOLD_OTHERWISE and not channel.startswith(BRANCH)
            ),
            asks=len(task.interrupts),
            answered=any(channel == "__resume__" for channel, _ in written.get(task.id, ())),
            error=safe_error(task.error) if task.error else "",
            namespace=_namespace(task.state),
        )
        for task in snapshot.tasks
    )


def _namespace(state: object) -> str:
    """What get_state gives without subgraphs=True: the address of a subgraph's own state."""
    place = state.get("configurable", {}) if isinstance(state, dict) else {}
    return str(place.get("checkpoint_ns") or "")
