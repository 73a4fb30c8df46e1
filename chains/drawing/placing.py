"""How far along its row each cell stands: as straight below its neighbours as the cells beside it allow."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import TypeAlias

from chains.drawing.ranks import Bend, Cell, Edge, Ranking

BOX_GAP = 20
BEND_GAP = 12
SWEEPS = 8
# How strongly a link pulls its ends into one line, by how many of them are bends: long edges run straight.
PULL = (1, 3, 8)
# A wish: where, and how much.
MIDDLE = (0.0, 1e6)
INDIFFERENT = 0.1

Links: TypeAlias = Mapping[Cell, Sequence[tuple[Cell, int]]]


def positions(ranked: Ranking, room: Callable[[Cell], float]) -> dict[Cell, float]:
    """The middle of each cell. `room` is how wide a cell is."""
    links = _links(ranked.chains)
    alone = _alone(ranked)
    offsets = [list(accumulate(_distances(row, room), initial=0.0)) for row in ranked.rows]
    lines = [(row, places) for row, places in zip(ranked.rows, offsets, strict=True) if row]
    x = {cell: place - places[-1] / 2 for row, places in lines for cell, place in zip(row, places, strict=True)}
    for sweep in range(SWEEPS):
        for row, places in lines if sweep % 2 == 0 else reversed(lines):
            wishes = [MIDDLE if cell in alone else _wish(cell, links, x) for cell in row]
            x |= dict(zip(row, _apart(wishes, places), strict=True))
    return {cell: round(place, 1) + 0.0 for cell, place in x.items()}


def _alone(ranked: Ranking) -> set[Cell]:
    """The only node of its row. All of them stand in one line: the spine that the rest is drawn around."""
    nodes = ([cell for cell in row if not isinstance(cell, Bend)] for row in ranked.rows)
    return {row[0] for row in nodes if len(row) == 1}


def _links(chains: Mapping[Edge, Sequence[Cell]]) -> Links:
    links: defaultdict[Cell, list[tuple[Cell, int]]] = defaultdict(list)
    for chain in chains.values():
        for upper, lower in pairwise(chain):
            pull = PULL[isinstance(upper, Bend) + isinstance(lower, Bend)]
            links[upper].append((lower, pull))
            links[lower].append((upper, pull))
    return links


def _distances(row: Sequence[Cell], room: Callable[[Cell], float]) -> list[float]:
    """Between the middles of neighbours."""
    return [(room(left) + room(right)) / 2 + _gap(left, right) for left, right in pairwise(row)]


def _gap(left: Cell, right: Cell) -> float:
    return BEND_GAP if isinstance(left, Bend) or isinstance(right, Bend) else BOX_GAP


def _wish(cell: Cell, links: Links, x: Mapping[Cell, float]) -> tuple[float, float]:
    """Where a cell would like to be, and how much."""
    place = weight = 0.0
    for other, pull in links.get(cell, ()):
        place += x[other] * pull
        weight += pull
    return (place / weight, weight) if weight else (x[cell], INDIFFERENT)


def _apart(wishes: Sequence[tuple[float, float]], offsets: Sequence[float]) -> list[float]:
    """The places nearest to the wishes, by least squares, that keep the order and at least the given distances.

    With the offsets taken off, only the order is left to keep: neighbours out of order are pooled at their mean.
    """
    pools: list[tuple[float, float, int]] = []
    for (wish, weight), offset in zip(wishes, offsets, strict=True):
        mean, count = wish - offset, 1
        while pools and pools[-1][0] > mean:
            other, other_weight, other_count = pools.pop()
            mean = (mean * weight + other * other_weight) / (weight + other_weight)
            weight, count = weight + other_weight, count + other_count
        pools.append((mean, weight, count))
    places = [mean for mean, _, count in pools for _ in range(count)]
    return [place + offset for place, offset in zip(places, offsets, strict=True)]
