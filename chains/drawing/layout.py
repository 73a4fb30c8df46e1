"""Where the boxes of a graph stand and which way its edges run, in pixels. The same graph always looks the same."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from chains.drawing.placing import positions
from chains.drawing.ranks import Bend, Cell, Edge, Ranking

HEIGHT = 28
ROW_GAP = 24
BEND_WIDTH = 8
LANE_GAP = 14
LOOP_ROOM = 20
# Edges up leave a side of a box this far below its middle and enter this far above.
PORT = 5
LEFT, RIGHT = -1, 1


class Point(NamedTuple):
    x: float
    y: float


class Size(NamedTuple):
    width: float
    height: float = HEIGHT


@dataclass(frozen=True)
class Row:
    """As high as the highest of what stands in it."""

    number: int
    top: float
    bottom: float


@dataclass(frozen=True)
class Box:
    """`x` is the middle. It stands in the middle of its row."""

    row: Row
    x: float
    width: float
    height: float

    @property
    def y(self) -> float:
        return self.middle - self.height / 2

    @property
    def bottom(self) -> float:
        return self.middle + self.height / 2

    @property
    def middle(self) -> float:
        return (self.row.top + self.row.bottom) / 2

    def side(self, side: int) -> float:
        return self.x + side * self.width / 2


@dataclass(frozen=True)
class Layout:
    """`down`: curves, upright in every point. `up`: straight lines with corners. `loops`: nodes to themselves."""

    boxes: Mapping[str, Box]
    down: Mapping[Edge, Sequence[Point]]
    up: Mapping[Edge, Sequence[Point]]
    loops: Collection[str]
    left: float
    right: float
    bottom: float


def layout(ranked: Ranking, sizes: Mapping[str, Size]) -> Layout:
    """`sizes` names every node."""
    loops = [source for source, target in ranked.back if source == target]

    def width(cell: Cell) -> float:
        return BEND_WIDTH if isinstance(cell, Bend) else sizes[cell].width

    x = positions(ranked, lambda cell: width(cell) + (2 * LOOP_ROOM if cell in loops else 0))
    places = {
        cell: Box(row, x[cell], width(cell), row.bottom - row.top if isinstance(cell, Bend) else sizes[cell].height)
        for row, cells in zip(_rows(ranked, sizes), ranked.rows, strict=True)
        for cell in cells
    }
    boxes = {node: places[node] for node in sizes}
    lanes = _Lanes(places.values(), [boxes[node] for node in loops])
    climbs = sorted((edge for edge in ranked.back if edge[0] != edge[1]), key=lambda edge: _height(edge, boxes))
    return Layout(
        boxes=boxes,
        down={edge: _descent([places[cell] for cell in chain]) for edge, chain in ranked.chains.items()},
        up={edge: lanes.climb(boxes[edge[0]], boxes[edge[1]], list(boxes.values())) for edge in climbs},
        loops=loops,
        left=min(lanes.outermost[LEFT], default=0),
        right=max(lanes.outermost[RIGHT], default=0),
        bottom=max((box.bottom for box in boxes.values()), default=0),
    )


def _rows(ranked: Ranking, sizes: Mapping[str, Size]) -> Iterator[Row]:
    top = 0.0
    for number, cells in enumerate(ranked.rows):
        bottom = top + max((sizes[cell].height for cell in cells if not isinstance(cell, Bend)), default=HEIGHT)
        yield Row(number, top, bottom)
        top = bottom + ROW_GAP


def _height(edge: Edge, boxes: Mapping[str, Box]) -> int:
    return boxes[edge[0]].row.number - boxes[edge[1]].row.number


def _descent(places: Sequence[Box]) -> list[Point]:
    """Out of the bottom of the first, straight through the rows on the way, into the top of the last.

    Aside only between the rows: a box may have a higher neighbour.
    """
    first, *through, last = places
    points = [Point(first.x, first.bottom), Point(first.x, first.row.bottom)]
    points += [point for bend in through for point in (Point(bend.x, bend.y), Point(bend.x, bend.bottom))]
    points += [Point(last.x, last.row.top), Point(last.x, last.y)]
    return list(dict.fromkeys(points))


class _Lanes:
    """The room beside the rows, where edges climb: each one outside all that stands or climbs there already."""

    def __init__(self, places: Collection[Box], loops: Collection[Box]) -> None:
        rows = range(max((box.row.number for box in places), default=-1) + 1)
        self.outermost = {
            LEFT: [min(box.side(LEFT) for box in places if box.row.number == row) for row in rows],
            RIGHT: [max(box.side(RIGHT) for box in places if box.row.number == row) for row in rows],
        }
        for box in loops:
            self.push(LEFT, [box.row.number], box.side(LEFT) - LOOP_ROOM)

    def climb(self, source: Box, target: Box, boxes: Collection[Box]) -> list[Point]:
        """On the side with fewer boxes in the way, and around those through the gaps between the rows."""
        side = min((RIGHT, LEFT), key=lambda side: _beside(source, side, boxes) + _beside(target, side, boxes))
        rows = range(target.row.number, source.row.number + 1)
        outermost = [side * self.outermost[side][row] for row in rows]
        lane = side * (max(outermost) + LANE_GAP)
        self.push(side, rows, lane)
        return [
            *_way_out(source, side, lane, blocked=_beside(source, side, boxes) > 0),
            *_way_in(target, side, lane, blocked=_beside(target, side, boxes) > 0),
        ]

    def push(self, side: int, rows: Iterable[int], lane: float) -> None:
        for row in rows:
            self.outermost[side][row] = side * max(side * self.outermost[side][row], side * lane)


def _beside(box: Box, side: int, boxes: Collection[Box]) -> int:
    return sum(1 for other in boxes if other.row == box.row and side * other.x > side * box.x)


def _way_out(box: Box, side: int, lane: float, *, blocked: bool) -> list[Point]:
    if blocked:
        x, y = box.x + side * box.width / 4, box.row.bottom + ROW_GAP / 3
        return [Point(x, box.bottom), Point(x, y), Point(lane, y)]
    y = box.middle + PORT
    return [Point(box.side(side), y), Point(lane, y)]


def _way_in(box: Box, side: int, lane: float, *, blocked: bool) -> list[Point]:
    if blocked:
        x, y = box.x + side * box.width / 4, box.row.top - ROW_GAP / 3
        return [Point(lane, y), Point(x, y), Point(x, box.y)]
    y = box.middle - PORT
    return [Point(lane, y), Point(box.side(side), y)]
