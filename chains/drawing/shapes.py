"""What a graph declares, subgraphs included, and where all of it stands. Read and laid out once per builder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from langgraph.constants import END, START
from langgraph.graph.state import CompiledStateGraph

from chains.drawing.layout import Layout, Size, layout
from chains.drawing.ranks import Edge, ranking
from chains.drawing.wording import NOTHING, TERMINALS, PathTaken, readable, text_width
from chains.registry import Builder, Graph

TERMINAL = Size(56)
# In a subgraph, beginning and end are dots: its name says what begins and ends.
DOT = Size(10, 10)
NARROWEST, WIDEST = 64, 230
TEXT_ROOM = 22
# What a panel beside the question shows without making it smaller, about.
COMFORTABLE = 320
# Around what is in a frame; above it, where its name stands.
FRAME_PAD, FRAME_HEAD = 12, 30
# How deep subgraphs are opened, and how many nodes are drawn at most: what is deeper stays one box.
DEEPEST = 3
MOST_NODES = 150


@dataclass(frozen=True, eq=False)
class Shape:
    """What a graph declares. `conditions`: its conditional edges, each with the author's word, or "". `inner`: the
    graphs that are nodes of it. `groups`: how it was laid out before, by how deep it was opened.
    """

    nodes: Sequence[str]
    edges: Sequence[Edge]
    conditions: Mapping[Edge, str]
    inner: Mapping[str, Graph]
    groups: "dict[int, Group]" = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Group:
    """A graph laid out, with the graphs inside of its nodes."""

    shape: Shape
    edges: Sequence[Edge]
    layout: Layout
    inside: "Mapping[str, Group]"


def group_of(graph: Graph, path: PathTaken) -> Group:
    """As deep as there is room for."""
    levels = next((levels for levels in range(DEEPEST, 0, -1) if _size(graph, levels, {}) <= MOST_NODES), 0)
    return _group(graph, path, levels=levels, is_inside=False)


# LangGraph finds the edges of a graph by running it on paper, which takes longer than all the rest.
# A builder does not change once chains are registered, however often it is compiled.
_shapes: WeakKeyDictionary[Builder, Shape] = WeakKeyDictionary()


def shape_of(graph: Graph) -> Shape:
    shape = _shapes.get(graph.builder)
    if shape is None or set(shape.nodes) - set(TERMINALS) != set(graph.builder.nodes):
        shape = _shapes[graph.builder] = _read(graph)
    return shape


def _read(graph: Graph) -> Shape:
    drawable = graph.get_graph()
    return Shape(
        nodes=list(drawable.nodes),
        edges=[(edge.source, edge.target) for edge in drawable.edges],
        conditions={(edge.source, edge.target): str(edge.data or "") for edge in drawable.edges if edge.conditional},
        inner={
            name: inner
            for name, inner in graph.get_subgraphs()
            if isinstance(inner, CompiledStateGraph) and name in drawable.nodes
        },
    )


def _size(graph: Graph, levels: int, known: dict[tuple[int, int], int]) -> int:
    """How many nodes are drawn. A graph may be part of itself, and of many others."""
    shape = shape_of(graph)
    at = (id(shape), levels)
    if at not in known:
        known[at] = len(shape.nodes)
        if levels:
            known[at] += sum(_size(inner, levels - 1, known) for inner in shape.inner.values())
    return known[at]


def _group(graph: Graph, path: PathTaken, *, levels: int, is_inside: bool) -> Group:
    shape = shape_of(graph)
    opened = shape.inner if levels else {}
    inside = {
        name: _group(inner, path.inside.get(name, NOTHING), levels=levels - 1, is_inside=True)
        for name, inner in opened.items()
    }
    undeclared = _undeclared(shape, path)
    if undeclared:
        return _laid_out(shape, [*shape.edges, *undeclared], inside, is_inside=is_inside)
    at = levels if is_inside else -levels - 1
    known = shape.groups.get(at)
    if known is None or known.inside != inside:
        known = shape.groups[at] = _laid_out(shape, shape.edges, inside, is_inside=is_inside)
    return known


def _undeclared(shape: Shape, path: PathTaken) -> list[Edge]:
    """A node may go where it never said it would (Command(goto=...)): what was taken is drawn all the same."""
    nodes, known = set(shape.nodes), set(shape.edges)
    return sorted(edge for edge in path.taken if edge not in known and nodes.issuperset(edge))


def _laid_out(shape: Shape, edges: Sequence[Edge], inside: Mapping[str, Group], *, is_inside: bool) -> Group:
    """All boxes as wide as the longest name; each only as wide as its own where that would make the picture wide."""
    ranked = ranking(shape.nodes, edges, first=START, last=END)
    fixed = dict.fromkeys(TERMINALS, DOT if is_inside else TERMINAL)
    fixed |= {name: _frame(name, group.layout) for name, group in inside.items()}
    own = {node: fixed.get(node) or Size(_width(node)) for node in shape.nodes}
    usual = max((size.width for node, size in own.items() if node not in fixed), default=NARROWEST)
    same = {node: fixed.get(node) or Size(usual) for node in shape.nodes}
    placed = layout(ranked, same)
    if placed.right - placed.left > COMFORTABLE:
        placed = layout(ranked, own)
    return Group(shape=shape, edges=edges, layout=placed, inside=inside)


def _frame(name: str, inner: Layout) -> Size:
    """With room for its name, as far as names get any."""
    return Size(
        max(inner.right - inner.left + 2 * FRAME_PAD, _width(name)),
        FRAME_HEAD + inner.bottom + FRAME_PAD,
    )


def _width(node: str) -> float:
    return min(max(text_width(readable(node)) + TEXT_ROOM, NARROWEST), WIDEST)
