"""The sweep: runs that are due and were not heard, and runs whose worker went silent."""

from django.db import connection, transaction

from approvals.models import Beat, Outbox, Run
from approvals.models.beat import SWEPT

# One sweeper at a time is enough; the others pass on.
SWEEP_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended('holdpoint:sweep', 0))"


def not_rung(run_ids: list[str]) -> None:
    """Redis was away: nobody has heard, so the pause between rings must not grow."""
    Outbox.put_back(run_ids)


def due_runs() -> list[str]:
    """The ids to ring for now. Empty when another worker is sweeping at this moment."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(SWEEP_LOCK)
            if not cursor.fetchone()[0]:
                return []
        Beat.mark(SWEPT)
        orphans = Run.objects.orphaned().order_by("lease_expires_at").values_list("id", flat=True)[:200]
        return [*Outbox.take_due_doorbells(), *(str(run_id) for run_id in orphans)]
