"""A graph as a picture for everyone: SVG drawn on the server, and the same in words."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chains.drawing.shapes import Group, group_of
from chains.drawing.svg import Picture, svg
from chains.drawing.wording import PathTaken, inside, label, not_known, sentence
from chains.registry import Graph

__all__ = ["Drawing", "PathTaken", "draw", "label"]

# Of subgraphs, in words; those where the thread stands are among them.
MOST_TOLD = 8


@dataclass(frozen=True)
class Drawing:
    """`svg` is safe to put into a page as it is; `sentence` is plain text and is not escaped."""

    svg: str
    sentence: str


def draw(graph: Graph, *, path: PathTaken, title: str, uid: str = "graph") -> Drawing:
    """`uid` begins every id in the picture: give each picture of a page its own."""
    group = group_of(graph, path)
    told = list(_told(group, path))
    left_out = f"{len(told) - MOST_TOLD} more subgraphs ran." if len(told) > MOST_TOLD else ""
    words = " ".join(filter(None, [_sentence(group, path), *told[:MOST_TOLD], left_out]))
    picture = Picture(
        group=group,
        path=path,
        title=title,
        description=words,
        uid=re.sub(r"[^\w-]", "-", uid),
    )
    return Drawing(svg=svg(picture), sentence=words)


def _told(group: Group, path: PathTaken, way: Sequence[str] = ()) -> Iterator[str]:
    """Of what runs or ran inside, those first where the thread stands."""
    for name in sorted(group.inside, key=lambda name: name not in path.current):
        known = path.inside.get(name)
        if known is not None:
            yield inside([*way, name], _sentence(group.inside[name], known))
            yield from _told(group.inside[name], known, [*way, name])
        elif name in path.done:
            yield not_known([*way, name])


def _sentence(group: Group, path: PathTaken) -> str:
    """What comes next is told of the innermost graph: nothing else comes before that."""
    goes_on = {name for name in group.inside if name in path.inside and path.inside[name].waiting}
    return sentence(path, {node: targets for node, targets in _following(group).items() if node not in goes_on})


def _following(group: Group) -> Mapping[str, Sequence[str]]:
    following: dict[str, list[str]] = {}
    for source, target in group.edges:
        following.setdefault(source, []).append(target)
    return following
