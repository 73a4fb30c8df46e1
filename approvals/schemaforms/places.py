"""Where a node stands in schema, document and form, and which control suits that place."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.utils import timezone

from .hints import Hints, hints_of
from .reading import is_number
from .schema import Seen, is_file, is_sensitive, reaches_sensitive
from .shapes import ROWS_MAX, Shape
from .values import ABSENT, Start, count_scalars, displayable, has_lines, json_text

DEPTH_MAX: Final = 4
FIELDS_MAX: Final = 2000

_CONTAINERS = ("object", "list", "union")
_TYPED = ("text", "integer", "number", "decimal")
_EXAMPLE_MAX = 80


@dataclass(frozen=True, kw_only=True)
class Place:
    """`trail` is the label behind those of its parents, `above` only those.

    `posted`: the controls of this place were on the page that came back; `has_focus`: they should get it now.
    """

    schema: Any
    key: str
    name: str
    start: Start
    seen: Seen
    label: str = ""
    above: str = ""
    trail: str = ""
    depth: int = 0
    is_fixed: bool = False
    posted: bool = True
    has_focus: bool = False

    @property
    def is_root(self) -> bool:
        return not self.name

    def with_shape(self, shape: Shape) -> "Place":
        """With the default that the schema gives this place; a copy, for values end up in documents."""
        default = copy.deepcopy(shape.schema.get("default", ABSENT))
        return replace(self, seen=shape.seen, start=replace(self.start, default=default))

    def with_hints(self, hints: Hints) -> "Place":
        return replace(
            self, trail="" if self.is_root else f"{self.above}{hints.label}", is_fixed=self.is_fixed or hints.readonly
        )


def may_be_nothing(shape: Shape, *, place: Place) -> bool:
    """Whether an object may be left out, or null, without a default taking its place."""
    return shape.nullable or not (place.start.required or place.start.default not in (ABSENT, None))


def kind_at(place: Place, *, shape: Shape) -> str:
    """What to draw: the shape's kind, or JSON where no other control could hold what the document has."""
    shown = place.start.shown
    if shape.kind in _CONTAINERS and (place.depth > DEPTH_MAX or is_sensitive(shape.schema)):
        return "json"
    if not _can_hold(shape, shown=shown):
        return "json"
    if shape.kind == "many" and isinstance(shown, list) and len(set(map(json_text, shown))) < len(shown):
        return "list"
    if shape.kind == "text" and is_file(shape.schema):
        return "file"
    if shape.kind == "boolean":
        return "check" if _is_check(shape, place=place) else "enum"
    if shape.kind == "const" and may_be_nothing(shape, place=place):
        return "enum"
    return shape.kind


def hints_at(place: Place, *, shape: Shape, kind: str, root: Mapping[str, Any]) -> Hints:
    """A control for a whole subtree must be as secret as the most secret thing in it."""
    sensitive = is_sensitive(shape.schema)
    if kind not in _CONTAINERS:
        sensitive = sensitive or reaches_sensitive(place.schema, root=root)
    hints = hints_of(
        place.schema, whole=shape.schema, key=place.key, kind=kind, nullable=shape.nullable, sensitive=sensitive
    )
    hints = replace(hints, label=place.label) if place.label else hints
    return hints if place.is_fixed else replace(hints, help=_help(place, shape=shape, hints=hints, kind=kind))


def _help(place: Place, *, shape: Shape, hints: Hints, kind: str) -> str:
    """The author's help, and what everybody must know to fill this in."""
    more = ""
    if hints.sensitive and kind not in _CONTAINERS and not place.start.is_empty:
        more = "Leave empty to keep the current value."
    elif kind == "json" and not hints.help:
        more = "Write this as JSON."
    elif kind == "text" and shape.schema.get("format") == "date-time":
        more = f"Time zone: {timezone.get_current_timezone_name()}."
    elif kind in _TYPED and not hints.help and (example := _example(shape.schema)):
        more = f"For example {example}."
    return f"{hints.help} {more}".strip()


def _example(schema: Mapping[str, Any]) -> str:
    """The first of `examples`, where it is short enough to stand in a line of help."""
    examples = schema.get("examples")
    first = examples[0] if isinstance(examples, list) and examples else None
    if isinstance(first, bool) or not isinstance(first, str | int | float) or has_lines(first):
        return ""
    text = displayable(str(first)).strip()
    return text if len(text) <= _EXAMPLE_MAX else ""


def _can_hold(shape: Shape, *, shown: Any) -> bool:
    if shown is ABSENT or shown is None or shape.kind == "json":
        return True
    if shape.kind in ("object", "union"):
        return isinstance(shown, dict)
    if shape.kind == "list":
        return isinstance(shown, list) and len(shown) <= ROWS_MAX and count_scalars(shown) <= FIELDS_MAX // 2
    if shape.kind == "many":
        return isinstance(shown, list)
    if shape.kind in ("integer", "number", "decimal") and isinstance(shown, str):
        return is_number(shown) if shape.kind == "decimal" else not has_lines(shown)
    return shape.kind in ("enum", "const") or not isinstance(shown, dict | list)


def _is_check(shape: Shape, *, place: Place) -> bool:
    """A box to tick says true or false and nothing else."""
    is_two_valued = place.start.required or isinstance(place.start.default, bool)
    shown = place.start.shown
    return is_two_valued and not shape.nullable and (shown is ABSENT or isinstance(shown, bool))
