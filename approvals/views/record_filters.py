"""What the list of decisions, and an export of the record, are narrowed to, as the address or the form says."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import QueryDict

from approvals.forms import LONGEST_SEARCH
from approvals.models import Verdict, Via
from approvals.record.narrowing import Narrowing

DAYS = ("from", "to")
NARROWING = ("thread", "from", "to", "chain", "person")
# Nobody decides with these: they are votes.
VERDICTS = [(value, label) for value, label in Verdict.choices if value not in (Verdict.ABSTAIN, Verdict.WITHDRAW)]


class _Day(forms.DateField):
    widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})

    def __init__(self) -> None:
        super().__init__(required=False, input_formats=["%Y-%m-%d"])

    def clean(self, value: Any) -> Any:
        found = super().clean(value)
        if found is not None and not 1 < found.year < 9_999:
            raise forms.ValidationError(self.error_messages["invalid"])
        return found


class _Fields(forms.Form):
    q = forms.CharField(required=False, max_length=LONGEST_SEARCH)
    thread = forms.UUIDField(required=False)
    chain = forms.CharField(required=False, max_length=100)
    person = forms.CharField(required=False, max_length=LONGEST_SEARCH)
    verdict = forms.ChoiceField(required=False, choices=[("", "Any"), *VERDICTS])
    via = forms.ChoiceField(required=False, choices=[("", "Any"), *Via.choices])


# `from` is a word of Python's own, so these two are not written as the others.
_Fields.base_fields["from"] = _Day()
_Fields.base_fields["to"] = _Day()


class RecordFilters:
    """What is wrong in it narrows nothing, and is said; an export refuses it instead."""

    def __init__(self, data: QueryDict) -> None:
        self._form = _Fields(data)
        self._form.full_clean()
        sent = {name: data.get(name, "").replace("\0", "") for name in self._form.fields}
        # Browsers complain about a date in their own field that is none.
        self.text = {**sent, **{name: "" for name in DAYS if name in self._form.errors}}
        self.after = data.get("after", "")

    def is_valid(self) -> bool:
        return self._form.is_valid()

    @property
    def problems(self) -> list[tuple[str, str]]:
        return [(name, str(errors[0])) for name, errors in self._form.errors.items()]

    @property
    def narrowing(self) -> Narrowing:
        found = {name: self._clean(name) for name in NARROWING}
        return Narrowing(
            thread=found["thread"],
            first=found["from"],
            last=found["to"],
            chain=found["chain"] or "",
            person=found["person"] or "",
        )

    @property
    def q(self) -> str:
        return str(self._clean("q") or "").strip()

    @property
    def verdict(self) -> str:
        return str(self._clean("verdict") or "")

    @property
    def via(self) -> str:
        return str(self._clean("via") or "")

    @property
    def narrows(self) -> bool:
        return any(self.text.values())

    @property
    def exported(self) -> list[tuple[str, str]]:
        """What an export takes over, for its form."""
        return [(name, self.text[name]) for name in NARROWING if self.text[name]]

    def query(self, **changes: str) -> str:
        """The address of the same list with something changed; what is empty is left out."""
        kept = {name: value for name, value in {**self.text, **changes}.items() if value}
        return f"?{urlencode(kept)}" if kept else "?"

    def _clean(self, name: str) -> Any:
        return self._form.cleaned_data.get(name)
