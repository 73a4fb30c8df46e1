"""A layout as inline SVG: classes for every colour, no style attribute, no script, all text escaped."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise

from chains.drawing.layout import LEFT, LOOP_ROOM, RIGHT, Box, Point
from chains.drawing.ranks import Edge
from chains.drawing.shapes import DOT, FRAME_HEAD, TEXT_ROOM, Group
from chains.drawing.wording import NOTHING, TERMINALS, PathTaken, readable, shortened

PAD = 8
# A small graph is not blown up to the width of its panel.
LEAST_WIDTH = 276
# A wider one is marked, so that the page can let it scroll instead of making it unreadable.
WIDE = 340
CORNER = 9
BADGE_HEIGHT = 14
NAME_LINE = 16


@dataclass(frozen=True)
class Picture:
    """All that is to be drawn, or one group of it with the path inside of it."""

    group: Group
    path: PathTaken
    title: str
    description: str
    uid: str

    def inside(self, name: str) -> "Picture":
        return replace(self, group=self.group.inside[name], path=self.path.inside.get(name, NOTHING))


def svg(picture: Picture) -> str:
    return "".join([_opening(picture), *_edges(picture), *_nodes(picture), "</svg>"])


def _opening(picture: Picture) -> str:
    layout, uid = picture.group.layout, picture.uid
    width = max(layout.right - layout.left + 2 * PAD, LEAST_WIDTH)
    height = layout.bottom + 2 * PAD
    left = (layout.left + layout.right - width) / 2
    return (
        f'<svg class="graph{" wide" if width > WIDE else ""}" viewBox="{_n(left)} {-PAD} {_n(width)} {_n(height)}"'
        f' width="{_n(width)}" height="{_n(height)}" role="img" aria-labelledby="{uid}-title {uid}-desc">'
        f'<title id="{uid}-title">{escape(picture.title)}</title>'
        f'<desc id="{uid}-desc">{escape(picture.description)}</desc>'
        f"<defs>{_arrow_head(f'{uid}-head', 'g-head')}{_arrow_head(f'{uid}-head-on', 'g-head on')}</defs>"
    )


def _arrow_head(identity: str, classes: str) -> str:
    return (
        f'<marker id="{identity}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        f'<path class="{classes}" d="M0 .8 7 4 0 7.2z"/></marker>'
    )


def _edges(picture: Picture) -> Iterator[str]:
    """Those taken last, so that nothing is drawn over them."""
    layout = picture.group.layout
    lines = {edge: _curve(points) for edge, points in layout.down.items()}
    climbs = {edge: _cornered(points) for edge, points in layout.up.items()}
    climbs |= {(node, node): _loop(layout.boxes[node]) for node in layout.loops}
    for edge, line in sorted((lines | climbs).items(), key=lambda item: item[0] in picture.path.taken):
        yield _edge(picture, edge, line, back=edge in climbs)


def _edge(picture: Picture, edge: Edge, line: str, *, back: bool) -> str:
    on = edge in picture.path.taken
    classes = {"g-edge": True, "on": on, "back": back, "cond": edge in picture.group.shape.conditions}
    word = picture.group.shape.conditions.get(edge, "")
    told = f"<title>{escape(readable(word))}</title>" if word else ""
    head = f"{picture.uid}-head{'-on' if on else ''}"
    return f'<path class="{_classes(classes)}" d="{line}" marker-end="url(#{head})">{told}</path>'


def _curve(points: Sequence[Point]) -> str:
    start, *_ = points
    path = [f"M{_n(start.x)} {_n(start.y)}"]
    for one, two in pairwise(points):
        middle = _n((one.y + two.y) / 2)
        end = f"{_n(two.x)} {_n(two.y)}"
        path.append(f"V{_n(two.y)}" if one.x == two.x else f"C{_n(one.x)} {middle} {_n(two.x)} {middle} {end}")
    return "".join(path)


def _cornered(points: Sequence[Point]) -> str:
    """Straight lines whose corners are rounded, as far as the lines are long enough."""
    path = [f"M{_n(points[0].x)} {_n(points[0].y)}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        radius = min(CORNER, _length(before, corner) / 2, _length(corner, after) / 2)
        one, two = _toward(corner, before, radius), _toward(corner, after, radius)
        path.append(f"L{_n(one.x)} {_n(one.y)}Q{_n(corner.x)} {_n(corner.y)} {_n(two.x)} {_n(two.y)}")
    return f"{''.join(path)}L{_n(points[-1].x)} {_n(points[-1].y)}"


def _length(one: Point, two: Point) -> float:
    return abs(one.x - two.x) + abs(one.y - two.y)


def _toward(start: Point, end: Point, distance: float) -> Point:
    share = distance / (_length(start, end) or 1)
    return Point(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share)


def _loop(box: Box) -> str:
    x, y, reach = box.side(LEFT), box.middle, box.side(LEFT) - LOOP_ROOM * 1.2
    return f"M{_n(x)} {_n(y - 5)}C{_n(reach)} {_n(y - 13)} {_n(reach)} {_n(y + 13)} {_n(x)} {_n(y + 5)}"


def _nodes(picture: Picture) -> Iterator[str]:
    path, group = picture.path, picture.group
    counts = Counter(path.done) | Counter({node for edge in path.taken for node in edge} & set(TERMINALS))
    for name, box in group.layout.boxes.items():
        holds = name in group.inside and bool(picture.inside(name).path.current)
        classes = {
            "g-node": True,
            "g-frame": name in group.inside,
            "done" if counts[name] else "todo": True,
            "holds": holds,
            "failed": name in path.failed and not holds,
            "current": name in path.current and not holds,
            "waiting": name in path.waiting and not holds,
            "unknown": name in group.inside and counts[name] > 0 and name not in path.inside,
            "term": name in TERMINALS,
        }
        inside = "".join(_inside(picture.inside(name), box)) if name in group.inside else ""
        drawn = _frame(name, box) if inside else _box(name, box)
        yield f'<g class="{_classes(classes)}">{drawn}{_badge(box, counts[name])}{inside}</g>'


def _inside(picture: Picture, box: Box) -> Iterator[str]:
    """Laid out on its own, and moved into its frame."""
    layout = picture.group.layout
    x, y = box.x - (layout.left + layout.right) / 2, box.y + FRAME_HEAD
    yield f'<g class="g-inside" transform="translate({_n(x)} {_n(y)})">'
    yield from _edges(picture)
    yield from _nodes(picture)
    yield "</g>"


def _box(name: str, box: Box) -> str:
    label, radius = readable(name), box.height / 2 if name in TERMINALS else 7
    told = f"<title>{escape(label)}</title>{_rect(box, radius)}"
    if box.height <= DOT.height:
        return told
    short = shortened(label, width=box.width - TEXT_ROOM + 1)
    return f'{told}<text x="{_n(box.x)}" y="{_n(box.middle + 4)}" text-anchor="middle">{escape(short)}</text>'


def _frame(name: str, box: Box) -> str:
    label = readable(name)
    short = shortened(label, width=box.width - TEXT_ROOM + 1)
    x, y = box.side(LEFT) + TEXT_ROOM / 2, box.y + NAME_LINE
    return f'<title>{escape(label)}</title>{_rect(box, 9)}<text x="{_n(x)}" y="{_n(y)}">{escape(short)}</text>'


def _rect(box: Box, radius: float) -> str:
    return (
        f'<rect x="{_n(box.side(LEFT))}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}"'
        f' rx="{_n(radius)}"/>'
    )


def _badge(box: Box, count: int) -> str:
    if count < 2:
        return ""
    text = f"×{count}"
    width = 8 + 5.6 * len(text)
    x, y = box.side(RIGHT) - width - 4, box.y - BADGE_HEIGHT / 2 - 2
    return (
        f'<g class="g-count"><rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{BADGE_HEIGHT}" rx="7"/>'
        f'<text x="{_n(x + width / 2)}" y="{_n(y + 10)}" font-size="9" text-anchor="middle">{text}</text></g>'
    )


def _classes(wanted: Mapping[str, bool]) -> str:
    return " ".join(name for name, wants in wanted.items() if wants)


def _n(number: float) -> str:
    """A tenth of a pixel is enough."""
    return f"{round(number, 1) + 0:g}"
