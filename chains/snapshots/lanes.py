"""The branches of a history as lanes beside its lines: the way to now on the left, abandoned branches right of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

MOST = 6


class Line(Protocol):
    @property
    def checkpoint_id(self) -> str: ...
    @property
    def origin_id(self) -> str | None: ...
    @property
    def on_path(self) -> bool: ...


@dataclass(frozen=True)
class Lane:
    """Of one line, in lanes from 0: where its dot is, which lanes come from above into the dot (`above`), whether one
    leaves it downwards, and which pass by.
    """

    at: int
    above: tuple[int, ...]
    below: bool
    past: tuple[int, ...]

    @property
    def width(self) -> int:
        return max((self.at, *self.above, *self.past)) + 1


def lanes(lines: Sequence[Line], *, is_newest: bool) -> list[Lane]:
    """Of one page, newest first. On later pages, the way to now goes on from the page before."""
    path = next((line.checkpoint_id for line in lines if line.on_path), None)
    return list(_lanes(lines, [None if is_newest else path]))


def _lanes(lines: Sequence[Line], open: list[str | None]) -> Iterator[Lane]:
    """`open`: for each lane, the checkpoint it leads down to."""
    for line in lines:
        above = tuple(lane for lane, wanted in enumerate(open) if wanted == line.checkpoint_id)
        at = above[0] if above else _free(open, is_path=line.on_path)
        for lane in above:
            open[lane] = None
        past = tuple(lane for lane, wanted in enumerate(open) if wanted is not None)
        if at < len(open):
            open[at] = line.origin_id
        yield Lane(at=at, above=above, below=line.origin_id is not None, past=past)


def _free(open: list[str | None], *, is_path: bool) -> int:
    """Lane 0 is kept for the way to now; past MOST, branches share the last lane."""
    if is_path and open[0] is None:
        return 0
    free = next((lane for lane in range(1, len(open)) if open[lane] is None), len(open))
    if free == len(open) and free < MOST:
        open.append(None)
    return min(free, MOST - 1)
