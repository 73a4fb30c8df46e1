"""Form fields for policies: a length of time with its unit, names in a list, people by user name."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError

from approvals.policy_rules import LONGEST
from approvals.policy_words import UNITS, as_entered

SIZES = dict(UNITS)
MOST_PEOPLE = 50
LONGEST_NAME = 150


class SecondsWidget(forms.MultiWidget):
    def __init__(self) -> None:
        number = forms.NumberInput(attrs={"min": "1", "aria-label": "Number", "class": "number"})
        units = [(unit, f"{unit}s") for unit, _ in reversed(UNITS)]
        super().__init__([number, forms.Select(choices=units, attrs={"aria-label": "Unit"})])

    def decompress(self, value: int | None) -> list[Any]:
        return list(as_entered(value)) if value else [None, "hour"]


class SecondsField(forms.MultiValueField):
    """A number and a unit; the value is in seconds, None when there is no number."""

    widget = SecondsWidget

    def __init__(self, **options: Any) -> None:
        units = [(unit, unit) for unit in SIZES]
        parts = (forms.IntegerField(min_value=1, max_value=LONGEST), forms.ChoiceField(choices=units))
        super().__init__(parts, require_all_fields=False, **options)
        self.widget.use_fieldset = True

    def clean(self, value: Any) -> int | None:
        """A unit alone says nothing; the browser always sends one."""
        number = value[0] if isinstance(value, list) and value else None
        return super().clean(value) if number not in (None, "") else None

    def compress(self, values: Sequence[Any]) -> int | None:
        if not values or not values[0]:
            return None
        seconds = int(values[0]) * SIZES[values[1] or "second"]
        if seconds > LONGEST:
            raise ValidationError("Write at most 366 days.")
        return seconds

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(super().has_changed(initial, data)) and bool(data and data[0] not in (None, ""))


class NamesField(forms.CharField):
    """Words separated by commas, or one a line; each once."""

    def __init__(self, *, by_line: bool = False, **options: Any) -> None:
        self._by_line = by_line
        widget = forms.Textarea(attrs={"rows": 3}) if by_line else forms.TextInput()
        super().__init__(widget=widget, **options)

    def prepare_value(self, value: Any) -> Any:
        return ("\n" if self._by_line else ", ").join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        words = re.split(r"[\r\n]+" if self._by_line else r"[,\r\n]+", str(super().to_python(value) or ""))
        return list(dict.fromkeys(word.strip() for word in words if word.strip()))

    def validate(self, value: Any) -> None:
        """What a policy holds checks each of them."""

    def run_validators(self, value: Any) -> None:
        super().run_validators(", ".join(value))


class PeopleField(NamesField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MOST_PEOPLE * LONGEST_NAME, **options)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            value = [person.get_username() if isinstance(person, User) else str(person) for person in value]
        return super().prepare_value(value)

    def clean(self, value: Any) -> Any:
        names: list[str] = super().clean(value)
        if len(names) > MOST_PEOPLE:
            raise ValidationError(f"Name at most {MOST_PEOPLE} people. A group holds more.")
        found = {person.get_username(): person for person in User.objects.filter(username__in=names)}
        for name in names:
            if name not in found:
                raise ValidationError(f"Nobody has the user name {name}.")
        return [found[name] for name in names]
