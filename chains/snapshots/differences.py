"""What changed between two states, by path."""

import json
import re
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, islice

from chains.jsonable import JSON, MARK
from chains.snapshots.states import State

MOST = 500
PLAIN_KEY = re.compile(r"[^\W\d][\w-]*")


class ChangeKind(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True)
class Change:
    """`path` reads like `refund.amount` or `evidence.photos[2]`. `old` is None when added, `new` when removed. Of
    an item that moved in its list, `old` is its former path and `new` the item.
    """

    path: str
    kind: ChangeKind
    old: JSON
    new: JSON


def changes(before: State | None, after: State, *, limit: int = MOST) -> list[Change]:
    """In the order of the later state. Past `limit`, one last entry with path "…" counts what is not listed."""
    found = chain(_in_mapping("", before.values if before else {}, after.values), _unseen(before, after))
    listed = list(islice(found, limit))
    more = sum(1 for _ in found)
    if more:
        listed.append(Change(path=MARK, kind=ChangeKind.CHANGED, old=None, new=f"{more:,} more changes"))
    return listed


def differences(before: dict[str, JSON], after: dict[str, JSON], *, limit: int = MOST) -> list[Change]:
    """As changes(), of plain values."""
    return list(islice(_in_mapping("", before, after), limit))


def _unseen(before: State | None, after: State) -> Iterator[Change]:
    """A value that was shortened may have changed where nobody looked: say so."""
    shortened = [
        channel.name for state in (before, after) if state for channel in state.channels if not channel.complete
    ]
    for name in dict.fromkeys(shortened) if before else ():
        yield Change(path=name, kind=ChangeKind.CHANGED, old=None, new=f"{MARK} not compared to its end")


def _between(path: str, old: JSON, new: JSON) -> Iterator[Change]:
    if _same(old, new):
        return
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _in_mapping(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_list(path, old, new)
    else:
        yield Change(path=path, kind=ChangeKind.CHANGED, old=old, new=new)


def _in_mapping(path: str, old: dict[str, JSON], new: dict[str, JSON]) -> Iterator[Change]:
    for key, value in new.items():
        if key in old:
            yield from _between(_joined(path, key), old[key], value)
        else:
            yield Change(path=_joined(path, key), kind=ChangeKind.ADDED, old=None, new=value)
    for key, value in old.items():
        if key not in new:
            yield Change(path=_joined(path, key), kind=ChangeKind.REMOVED, old=value, new=None)


def _in_list(path: str, old: list[JSON], new: list[JSON]) -> Iterator[Change]:
    """What both begin and end with is left out. Of the rest, items that are equal or have the same id are the same
    item, perhaps moved; what is left over is compared in its order. Indexes are those of `new`, of `old` when removed.
    """
    start = _common_start(old, new)
    end = _common_start(old[start:][::-1], new[start:][::-1])
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    same, leftover = _paired(left, right)
    stayed = set(_rising(sorted(same.items()))) | set(leftover.items())
    both = same | leftover
    for index, item in enumerate(right):
        place = f"{path}[{start + index}]"
        if index not in both:
            yield Change(path=place, kind=ChangeKind.ADDED, old=None, new=item)
            continue
        if (index, both[index]) not in stayed:
            yield Change(path=place, kind=ChangeKind.MOVED, old=f"{path}[{start + both[index]}]", new=item)
        yield from _between(place, left[both[index]], item)
    for index in sorted(set(range(len(left))) - set(both.values())):
        yield Change(path=f"{path}[{start + index}]", kind=ChangeKind.REMOVED, old=left[index], new=None)


def _paired(left: list[JSON], right: list[JSON]) -> tuple[dict[int, int], dict[int, int]]:
    """Which of the left each of the right is: certainly, and by their order alone."""
    waiting: defaultdict[str, deque[int]] = defaultdict(deque)
    for index, item in enumerate(left):
        waiting[_identity(item)].append(index)
    same = {}
    for index, item in enumerate(right):
        if found := waiting.get(_identity(item)):
            same[index] = found.popleft()
    rest_left = sorted(set(range(len(left))) - set(same.values()))
    rest_right = [index for index in range(len(right)) if index not in same]
    return same, dict(zip(rest_right, rest_left, strict=False))


def _identity(item: JSON) -> str:
    if isinstance(item, dict) and isinstance(item.get("id"), str | int) and item["id"]:
        return f"id {item['id']!r}"
    return json.dumps(item, sort_keys=True)


def _rising(pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The most pairs whose second numbers rise: what has kept its order, so that as few as can be have moved."""
    ends: list[int] = []
    best: list[int] = []
    before: list[int] = []
    for number, (_, value) in enumerate(pairs):
        length = bisect_left(ends, value)
        before.append(best[length - 1] if length else -1)
        ends[length : length + 1] = [value]
        best[length : length + 1] = [number]
    number = best[-1] if best else -1
    while number >= 0:
        yield pairs[number]
        number = before[number]


def _common_start(old: list[JSON], new: list[JSON]) -> int:
    count = 0
    for left, right in zip(old, new, strict=False):
        if not _same(left, right):
            break
        count += 1
    return count


def _same(old: JSON, new: JSON) -> bool:
    """Python finds 1, 1.0 and True equal; a reviewer must not."""
    return old == new and _same_types(old, new)


def _same_types(old: JSON, new: JSON) -> bool:
    """Of values that Python finds equal."""
    if type(old) is not type(new):
        return False
    if isinstance(old, str):
        return True
    if isinstance(old, dict) and isinstance(new, dict):
        return all(map(_same_types, old.values(), map(new.__getitem__, old)))
    if isinstance(old, list) and isinstance(new, list):
        return all(map(_same_types, old, new))
    return not isinstance(old, float) or repr(old) == repr(new)  # 0.0 and -0.0


def _joined(path: str, key: str) -> str:
    if PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
