"""Counts that stay cheap: exact up to a thousand, more is "999+"."""

from typing import Any

from django.db.models import QuerySet

MOST_COUNTED = 999


def count_of(rows: QuerySet[Any]) -> int:
    """At most one more than MOST_COUNTED."""
    return rows.order_by()[: MOST_COUNTED + 1].count()
