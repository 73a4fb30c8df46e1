"""Nodes with nodes in them: objects, lists, and objects of one kind or another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from .changes import Change, change
from .choices import empty_list
from .names import joined
from .nodes import Cleaned, Fact, Node
from .posted import BRANCH, ROWS, SHOWN
from .shapes import Branch
from .values import ABSENT, same_json

if TYPE_CHECKING:
    from django.forms import BoundField


@dataclass(kw_only=True, eq=False)
class Section:
    """Neighbours under one heading of their own; `x-group` makes it, the JSON knows nothing of it."""

    label: str
    nodes: list[Node]
    template: ClassVar[str] = "schemaforms/_section.html"


@dataclass(kw_only=True, eq=False)
class Group(Node):
    """An object: its shown keys are written over what it was, all others stay."""

    template = "schemaforms/_fieldset.html"

    members: dict[str, Node]

    @property
    def nodes(self) -> Sequence[Node]:
        return list(self.members.values())

    def child(self, part: str | int) -> Node | None:
        return self.members.get(part) if isinstance(part, str) else None

    def compose(self, cleaned: Cleaned) -> Any:
        if self.is_fixed:
            return self.start.kept()
        shown = self.start.shown
        value = dict(shown) if isinstance(shown, dict) else {}
        for key, node in self.members.items():
            member = node.compose(cleaned)
            if member is ABSENT:
                value.pop(key, None)
            else:
                value[key] = member
        return self.start.kept() if same_json(value, shown) else value

    def changes(self, value: Any) -> Iterator[Change]:
        if not isinstance(value, dict) or not isinstance(self.start.shown, dict):
            yield from super().changes(value)
        else:
            for key, node in self.members.items():
                yield from node.changes(value.get(key, ABSENT))

    @property
    def layout(self) -> Sequence[Node | Section]:
        """Members in order, neighbours of one `x-group` together where the first of them stands."""
        laid_out: dict[Any, Node | Section] = {}
        for key, node in self.members.items():
            if isinstance(node, Fact) and node.is_hidden:
                continue
            if not node.hints.group:
                laid_out[(key,)] = node
                continue
            section = laid_out.setdefault(node.hints.group, Section(label=node.hints.group, nodes=[]))
            if isinstance(section, Section):
                section.nodes.append(node)
        return list(laid_out.values())


@dataclass(kw_only=True, eq=False)
class Rows(Node):
    """A list. A row keeps its key for as long as it lives: the index it had, or a new number."""

    template = "schemaforms/_list.html"

    rows: dict[int, Node]
    noun: str
    row_trail: str
    can_add: bool
    is_too_long: bool
    add_has_focus: bool

    @property
    def nodes(self) -> Sequence[Node]:
        return list(self.rows.values())

    def child(self, part: str | int) -> Node | None:
        nodes = self.nodes
        return nodes[part] if isinstance(part, int) and 0 <= part < len(nodes) else None

    def compose(self, cleaned: Cleaned) -> Any:
        if self.is_fixed:
            return self.start.kept()
        value = [None if (item := row.compose(cleaned)) is ABSENT else item for row in self.nodes]
        if same_json(value, self.start.shown):
            return self.start.kept()
        if value or not self.start.is_empty:
            return value
        empty = empty_list(self.start, hints=self.hints)
        return self.start.kept_empty(nullable=self.hints.nullable, empty=empty)

    def changes(self, value: Any) -> Iterator[Change]:
        before = self.start.shown
        if not isinstance(value, list) or not isinstance(before, list):
            yield from super().changes(value)
            return
        for key, row in enumerate(before):
            if key not in self.rows:
                trail = f"{self.row_trail}{self.noun} {key + 1}"
                yield change(joined(self.name, key), trail, old=row, new=ABSENT, hints=self.hints)
        for node, row in zip(self.nodes, value, strict=False):
            yield from node.changes(row)

    @property
    def mark(self) -> BoundField:
        return self.form[joined(self.name, ROWS)]

    @property
    def add_text(self) -> str:
        noun = self.noun[:1].lower() + self.noun[1:] if self.noun[1:2].islower() else self.noun
        return f"Add to {noun}" if self.noun == self.hints.label else f"Add {noun}"

    @property
    def is_optional(self) -> bool:
        return not self.is_fixed and (self.hints.nullable or not self.start.required)


@dataclass(kw_only=True, eq=False)
class Choice(Node):
    """One of several kinds of object, or none; `inside` is the kind that is drawn."""

    template = "schemaforms/_union.html"

    label: str
    names: Mapping[str, Branch]
    chosen: Branch | None
    inside: Group | None
    has_radios: bool
    is_switched: bool

    @property
    def nodes(self) -> Sequence[Node]:
        return [self.inside] if self.inside else []

    def child(self, part: str | int) -> Node | None:
        return self.inside.child(part) if self.inside else None

    def compose(self, cleaned: Cleaned) -> Any:
        if self.is_fixed:
            return self.start.kept()
        if self.inside:
            return self.inside.compose(cleaned)
        nothing = None if self.hints.nullable else ABSENT
        if not self.start.is_empty:
            return nothing
        return self.start.kept_empty(nullable=self.hints.nullable, empty=nothing)

    def changes(self, value: Any) -> Iterator[Change]:
        if self.inside and not self.is_switched:
            yield from self.inside.changes(value)
        else:
            yield from super().changes(value)

    @property
    def radios(self) -> BoundField:
        return self.form[joined(self.name, BRANCH)]

    @property
    def mark(self) -> BoundField:
        return self.form[joined(self.name, SHOWN)]

    @property
    def is_optional(self) -> bool:
        return self.has_radios and (self.hints.nullable or not self.start.required)

    @property
    def anchor(self) -> str:
        radios = str(self.form.auto_id) % self.form.add_prefix(joined(self.name, BRANCH))
        return f"{radios}:0" if self.has_radios else self.id

    @property
    def messages(self) -> Sequence[str]:
        return [*super().messages, *self.form.messages_at(joined(self.name, BRANCH))]
