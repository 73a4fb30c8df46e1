"""A graph as a picture for everyone: SVG drawn on the server, and the same in one sentence."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from langgraph.constants import END, START

from chains.drawing.layout import Layout, layout
from chains.drawing.ranks import Edge, ranking
from chains.drawing.svg import TEXT_ROOM, Picture, svg
from chains.drawing.wording import TERMINALS, PathTaken, label, readable, sentence, text_width
from chains.registry import Builder, Graph

__all__ = ["Drawing", "PathTaken", "draw", "label"]

TERMINAL_WIDTH = 56
NARROWEST, WIDEST = 64, 230
# What a panel beside the question shows without making it smaller, about.
COMFORTABLE = 320


@dataclass(frozen=True)
class Drawing:
    """`svg` is safe to put into a page as it is; `sentence` is plain text and is not escaped."""

    svg: str
    sentence: str


@dataclass(frozen=True)
class Shape:
    """What a graph declares, laid out. `conditions`: its conditional edges, each with the author's word, or ""."""

    nodes: Sequence[str]
    edges: Sequence[Edge]
    conditions: Mapping[Edge, str]
    layout: Layout


def draw(graph: Graph, *, path: PathTaken, title: str, uid: str = "graph") -> Drawing:
    """`uid` begins every id in the picture: give each picture of a page its own."""
    shape = _shape(graph)
    undeclared = _undeclared(shape, path)
    edges = [*shape.edges, *undeclared]
    words = sentence(path, _following(edges))
    picture = Picture(
        layout=_laid_out(shape.nodes, edges) if undeclared else shape.layout,
        path=path,
        conditions=shape.conditions,
        title=title,
        description=words,
        uid=re.sub(r"[^\w-]", "-", uid),
    )
    return Drawing(svg=svg(picture), sentence=words)


# LangGraph finds the edges of a graph by running it on paper, which takes longer than all the rest.
# A builder does not change once chains are registered, however often it is compiled.
_shapes: WeakKeyDictionary[Builder, Shape] = WeakKeyDictionary()


def _shape(graph: Graph) -> Shape:
    shape = _shapes.get(graph.builder)
    if shape is None or set(shape.nodes) - set(TERMINALS) != set(graph.builder.nodes):
        shape = _shapes[graph.builder] = _read(graph)
    return shape


def _read(graph: Graph) -> Shape:
    drawable = graph.get_graph()
    nodes = list(drawable.nodes)
    edges = [(edge.source, edge.target) for edge in drawable.edges]
    words = {(edge.source, edge.target): str(edge.data or "") for edge in drawable.edges if edge.conditional}
    return Shape(nodes=nodes, edges=edges, conditions=words, layout=_laid_out(nodes, edges))


def _undeclared(shape: Shape, path: PathTaken) -> list[Edge]:
    """A node may go where it never said it would (Command(goto=...)): what was taken is drawn all the same."""
    nodes, known = set(shape.nodes), set(shape.edges)
    return sorted(edge for edge in path.taken if edge not in known and nodes.issuperset(edge))


def _following(edges: Sequence[Edge]) -> Mapping[str, Sequence[str]]:
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    return following


def _laid_out(nodes: Sequence[str], edges: Sequence[Edge]) -> Layout:
    """All boxes as wide as the longest name; each only as wide as its own where that would make the picture wide."""
    ranked = ranking(nodes, edges, first=START, last=END)
    own = {node: _width(node) for node in nodes}
    usual = max((width for node, width in own.items() if node not in TERMINALS), default=NARROWEST)
    same = {node: width if node in TERMINALS else usual for node, width in own.items()}
    placed = layout(ranked, same)
    return placed if placed.right - placed.left <= COMFORTABLE else layout(ranked, own)


def _width(node: str) -> float:
    if node in TERMINALS:
        return TERMINAL_WIDTH
    return min(max(text_width(readable(node)) + TEXT_ROOM, NARROWEST), WIDEST)
