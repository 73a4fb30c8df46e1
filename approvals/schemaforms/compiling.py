"""Schema and document -> a tree of nodes, and the Django fields in it."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import inf
from typing import Any, Final

from django import forms

from .choices import BranchField, MarkField
from .containers import Choice, Group, Rows
from .controls import control, fact_text
from .drawn import DrawnBranch, DrawnRows, drawn_branch, drawn_rows, noun_for
from .hints import Hints
from .names import ROOT, encoded, joined
from .nodes import Constant, Fact, Leaf, Node
from .places import FIELDS_MAX, Place, hints_at, kind_at, may_be_nothing
from .posted import BRANCH, ROWS, SHOWN, Posted
from .shapes import Branch, Shape, shape_of
from .uploads import FileField, Shelf
from .values import ABSENT, Start

_FILL_IN: Final = "fill"


class Compiler:
    """Walks schema and document together, once, and collects fields on its way."""

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        posted: Posted | None,
        editable: Collection[str] | None,
        shelf: Shelf | None = None,
    ) -> None:
        self.root = schema
        self.shelf = shelf
        self.posted = posted
        self.editable = editable
        self.fields: dict[str, forms.Field] = {}

    def tree(self, initial: Any) -> Node:
        """The root: an object without a name of its own, or one control named `value`."""
        start = Start(original=ABSENT if initial is None else initial, fresh=initial is None)
        place = Place(schema=self.root, key="answer", name="", start=start, seen=frozenset({"#"}))
        shape = shape_of(self.root, root=self.root, seen=place.seen)
        if kind_at(place.with_shape(shape), shape=shape) in ("object", "union"):
            return self._node(place)
        is_locked = self.editable is not None and ROOT not in self.editable and not isinstance(initial, dict)
        return self._node(replace(place, name=ROOT, is_fixed=is_locked))

    def _node(self, place: Place) -> Node:
        shape = shape_of(place.schema, root=self.root, seen=place.seen)
        place = place.with_shape(shape)
        kind = kind_at(place, shape=shape)
        hints = hints_at(place, shape=shape, kind=kind, root=self.root)
        place = place.with_hints(hints)
        if kind == "object" and may_be_nothing(shape, place=place):
            only = Branch(key=_FILL_IN, label="Fill in", schema=shape.schema, seen=shape.seen, names=frozenset())
            shape = replace(shape, branches=(only,))
            return self._union(place, shape=shape, hints=hints)
        if kind == "object":
            return self._object(place, schema=shape.schema, hints=hints)
        if kind == "union":
            return self._union(place, shape=shape, hints=hints)
        if kind == "list":
            return self._list(place, shape=shape, hints=hints)
        return self._leaf(place, shape=shape, hints=hints, kind=kind)

    def _leaf(self, place: Place, *, shape: Shape, hints: Hints, kind: str) -> Node:
        if place.is_fixed or (kind == "file" and self._leaves_file_alone(place)):
            text = fact_text(place.start.shown, shape=shape, hints=hints)
            return Fact(name=place.name, trail=place.trail, hints=hints, start=place.start, text=text)
        if kind == "const":
            value = shape.options[0].value
            return Constant(
                name=place.name,
                trail=place.trail,
                hints=hints,
                start=place.start,
                value=value,
                text=fact_text(value, shape=shape, hints=hints),
            )
        field = control(place, shape=shape, hints=hints, kind=kind, shelf=self.shelf)
        if isinstance(field, FileField):
            hints = replace(hints, help=f"{hints.help} {field.advice}".strip())
        if place.has_focus:
            field.widget.attrs["autofocus"] = True
        self.fields[place.name] = field
        return Leaf(name=place.name, trail=place.trail, hints=hints, start=place.start)

    def _leaves_file_alone(self, place: Place) -> bool:
        """A form without a shelf takes no files; what is there stays, and what may be left out is."""
        return self.shelf is None and not (place.start.fresh and place.start.required)

    def _object(self, place: Place, *, schema: Mapping[str, Any], hints: Hints, hidden: str | None = None) -> Group:
        members: dict[str, Node] = {}
        required = {*schema.get("required", ()), *([hidden] if hidden is not None and place.start.fresh else [])}
        for key, own in schema["properties"].items():
            members[key] = self._node(
                replace(
                    place,
                    schema=own,
                    key=key,
                    label="",
                    above=f"{place.trail}, " if place.trail else "",
                    name=joined(place.name, encoded(key)),
                    start=place.start.member(key, required=key in required),
                    depth=place.depth + 1,
                    is_fixed=place.is_fixed or self._is_locked(place, key=key),
                    has_focus=place.has_focus and not members,
                )
            )
        tag = None if hidden is None else members.get(hidden)
        if isinstance(tag, Fact):
            tag.is_hidden = True
        return Group(
            name=place.name,
            trail=place.trail,
            hints=hints,
            start=place.start,
            is_fixed=place.is_fixed,
            members=_in_order(members, listed=schema.get("x-order")),
        )

    def _is_locked(self, place: Place, *, key: str | None) -> bool:
        return self.editable is not None and place.is_root and (key is None or key not in self.editable)

    def _union(self, place: Place, *, shape: Shape, hints: Hints) -> Choice:
        drawn = drawn_branch(place, shape=shape, posted=self.posted, root=self.root)
        is_locked = place.is_fixed or self._is_locked(place, key=shape.tag)
        branch = drawn.original if is_locked else drawn.chosen
        if not is_locked:
            nothing = may_be_nothing(shape, place=place)
            self._radios(place, shape=shape, hints=hints, drawn=drawn, nothing=nothing)
        return Choice(
            name=place.name,
            trail=place.trail,
            hints=hints,
            start=place.start,
            is_fixed=place.is_fixed,
            has_radios=not is_locked,
            label=_locked_label(branch, shape=shape),
            names={name: one for one in shape.branches for name in one.names},
            chosen=branch,
            inside=self._inside(
                place, hints=hints, drawn=drawn, branch=branch, hidden=None if is_locked else shape.tag
            ),
            is_switched=branch is not drawn.original,
        )

    def _inside(
        self, place: Place, *, hints: Hints, drawn: DrawnBranch, branch: Branch | None, hidden: str | None
    ) -> Group | None:
        if branch is None:
            return None
        start = place.start if branch is drawn.original else Start()
        posted = place.posted and drawn.key == branch.key
        within = replace(place, start=start, seen=branch.seen, posted=posted)
        return self._object(within, schema=branch.schema, hints=hints, hidden=hidden)

    def _radios(self, place: Place, *, shape: Shape, hints: Hints, drawn: DrawnBranch, nothing: bool) -> None:
        chosen = drawn.chosen.key if drawn.chosen else ""
        self.fields[joined(place.name, BRANCH)] = BranchField(
            branches=shape.branches, chosen=chosen, drawn=drawn.key, nothing=nothing, hints=hints
        )
        self.fields[joined(place.name, SHOWN)] = MarkField(mark=chosen)

    def _list(self, place: Place, *, shape: Shape, hints: Hints) -> Rows:
        drawn = drawn_rows(place, shape=shape, posted=self.posted)
        noun = noun_for(shape, hints=hints)
        rows: dict[int, Node] = {}
        for position, key in enumerate(drawn.keys):
            if len(self.fields) < FIELDS_MAX:
                rows[key] = self._row(place, shape=shape, drawn=drawn, key=key, label=f"{noun} {position + 1}")
        if not place.is_fixed:
            self.fields[joined(place.name, ROWS)] = MarkField(mark=",".join(map(str, rows)))
        return Rows(
            name=place.name,
            trail=place.trail,
            hints=hints,
            start=place.start,
            is_fixed=place.is_fixed,
            rows=rows,
            noun=noun,
            row_trail=place.above,
            can_add=drawn.can_add and not place.is_fixed,
            is_too_long=drawn.is_too_long or len(rows) < len(drawn.keys),
            add_has_focus=drawn.is_shortened,
        )

    def _row(self, place: Place, *, shape: Shape, drawn: DrawnRows, key: int, label: str) -> Node:
        shown = place.start.shown if isinstance(place.start.shown, list) else []
        is_old = key < len(shown)
        start = Start(original=shown[key], fresh=place.start.fresh) if is_old else Start()
        return self._node(
            replace(
                place,
                schema=shape.schema["items"],
                label=label,
                name=joined(place.name, key),
                start=start,
                depth=place.depth + 1,
                posted=place.posted and key != drawn.new,
                has_focus=key == drawn.new,
            )
        )


def _locked_label(branch: Branch | None, *, shape: Shape) -> str:
    """What stands where the radios would be, unless a field already tells the kind."""
    if branch is None:
        return "Not set"
    return "" if shape.tag is not None or len(shape.branches) == 1 else branch.label


def _in_order(members: Mapping[str, Node], *, listed: Any) -> dict[str, Node]:
    """By `x-order`: a list of names on the object, or a number on each property; the others keep their place after."""
    names = listed if isinstance(listed, list) else []
    last = len(names)

    def rank(item: tuple[str, Node]) -> tuple[float, float]:
        key, node = item
        return (names.index(key) if key in names else last, inf if node.hints.order is None else node.hints.order)

    return dict(sorted(members.items(), key=rank))
