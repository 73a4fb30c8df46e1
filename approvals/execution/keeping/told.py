"""Retention in words."""

from django.conf import settings

from approvals.models import Retention


def retention_told() -> str:
    """In a sentence, for doctor too."""
    rows = list(Retention.objects.order_by("chain"))
    if not settings.HOLDPOINT_RETENTION:
        return "Retention is off: checkpoints are kept until somebody removes them."
    if not rows:
        return "Retention is on, but no chain has one: checkpoints are kept for ever."
    told = ", ".join(f"{row.chain} {row.days} days{', archived first' if row.archive_first else ''}" for row in rows)
    hour = settings.HOLDPOINT_RETENTION_HOUR
    return f"Retention is on, each night at {hour:02d}:00: {told}. Other chains are kept for ever."


def retention_problem() -> str:
    """What keeps it from working; empty when nothing does."""
    archives = settings.HOLDPOINT_RETENTION and Retention.objects.filter(archive_first=True).exists()
    if archives and settings.HOLDPOINT_ARCHIVE is None:
        return "A chain's retention archives first, but HOLDPOINT_ARCHIVE names no directory. Set it."
    return ""
