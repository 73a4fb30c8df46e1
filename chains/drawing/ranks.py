"""Which row each node stands in, and in which order: a layered drawing, top to bottom, with few crossings."""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple, TypeAlias

SWEEPS = 8


class Bend(NamedTuple):
    """Where an edge that skips a row passes through it."""

    source: str
    target: str
    row: int


Edge: TypeAlias = tuple[str, str]
Cell: TypeAlias = str | Bend
Rows: TypeAlias = list[list[Cell]]


@dataclass(frozen=True)
class Ranking:
    """`chains`: each forward edge as the cells it goes through. `back`: edges that lead up again, loops included."""

    rows: Rows
    chains: Mapping[Edge, Sequence[Cell]]
    back: Sequence[Edge]


def ranking(nodes: Sequence[str], edges: Collection[Edge], *, first: str, last: str) -> Ranking:
    """`first` stands above all others and `last` below, when they are among the nodes."""
    back = _back_edges(nodes, edges)
    forward = [edge for edge in edges if edge not in back]
    rank = _ranks(nodes, forward, first=first, last=last)
    chains = {edge: _chain(edge, rank) for edge in forward}
    rows = _rows(nodes, rank, chains)
    return Ranking(rows=_ordered(rows, chains), chains=chains, back=[edge for edge in edges if edge in back])


def _back_edges(nodes: Sequence[str], edges: Iterable[Edge]) -> set[Edge]:
    """The edges that close a cycle, on a walk in depth from the first node."""
    targets = _targets(edges)
    back: set[Edge] = set()
    seen: set[str] = set()
    for root in nodes:
        walking = {root: iter(targets[root])} if root not in seen else {}
        seen.add(root)
        while walking:
            node = next(reversed(walking))
            target = next(walking[node], None)
            if target is None:
                del walking[node]
            elif target in walking:
                back.add((node, target))
            elif target not in seen:
                seen.add(target)
                walking[target] = iter(targets[target])
    return back


def _targets(edges: Iterable[Edge]) -> defaultdict[str, list[str]]:
    targets: defaultdict[str, list[str]] = defaultdict(list)
    for source, target in edges:
        targets[source].append(target)
    return targets


def _ranks(nodes: Sequence[str], forward: Sequence[Edge], *, first: str, last: str) -> dict[str, int]:
    """Every node one row below the lowest of those that lead to it."""
    targets = _targets(forward)
    missing = dict.fromkeys(nodes, 0)
    for _, target in forward:
        missing[target] += 1
    rank = {node: 0 if node == first or first not in missing else 1 for node in nodes}
    ready = [node for node in nodes if not missing[node]]
    for node in ready:
        for target in targets[node]:
            rank[target] = max(rank[target], rank[node] + 1)
            missing[target] -= 1
            if not missing[target]:
                ready.append(target)
    if last in rank:
        rank[last] = max([rank[last], *(row + 1 for node, row in rank.items() if node != last)])
    return rank


def _chain(edge: Edge, rank: Mapping[str, int]) -> list[Cell]:
    source, target = edge
    bends = [Bend(source, target, row) for row in range(rank[source] + 1, rank[target])]
    return [source, *bends, target]


def _rows(nodes: Sequence[str], rank: Mapping[str, int], chains: Mapping[Edge, Sequence[Cell]]) -> Rows:
    rows: Rows = [[] for _ in range(max(rank.values(), default=-1) + 1)]
    for node in nodes:
        rows[rank[node]].append(node)
    for chain in chains.values():
        for bend in chain[1:-1]:
            if isinstance(bend, Bend):
                rows[bend.row].append(bend)
    return rows


def _ordered(rows: Rows, chains: Mapping[Edge, Sequence[Cell]]) -> Rows:
    """Each cell moves to the middle of its neighbours in the row before, down and up again; the best order wins."""
    above, below = _neighbours(chains)
    best, fewest = rows, _crossings(rows, below)
    for sweep in range(SWEEPS if fewest else 0):
        rows = _swept(rows, above) if sweep % 2 == 0 else _swept(rows[::-1], below)[::-1]
        crossings = _crossings(rows, below)
        if crossings < fewest:
            best, fewest = rows, crossings
        if not fewest:
            break
    return best


def _neighbours(
    chains: Mapping[Edge, Sequence[Cell]],
) -> tuple[defaultdict[Cell, list[Cell]], defaultdict[Cell, list[Cell]]]:
    above: defaultdict[Cell, list[Cell]] = defaultdict(list)
    below: defaultdict[Cell, list[Cell]] = defaultdict(list)
    for chain in chains.values():
        for upper, lower in pairwise(chain):
            above[lower].append(upper)
            below[upper].append(lower)
    return above, below


def _swept(rows: Rows, neighbours: Mapping[Cell, Sequence[Cell]]) -> Rows:
    swept: Rows = []
    place: dict[Cell, int] = {}
    for row in rows:
        own = {cell: index for index, cell in enumerate(row)}
        middle = {cell: _middle(neighbours.get(cell, ()), place, default=own[cell]) for cell in row}
        swept.append(sorted(row, key=lambda cell: (middle[cell], own[cell])))
        place = {cell: index for index, cell in enumerate(swept[-1])}
    return swept


def _middle(cells: Sequence[Cell], place: Mapping[Cell, int], *, default: float) -> float:
    known = [place[cell] for cell in cells if cell in place]
    return sum(known) / len(known) if known else default


def _crossings(rows: Rows, below: Mapping[Cell, Sequence[Cell]]) -> int:
    count = 0
    for upper, lower in pairwise(rows):
        place = {cell: index for index, cell in enumerate(lower)}
        passed: list[int] = []
        for cell in upper:
            ends = sorted(place[target] for target in below.get(cell, ()))
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count
