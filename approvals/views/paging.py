"""Lists page by page, by key: a page starts after a row, so rows that arrive meanwhile shift nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet

ROWS = 30
MARK = "~"
M = TypeVar("M", bound=Model)


@dataclass(frozen=True)
class Page(Generic[M]):
    """`following` is the cursor of the next page, "" on the last; `is_first` when no cursor led here."""

    rows: list[M]
    following: str
    is_first: bool


def page_of(rows: QuerySet[M], *, by: str, after: str, newest_first: bool = True, size: int = ROWS) -> Page[M]:
    """`by` names the column of time; equal times are told apart by id. A cursor nobody gave out is no cursor."""
    sign, comparison = ("-", "lt") if newest_first else ("", "gt")
    key = _key(rows, after)
    if key is not None:
        moment, row_id = key
        same = Q(**{by: moment, f"id__{comparison}": row_id})
        rows = rows.filter(Q(**{f"{by}__{comparison}": moment}) | same)
    found = list(rows.order_by(f"{sign}{by}", f"{sign}id")[: size + 1])
    following = cursor_of(found[size - 1], by) if len(found) > size else ""
    return Page(rows=found[:size], following=following, is_first=key is None)


def cursor_of(row: Model, by: str) -> str:
    return f"{getattr(row, by).isoformat()}{MARK}{row.pk}"


def _key(rows: QuerySet[Any], cursor: str) -> tuple[datetime, Any] | None:
    moment, _, row_id = cursor.partition(MARK)
    try:
        found = datetime.fromisoformat(moment)
        return (found, rows.model._meta.pk.to_python(row_id)) if found.tzinfo is not None else None
    except (ValueError, ValidationError):
        return None
