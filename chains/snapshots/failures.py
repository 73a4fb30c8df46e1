"""Which nodes of a thread failed, and what they said."""

from collections.abc import Iterator
from dataclasses import dataclass

from langgraph.types import StateSnapshot

from chains.registry import Graph
from chains.snapshots.errors import technical_error


@dataclass(frozen=True)
class NodeFailure:
    """`node` is a path: "billing › charge" is a node of a subgraph. `text` is bounded, and for operators."""

    node: str
    error_class: str
    text: str


def node_failures(graph: Graph, thread_id: str) -> list[NodeFailure]:
    """At the head; innermost only, since a node that runs a subgraph repeats its error."""
    return list(_failures(graph.get_state({"configurable": {"thread_id": thread_id}}, subgraphs=True)))


def _failures(state: StateSnapshot, above: str = "") -> Iterator[NodeFailure]:
    for task in state.tasks:
        place = f"{above}{task.name}"
        inner = list(_failures(task.state, f"{place} › ")) if isinstance(task.state, StateSnapshot) else []
        yield from inner
        if task.error and not inner:
            yield NodeFailure(place, *technical_error(task.error))
