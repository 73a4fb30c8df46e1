"""What changed between two states, by path."""

import json
import re
from collections.abc import Iterator
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


@dataclass(frozen=True)
class Change:
    """`path` reads like `refund.amount` or `evidence.photos[2]`. `old` is None when added, `new` when removed."""

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
    """What both begin and end with is left out; the rest is compared item by item, with the indexes of `new`."""
    start = _common_start(old, new)
    end = _common_start(old[start:][::-1], new[start:][::-1])
    left, right = old[start : len(old) - end], new[start : len(new) - end]
    for index in range(max(len(left), len(right))):
        place = f"{path}[{start + index}]"
        if index >= len(left):
            yield Change(path=place, kind=ChangeKind.ADDED, old=None, new=right[index])
        elif index >= len(right):
            yield Change(path=place, kind=ChangeKind.REMOVED, old=left[index], new=None)
        else:
            yield from _between(place, left[index], right[index])


def _common_start(old: list[JSON], new: list[JSON]) -> int:
    count = 0
    for left, right in zip(old, new, strict=False):
        if not _same(left, right):
            break
        count += 1
    return count


def _same(old: JSON, new: JSON) -> bool:
    """Python finds 1, 1.0 and True equal; a reviewer must not."""
    return json.dumps(old, sort_keys=True) == json.dumps(new, sort_keys=True)


def _joined(path: str, key: str) -> str:
    if PLAIN_KEY.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}[{json.dumps(key, ensure_ascii=False)}]"
