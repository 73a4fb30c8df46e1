"""Fields with a fixed set of answers: yes or no, one of, any of, and which kind of object."""

from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError

from .fields import SchemaField
from .hints import Hints
from .reading import NotReadable
from .shapes import Branch, Option, options_of
from .values import ABSENT, Start, json_text, same_json
from .widgets import Checkboxes, Radios

CHOOSE_ONE: Final = "Choose one."
NOT_LISTED: Final = "Choose one of the listed values."
RADIOS_MAX: Final = 4
YES_NO: Final = options_of([True, False], labels={})


class CheckField(SchemaField):
    """A box that is ticked or not; only for places where true and false are all there is."""

    def __init__(self, *, start: Start, hints: Hints, posted: bool = True) -> None:
        super().__init__(start=start, hints=hints, widget=forms.CheckboxInput(), posted=posted)

    def show(self, value: Any) -> bool:
        return value is True

    def clean(self, value: Any) -> Any:
        kept = self.start.kept()
        if bool(value) != self.initial:
            return bool(value)
        return False if kept is ABSENT and self.start.is_asked else kept

    def is_optional(self) -> bool:
        return False


class OptionField(SchemaField):
    """One of the values of an enum, which keeps its JSON type."""

    def __init__(self, *, options: Sequence[Option], start: Start, hints: Hints, posted: bool = True) -> None:
        self.options = _with_present(options, [start.shown] if start.shown not in (ABSENT, None) else [])
        is_few = len(options) <= RADIOS_MAX if hints.widget not in ("radios", "select") else hints.widget == "radios"
        widget = (Radios if is_few else forms.Select)()
        super().__init__(start=start, hints=hints, widget=widget, posted=posted)
        self.widget = widget
        widget.choices = self._choices(is_few=is_few)

    def show(self, value: Any) -> str:
        return "" if value is ABSENT or value is None else _key(self.options, value)

    def parse(self, raw: Any) -> Any:
        found = next((option.value for option in self.options if option.key == raw), ABSENT)
        if found is ABSENT:
            raise NotReadable(NOT_LISTED)
        return found

    def blank(self) -> Any:
        try:
            return super().blank()
        except ValidationError:
            raise ValidationError(CHOOSE_ONE) from None

    def _choices(self, *, is_few: bool) -> list[tuple[str, str]]:
        listed = [(option.key, option.label) for option in self.options]
        if self.is_optional():
            return [*listed, ("", "Not set")] if is_few else [("", "Not set"), *listed]
        return listed if is_few or self.initial else [("", "Choose one"), *listed]


class ManyField(SchemaField):
    """Any of the values of an enum, in the order they had, additions after them."""

    def __init__(self, *, options: Sequence[Option], start: Start, hints: Hints, posted: bool = True) -> None:
        self.options = _with_present(options, start.shown if isinstance(start.shown, list) else [])
        widget = Checkboxes(choices=[(option.key, option.label) for option in self.options])
        super().__init__(start=start, hints=hints, widget=widget, posted=posted)

    def show(self, value: Any) -> list[str]:
        return [_key(self.options, item) for item in value] if isinstance(value, list) else []

    def is_untouched(self, raw: Any) -> bool:
        return set(raw or ()) == set(self.initial)

    def is_blank(self, raw: Any) -> bool:
        return not raw

    def parse(self, raw: Any) -> list[Any]:
        values = {option.key: option.value for option in self.options}
        if not values.keys() >= set(raw):
            raise NotReadable(NOT_LISTED)
        held = self.start.shown if isinstance(self.start.shown, list) else []
        kept = [item for item in held if _key(self.options, item) in raw]
        return kept + [value for key, value in values.items() if key in raw and key not in self.initial]

    def blank(self) -> Any:
        return empty_list(self.start, hints=self.hints)


class BranchField(forms.Field):
    """Which kind of object; `drawn` is the kind whose fields were on the page, or are now."""

    def __init__(self, *, branches: Sequence[Branch], chosen: str, drawn: str, nothing: bool, hints: Hints) -> None:
        choices = [("", "None" if len(branches) > 1 else "Leave out")] if nothing else []
        choices += [(branch.key, branch.label) for branch in branches]
        super().__init__(required=False, widget=Radios(choices=choices), label=hints.label)
        self.initial = chosen
        self.drawn = drawn
        self.nothing = nothing
        self.keys = {"", *(branch.key for branch in branches)}

    def clean(self, value: Any) -> str:
        if value is not None and value not in self.keys:
            raise ValidationError(NOT_LISTED)
        if not self.initial and not self.nothing:
            raise ValidationError(CHOOSE_ONE)
        if self.initial != self.drawn and self.initial:
            raise ValidationError("These are the fields for your choice. Fill them in and send again.")
        return str(self.initial)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial


class MarkField(forms.Field):
    """What the form must be told about itself: which rows it drew, which kind of object."""

    def __init__(self, *, mark: str) -> None:
        super().__init__(required=False, widget=forms.HiddenInput(), initial=mark)

    def bound_data(self, data: Any, initial: Any) -> Any:
        return initial


def empty_list(start: Start, *, hints: Hints) -> Any:
    """A list that was there becomes empty; one that was not stays away where it may."""
    if isinstance(start.shown, list) or (start.required and not hints.nullable):
        return []
    return None if hints.nullable else ABSENT


def _with_present(options: Sequence[Option], present: Sequence[Any]) -> Sequence[Option]:
    """The listed values, and those which are there although they are not listed."""
    strange = [value for value in present if _find(options, value) is None]
    if not strange:
        return options
    values = [option.value for option in options] + [
        value for index, value in enumerate(strange) if not any(same_json(value, one) for one in strange[:index])
    ]
    labels = {json_text(option.value): option.label for option in options}
    return options_of(values, labels=labels)


def _key(options: Sequence[Option], value: Any) -> str:
    found = _find(options, value)
    return found.key if found else ""


def _find(options: Sequence[Option], value: Any) -> Option | None:
    """The very value, or the one JSON Schema counts as equal: 1 and 1.0, never 1 and true."""
    exact = (option for option in options if same_json(option.value, value))
    equal = (option for option in options if _is_number(option.value) and _is_number(value) and option.value == value)
    return next(exact, None) or next(equal, None)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
