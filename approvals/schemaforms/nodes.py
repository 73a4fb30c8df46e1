"""The form as a tree: every node knows its place, its template, and what its JSON is after the form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from .changes import Change, change
from .choices import CheckField
from .fields import SchemaField
from .hints import Hints
from .uploads import FileField, StoredFile
from .values import ABSENT, Start, same_json

if TYPE_CHECKING:
    from django.forms import BoundField

    from .form import SchemaForm

Cleaned = Mapping[str, Any]


@dataclass(kw_only=True, eq=False)
class Node:
    """One place in the JSON. `trail` is its label with those of its parents."""

    template: ClassVar[str]

    name: str
    trail: str
    hints: Hints
    start: Start
    is_fixed: bool = False
    form: SchemaForm = field(init=False, repr=False)

    @property
    def nodes(self) -> Sequence[Node]:
        return ()

    def child(self, part: str | int) -> Node | None:
        return None

    def compose(self, cleaned: Cleaned) -> Any:
        """The JSON of this place after the form, ABSENT to leave its key out."""
        raise NotImplementedError

    def changes(self, value: Any) -> Iterator[Change]:
        if not same_json(self.start.original, value):
            yield change(self.name, self.trail, old=self.start.original, new=value, hints=self.hints)

    def walk(self) -> Iterator[Node]:
        yield self
        for node in self.nodes:
            yield from node.walk()

    @property
    def html_name(self) -> str:
        return self.form.add_prefix(self.name) if self.name else (self.form.prefix or "")

    @property
    def id(self) -> str:
        return str(self.form.auto_id) % (self.html_name or "form")

    @property
    def anchor(self) -> str:
        """The id that a link in the summary of errors leads to."""
        return self.id

    @property
    def messages(self) -> Sequence[str]:
        return self.form.messages_at(self.name)

    @property
    def described(self) -> str:
        """Ids of what describes a group of controls; a single control knows its own."""
        parts = (("help", self.hints.help), ("error", self.messages))
        return " ".join(f"{self.id}:{name}" for name, is_there in parts if is_there)


@dataclass(kw_only=True, eq=False)
class Leaf(Node):
    """A control."""

    template = "schemaforms/_field.html"

    def compose(self, cleaned: Cleaned) -> Any:
        return cleaned.get(self.name, ABSENT)

    @property
    def field(self) -> BoundField:
        return self.form[self.name]

    @property
    def is_optional(self) -> bool:
        return self._control.is_optional()

    @property
    def is_check(self) -> bool:
        return isinstance(self._control, CheckField)

    @property
    def is_file(self) -> bool:
        return isinstance(self._control, FileField)

    @property
    def held_file(self) -> StoredFile | None:
        """What an earlier POST of this form has brought."""
        return self.field.data if self.is_file and self.form.is_bound else None

    @property
    def anchor(self) -> str:
        return f"{self.id}:0" if self.field.use_fieldset else self.id

    @property
    def _control(self) -> SchemaField:
        control = self.form.fields[self.name]
        assert isinstance(control, SchemaField)
        return control


@dataclass(kw_only=True, eq=False)
class Fact(Node):
    """A value to be read, not changed: nothing posted for it is ever looked at."""

    template = "schemaforms/_fact.html"

    text: str
    is_hidden: bool = False
    is_fixed: bool = True

    def compose(self, cleaned: Cleaned) -> Any:
        return self.start.kept()

    @property
    def is_block(self) -> bool:
        return "\n" in self.text


@dataclass(kw_only=True, eq=False)
class Constant(Fact):
    """A value the schema prescribes."""

    value: Any

    def compose(self, cleaned: Cleaned) -> Any:
        kept = self.start.kept()
        if self.start.required or kept is not ABSENT:
            return kept if kept == self.value and isinstance(kept, bool) == isinstance(self.value, bool) else self.value
        return ABSENT
