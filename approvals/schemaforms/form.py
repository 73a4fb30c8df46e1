"""The form itself: Django fields first, then the whole JSON before its authority."""

import copy
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.forms.utils import ErrorDict
from django.http import QueryDict
from pydantic import BaseModel

from .authority import Authority, model_authority, schema_authority
from .bound import DescribedField
from .changes import Change
from .compiling import Compiler
from .containers import Choice, Group, Rows, Section
from .drafts import modern
from .fields import SchemaField
from .names import joined
from .nodes import Leaf, Node
from .placing import Placed, placed_issues
from .posted import BRANCH, Posted
from .schema import SchemaNotSupported, check_schema
from .shapes import ROWS_MAX
from .uploads import TICKET, FileField, Shelf
from .values import ABSENT, MAX_BYTES, is_too_deep, json_size, locked, unkeepable
from .wording import Issue, in_summary, things_to_fix

_TOO_LARGE: Final = f"This is too large to send. At most {MAX_BYTES // 1024} kB can be kept."
_TOO_LONG: Final = f"Too many entries. At most {ROWS_MAX} fit in a form."
_NOT_AN_OBJECT: Final = 'Enter an object in braces, for example {"key": "value"}.'


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A line of the error summary; `anchor` is the id of the control it is about."""

    text: str
    anchor: str = ""


def schema_form(
    schema: Mapping[str, Any],
    *,
    model: type[BaseModel] | None = None,
    data: QueryDict | Mapping[str, Any] | None = None,
    files: Any = None,
    initial: Any = None,
    prefix: str = "",
    editable: Collection[str] | None = None,
    shelf: Shelf | None = None,
) -> "SchemaForm":
    """A form for one JSON value; SchemaNotSupported when the schema is none, or asks for what no form can give.

    Without `initial` the form is for a new value and writes defaults out. With it, the form edits that very
    JSON: what nobody touches, shown or not, stays as it was. `editable` names the top-level keys that may change.
    Files in `files` are kept on the `shelf` at once, so that none is lost when something else has to be corrected.
    """
    schema = modern(schema)
    check_schema(schema, is_authority=model is None)
    if is_too_deep(initial):
        raise SchemaNotSupported("The value is nested too deeply for a form. Ask for a flatter one.")
    return SchemaForm(
        schema,
        authority=model_authority(model) if model else schema_authority(schema),
        data=data,
        files=files,
        document=copy.deepcopy(initial),
        prefix=prefix,
        editable=editable,
        shelf=shelf,
    )


class SchemaForm(forms.Form):
    use_required_attribute = False
    bound_field_class = DescribedField

    def __init__(
        self,
        schema: Mapping[str, Any],
        *,
        authority: Authority,
        data: QueryDict | Mapping[str, Any] | None,
        files: Any,
        document: Any,
        prefix: str,
        editable: Collection[str] | None,
        shelf: Shelf | None,
    ) -> None:
        super().__init__(data, files, prefix=prefix or None)
        self.document = document
        self.editable = editable
        self._authority = authority
        self._posted = Posted(data, prefix=prefix) if data is not None else None
        compiler = Compiler(schema, posted=self._posted, editable=editable, shelf=shelf)
        self.tree = compiler.tree(document)
        self.fields.update(compiler.fields)
        for node in self.tree.walk():
            node.form = self

    @property
    def is_list_edit(self) -> bool:
        """The POST only adds or removes a row or chooses a kind: draw the form again, validate nothing."""
        return self._posted is not None and self._posted.is_list_edit

    @property
    def value(self) -> Any:
        """The JSON that was filled in; there once `is_valid()` said yes."""
        if not self.is_valid():
            raise AttributeError("The form is not valid. Ask is_valid() before value.")
        return self._value

    @property
    def changes(self) -> list[Change]:
        """What differs from `initial`; nothing when there was none to differ from."""
        return [] if self.document is None else list(self.tree.changes(self.value))

    @property
    def layout(self) -> Sequence[Node | Section]:
        return self.tree.layout if isinstance(self.tree, Group) else [self.tree]

    @property
    def has_redraw_buttons(self) -> bool:
        return any(isinstance(node, Rows | Choice) and not node.is_fixed for node in self.tree.walk())

    @property
    def problems(self) -> list[Problem]:
        """Lines for the error summary, in the order of the page, those about the whole form first."""
        nodes = {node.name: node for node in reversed(list(self.tree.walk()))}
        return [
            Problem(text=in_summary(text, label=node.trail), anchor=node.anchor if node.name else "")
            for node in reversed(nodes.values())
            for text in node.messages
        ]

    @property
    def secrets(self) -> list[Leaf]:
        """Controls whose text must not be written anywhere that somebody could read."""
        return [node for node in self.tree.walk() if isinstance(node, Leaf) and node.hints.sensitive]

    @property
    def tickets(self) -> dict[str, str]:
        """Hidden controls that bring back the files this POST came with."""
        leaves = (node for node in self.tree.walk() if isinstance(node, Leaf))
        return {joined(node.html_name, TICKET): file.ticket for node in leaves if (file := node.held_file)}

    @property
    def problems_heading(self) -> str:
        return things_to_fix(len(self.problems))

    def messages_at(self, name: str) -> list[str]:
        return [str(message) for message in self.errors.get(name or NON_FIELD_ERRORS, ())]

    def add_prefix(self, field_name: int | str) -> str:
        return joined(self.prefix or "", field_name)

    def is_valid(self) -> bool:
        return not self.is_list_edit and super().is_valid()

    def full_clean(self) -> None:
        if self.is_list_edit:
            self._errors, self.cleaned_data = ErrorDict(), {}
        else:
            super().full_clean()

    def clean(self) -> None:
        value, placed = self._judged()
        if self._reread(placed):
            value, placed = self._judged()
        self._value = value
        for one in placed:
            self._report(one.node.name, one.text)

    def _judged(self) -> tuple[Any, list[Placed]]:
        value = self._locked(self.tree.compose(self.cleaned_data))
        issues = list(self._issues(value))
        failed = {name.removesuffix(BRANCH).removesuffix(".") for name in self.errors}
        return value, placed_issues(self.tree, issues, value=value, failed=failed)

    def _locked(self, value: Any) -> Any:
        if self.editable is None or not isinstance(self.document, dict):
            return value
        if not isinstance(value, dict) and not self.errors:
            self._report(self.tree.name, _NOT_AN_OBJECT)
        return locked(self.document, value if isinstance(value, dict) else {}, editable=self.editable)

    def _issues(self, value: Any) -> Iterator[Issue]:
        rows = (node for node in self.tree.walk() if isinstance(node, Rows) and node.is_too_long)
        unkept = [Issue(path=path, code="unkept", said=text) for path, text in unkeepable(value)]
        if too_long := next(rows, None):
            self._report(too_long.name, _TOO_LONG)
        elif value is ABSENT:
            yield Issue(path=(), code="missing")
        elif unkept:
            yield from unkept
        elif json_size(value) - self._files_size() > max(MAX_BYTES, json_size(self.document)):
            yield Issue(path=(), code="too_large", said=_TOO_LARGE)
        else:
            yield from self._authority(value)

    def _files_size(self) -> int:
        """Files have limits of their own."""
        files = (name for name, field in self.fields.items() if isinstance(field, FileField))
        return sum(len(text) for name in files if isinstance(text := self.cleaned_data.get(name), str))

    def _reread(self, placed: Sequence[Placed]) -> bool:
        """Untouched values that were refused, read again as what they should have been: the text "5" as 5.

        Without it nobody could ever correct them, for typing the same again would touch nothing.
        """
        is_changed = False
        for one in placed:
            field = self.fields.get(one.node.name)
            if isinstance(one.node, Leaf) and isinstance(field, SchemaField):
                is_changed |= self._reread_one(one.node, field=field)
        return is_changed

    def _reread_one(self, node: Leaf, *, field: SchemaField) -> bool:
        raw, held = self[node.name].data, node.start.original
        if held is ABSENT or field.hints.sensitive or not field.is_untouched(raw):
            return False
        try:
            value = field.blank() if held is None else field.read(raw) if field.can_reread else held
        except ValidationError as error:
            self.add_error(node.name, error)
            return True
        self.cleaned_data[node.name] = value
        return type(value) is not type(held)

    def _report(self, name: str, text: str) -> None:
        """Lists and groups have errors, too, and are no fields: Django's add_error would not take them."""
        messages = self.errors.setdefault(name or NON_FIELD_ERRORS, self.error_class())
        if text not in messages:
            messages.append(text)
