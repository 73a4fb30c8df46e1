"""Date controls that never lose what they hold, and choices whose ids no other control can have."""

import re
from datetime import datetime
from typing import Any, Final, Literal

from django import forms

_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_READABLE = {"date": _DATE, "time": _TIME, "datetime-local": f"{_DATE}T{_TIME}"}


class NativeInput(forms.TextInput):
    """The browser's date or time control while it can read the value, otherwise plain text.

    Browsers empty a date control whose value they cannot read, and the value would be gone with the next post.
    """

    def __init__(self, *, kind: Literal["date", "time", "datetime-local"]) -> None:
        super().__init__(attrs={"autocomplete": "off"})
        self.kind = kind

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:
        context = super().get_context(name, value, attrs)
        if not value or self._is_readable(str(value)):
            context["widget"]["type"] = self.kind
            if self.kind != "date":
                context["widget"]["attrs"]["step"] = "any"
        return context

    def _is_readable(self, text: str) -> bool:
        if not re.fullmatch(_READABLE[self.kind], text):
            return False
        try:
            datetime.fromisoformat(f"2026-03-31T{text}" if self.kind == "time" else text)
        except ValueError:
            return False
        return True


class Radios(forms.RadioSelect):
    def id_for_label(self, id_: str, index: Any = None) -> str:
        return _numbered(id_, index)


class Checkboxes(forms.CheckboxSelectMultiple):
    def id_for_label(self, id_: str, index: Any = None) -> str:
        return _numbered(id_, index)


def _numbered(id_: str, index: Any) -> str:
    """A colon is in no encoded name: with Django's underscore, `size` and `size_0` would meet."""
    return "" if index is None or not id_ else f"{id_}:{index}"
