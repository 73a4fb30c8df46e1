"""What somebody has typed into a decision form, kept when it is refused."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from approvals.forms import new_key
from approvals.inspection import BadAnswer
from approvals.models import Verdict
from approvals.schemaforms import SchemaForm

# Where an error belongs, by the name of what it is about.
PLACES = {"note": "note_error", "message": "note_error", "verdict": "verdict_error", "reason_code": "reason_error"}


class BadBallot(BadAnswer):
    """Several parts cannot be sent like this; `errors` says what is wrong with each."""

    def __init__(self, errors: Sequence[BadAnswer]) -> None:
        first = errors[0]
        super().__init__(str(first), first.path, first.item)
        self.errors = errors


@dataclass(frozen=True)
class PartDraft:
    """One part of a question with several."""

    verdict: str = ""
    note: str = ""
    form: SchemaForm | None = None
    error: str = ""
    note_error: str = ""
    verdict_error: str = ""

    @property
    def is_editing(self) -> bool:
        return self.verdict == Verdict.EDIT

    @property
    def is_wrong(self) -> bool:
        return bool(self.error or self.note_error or self.verdict_error)

    def with_error(self, error: dict[str, Any]) -> "PartDraft":
        return replace(self, **error)


@dataclass(frozen=True)
class Draft:
    """`form` is that of a question with one part; `parts` are there when it has several."""

    note: str = ""
    error: str = ""
    note_error: str = ""
    reason_code: str = ""
    reason_error: str = ""
    form: SchemaForm | None = None
    is_editing: bool = False
    key: str = field(default_factory=new_key)
    parts: tuple[PartDraft, ...] = ()

    @property
    def is_list_edit(self) -> bool:
        """A button in a form was pressed that only adds, removes or shows fields."""
        forms = (self.form, *(part.form for part in self.parts))
        return any(form.is_list_edit for form in forms if form is not None)

    def told_apart(self, number: int) -> None:
        """Give the controls ids of their own: forms of several questions stand on one page, under the same names."""
        for form in (self.form, *(part.form for part in self.parts)):
            if form is not None:
                form.auto_id = f"id{number}_%s"

    @property
    def words(self) -> str:
        """Everything that was written, to be copied when it could not be used."""
        return "\n\n".join(filter(None, (self.note, *(part.note for part in self.parts))))

    def with_error(self, error: BadAnswer) -> "Draft":
        """The same with the error where it belongs."""
        if isinstance(error, BadBallot):
            return functools.reduce(Draft.with_error, error.errors, self)
        place = PLACES.get(error.path, "error")
        if self.parts and error.item is not None:
            parts = list(self.parts)
            parts[error.item] = parts[error.item].with_error({place: str(error)})
            return replace(self, parts=tuple(parts))
        if place == "note_error":
            return replace(self, note_error=str(error))
        return replace(self, reason_error=str(error)) if place == "reason_error" else replace(self, error=str(error))
