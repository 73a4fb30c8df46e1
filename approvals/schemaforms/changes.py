"""What a form changed, for a summary that people read before they approve it."""

from dataclasses import dataclass
from typing import Any, Final

from .hints import Hints
from .shapes import value_label
from .values import ABSENT, displayable, json_text
from .wording import grouped

HIDDEN: Final = "••••••"

_NOTHING: Final = "nothing"
_REFERENCE_MAX: Final = 200


@dataclass(frozen=True, kw_only=True)
class Change:
    """One value that differs from what was proposed; None stands for a key that is not there, too.

    Of a sensitive value neither `old` nor `new` is told, only that they differ.
    """

    path: str
    label: str
    old: Any
    new: Any
    old_text: str
    new_text: str

    def __str__(self) -> str:
        return f"{self.label} {self.old_text} → {self.new_text}"


def change(path: str, label: str, *, old: Any, new: Any, hints: Hints) -> Change:
    old_text, new_text = (HIDDEN if hints.sensitive else value_text(value, hints=hints) for value in (old, new))
    if old_text == new_text and not (hints.sensitive or hints.is_file):
        old_text, new_text = (_NOTHING if value is ABSENT else json_text(value) for value in (old, new))
    old, new = (HIDDEN if hints.sensitive else None if value is ABSENT else value for value in (old, new))
    return Change(path=path, label=label, old=old, new=new, old_text=old_text, new_text=new_text)


def value_text(value: Any, *, hints: Hints) -> str:
    """One value as people read it: 1,240.00 with its unit, Yes, or nothing."""
    if value is ABSENT or value is None or value == "":
        return _NOTHING
    if hints.is_file:
        return _file_text(value)
    if hints.is_number and isinstance(value, int | float | str) and not isinstance(value, bool):
        return displayable(hints.with_unit(_amount(value, hints=hints)))
    return displayable(value if isinstance(value, str) else value_label(value))


def _file_text(value: Any) -> str:
    """A reference ends with the file's name; its content is nothing to read."""
    folder, _, name = value.rpartition("/") if isinstance(value, str) and len(value) < _REFERENCE_MAX else ("", "", "")
    return displayable(name) if folder else "a file"


def _amount(value: int | float | str, *, hints: Hints) -> str:
    """A float has no cents to show: 1240.0 reads 1,240, and 1240.5 in a currency 1,240.50."""
    text = grouped(value)
    if isinstance(value, float):
        whole, point, decimals = text.removesuffix(".0").partition(".")
        text = f"{whole}{point}{decimals.ljust(2, '0') if hints.unit_leads and point else decimals}"
    return text
