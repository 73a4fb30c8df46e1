"""How one place of a schema wants to be shown: words, unit, order, secrecy."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .names import humanised, is_automatic
from .values import displayable


@dataclass(frozen=True, kw_only=True)
class Hints:
    label: str
    help: str = ""
    error: str = ""
    unit: str = ""
    widget: str = ""
    group: str = ""
    order: float | None = None
    is_number: bool = False
    is_file: bool = False
    nullable: bool = False
    sensitive: bool = False
    readonly: bool = False

    @property
    def unit_leads(self) -> bool:
        """€ 12 but 12 kg."""
        return len(self.unit) == 1 and unicodedata.category(self.unit) == "Sc"

    def with_unit(self, amount: str) -> str:
        if not self.unit:
            return amount
        return f"{self.unit}{amount}" if self.unit_leads else f"{amount} {self.unit}"


def hints_of(own: Any, *, whole: Mapping[str, Any], key: str, kind: str, nullable: bool, sensitive: bool) -> Hints:
    """`own` is the schema as written at this place: a title behind a reference names the type, not the place."""
    own = own if isinstance(own, Mapping) else {}
    is_number = kind in ("integer", "number", "decimal")
    return Hints(
        label=_label(own, key=key),
        help=_text(whole.get("x-help") or own.get("description")),
        error=_text(whole.get("x-error")),
        unit=_text(whole.get("x-unit")) if is_number or kind == "text" else "",
        widget=_text(whole.get("x-widget")),
        group=_text(whole.get("x-group")),
        order=_order(whole.get("x-order")),
        is_number=is_number,
        is_file=kind == "file",
        nullable=nullable,
        sensitive=sensitive,
        readonly=bool(whole.get("x-readonly") or whole.get("readOnly")),
    )


def _label(own: Mapping[str, Any], *, key: str) -> str:
    title = _text(own.get("title"))
    if title and not is_automatic(title, key=key):
        return title
    return displayable(humanised(key)) or "Unnamed"


def _text(hint: Any) -> str:
    return displayable(hint.strip()) if isinstance(hint, str) else ""


def _order(hint: Any) -> float | None:
    return hint if isinstance(hint, int | float) and not isinstance(hint, bool) else None
