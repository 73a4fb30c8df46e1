"""Which rows and which kind of object to draw: what the document has, then what was pressed on the page."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .authority import fits
from .hints import Hints
from .names import humanised, joined
from .places import Place
from .posted import BRANCH, SHOWN, Posted
from .shapes import ROWS_MAX, Branch, Shape

_BLANK_ROWS_MAX: Final = 20


@dataclass(frozen=True, kw_only=True)
class DrawnRows:
    keys: list[int]
    new: int | None
    can_add: bool
    is_too_long: bool
    is_shortened: bool


@dataclass(frozen=True, kw_only=True)
class DrawnBranch:
    """`key` is the kind whose fields were on the page."""

    chosen: Branch | None
    original: Branch | None
    key: str


def drawn_rows(place: Place, *, shape: Shape, posted: Posted | None) -> DrawnRows:
    held = place.start.shown if isinstance(place.start.shown, list) else []
    keys = None
    new = removed = None
    if posted and place.posted and not place.is_fixed:
        keys = posted.rows(place.name)
        removed = posted.removed_from(place.name)
    if keys is None:
        keys = list(range(len(held) or _blank_rows(place, shape=shape)))
    is_too_long = len(keys) > ROWS_MAX
    keys = [key for key in keys if key != removed][:ROWS_MAX]
    if posted and place.posted and posted.is_added_to(place.name) and len(keys) < _most(shape):
        new = max([*keys, len(held) - 1], default=-1) + 1
        keys.append(new)
    return DrawnRows(
        keys=keys,
        new=new,
        can_add=len(keys) < _most(shape),
        is_too_long=is_too_long,
        is_shortened=removed is not None,
    )


def drawn_branch(place: Place, *, shape: Shape, posted: Posted | None, root: Mapping[str, Any]) -> DrawnBranch:
    original = _branch_of(place.start.shown, shape=shape, root=root)
    by_key: dict[str, Branch | None] = {branch.key: branch for branch in shape.branches}
    key = original.key if original else ""
    shown = None
    if posted and place.posted:
        pressed = posted.text(joined(place.name, BRANCH))
        key = key if pressed is None or pressed not in {*by_key, ""} else pressed
        shown = posted.text(joined(place.name, SHOWN))
    return DrawnBranch(chosen=by_key.get(key), original=original, key=key if shown is None else shown)


def noun_for(shape: Shape, *, hints: Hints) -> str:
    """What one row is called: the name its type goes by, or else the list's."""
    title = shape.items.schema.get("title") if shape.items else None
    if not isinstance(title, str) or not title.strip():
        return hints.label
    return title if " " in title else humanised(title)


def _most(shape: Shape) -> int:
    return min(int(shape.schema.get("maxItems", ROWS_MAX)), ROWS_MAX)


def _blank_rows(place: Place, *, shape: Shape) -> int:
    """A list that must have entries starts with them."""
    is_wanted = place.start.fresh and place.start.required
    return min(int(shape.schema.get("minItems", 0)), _BLANK_ROWS_MAX) if is_wanted else 0


def _branch_of(value: Any, *, shape: Shape, root: Mapping[str, Any]) -> Branch | None:
    """By its tag, by being valid, or by having the most keys in common."""
    if not isinstance(value, dict):
        return None
    if len(shape.branches) == 1:
        return shape.branches[0]
    tagged = [branch for branch in shape.branches if shape.tag is not None and branch.key == value.get(shape.tag)]
    valid = (branch for branch in shape.branches if fits(value, schema=branch.schema, root=root))
    common = max(shape.branches, key=lambda branch: len(value.keys() & branch.schema["properties"].keys()))
    return tagged[0] if tagged else next(valid, common)
