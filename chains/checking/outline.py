"""A chain in a few lines of text: its way, its form, its hold points."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.constants import TAG_HIDDEN

from chains.checking.source import asking_nodes
from chains.registry import Chain, Graph


@dataclass(frozen=True)
class Field:
    name: str
    kind: str
    is_required: bool


@dataclass(frozen=True)
class Outline:
    """`way` has a line for every node, in the order of the graph: "ask → act, end"."""

    way: tuple[str, ...]
    fields: tuple[Field, ...]
    holds: tuple[str, ...]


def outline(chain: Chain, graph: Graph) -> Outline:
    return Outline(way=tuple(_way(graph)), fields=tuple(_fields(chain.input_schema)), holds=tuple(_holds(graph)))


def _way(graph: Graph) -> list[str]:
    drawable = graph.get_graph()
    following: dict[str, list[str]] = {}
    for edge in drawable.edges:
        following.setdefault(edge.source, []).append(edge.target)
    return [f"{_told(node)} → {', '.join(map(_told, following[node]))}" for node in drawable.nodes if node in following]


def _told(node: str) -> str:
    return node.strip("_") if node in ("__start__", "__end__") else node


def _fields(schema: Mapping[str, Any]) -> list[Field]:
    required = schema.get("required", ())
    properties: Mapping[str, Any] = schema.get("properties", {})
    return [Field(name, _kind(part), name in required) for name, part in properties.items()]


def _kind(part: Any) -> str:
    if not isinstance(part, Mapping):
        return "anything"
    choices = part.get("anyOf") or part.get("oneOf") or ()
    if choices:
        return " or ".join(dict.fromkeys(_kind(choice) for choice in choices))
    if "enum" in part:
        return " or ".join(map(str, part["enum"]))
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    return str(part.get("type", "anything"))


def _holds(graph: Graph) -> list[str]:
    asking = [f"{node} asks" for node in asking_nodes(graph)]
    before = [f"stops before {node}" for node in _named(graph, graph.interrupt_before_nodes)]
    return asking + before + [f"stops after {node}" for node in _named(graph, graph.interrupt_after_nodes)]


def _named(graph: Graph, held: Any) -> list[str]:
    if held != "*":
        return list(held)
    return [name for name, node in graph.nodes.items() if TAG_HIDDEN not in (node.tags or ())]
