"""Retention that runs by itself: at a set hour, a little at a time, one process at a time, and on the next night what a
night had no time for.
"""

import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from approvals.execution import keeping
from approvals.execution.keeping import How, Place, Tally, Wanted
from approvals.execution.moving_places import not_here
from approvals.models import Event, EventKind, Retention, RetentionNight

log = structlog.get_logger(__name__)

# For the session, since a turn has many transactions; the connection's end frees it.
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('holdpoint:retention', 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('holdpoint:retention', 0))"
# Seconds that a turn works before it looks around again.
TURN_SECONDS = 0.25


def sweep(*, now: datetime | None = None) -> None:
    """A turn, if it is the hour and no other process is at it."""
    moment = now or timezone.now()
    day = night_of(moment)
    if not settings.HOLDPOINT_RETENTION or day is None or keeping.retention_problem() or not_here():
        return
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        if not cursor.fetchone()[0]:
            return
        try:
            _turn(day, moment)
        finally:
            cursor.execute(UNLOCK)


def night_of(moment: datetime) -> date | None:
    """The day that the night began on which this moment is in; None by day."""
    here = moment.astimezone(ZoneInfo(settings.TIME_ZONE))
    for day in (here.date(), here.date() - timedelta(days=1)):
        begins = datetime(day.year, day.month, day.day, settings.HOLDPOINT_RETENTION_HOUR, tzinfo=here.tzinfo)
        if timedelta() <= here - begins < timedelta(minutes=settings.HOLDPOINT_RETENTION_MINUTES):
            return day
    return None


def _turn(day: date, now: datetime) -> None:
    night, is_new = RetentionNight.objects.get_or_create(day=day)
    if is_new:
        _close_others(day)
    if night.ended_at is not None:
        return
    keeping.complete()
    begun = time.monotonic()
    for retention, thread_ids, reached in _left(night, now):
        tally = _remove(retention, thread_ids, now)
        _note(night, reached, tally)
        if time.monotonic() - begun > TURN_SECONDS:
            return
    _end(night)


def _left(night: RetentionNight, now: datetime) -> Iterator[tuple[Retention, list[Any], dict[str, Any]]]:
    """From where the last turn came to: chains in the order of their names."""
    chain, after = night.reached.get("chain", ""), Place.from_json(night.reached.get("place", {}))
    for retention in Retention.objects.filter(chain__gte=chain).order_by("chain"):
        since = after if retention.chain == chain else None
        for thread_ids, place in keeping.turns(_wanted(retention, now), after=since):
            yield retention, thread_ids, {"chain": retention.chain, "place": place.as_json()}


def _wanted(retention: Retention, now: datetime) -> Wanted:
    statuses = keeping.PRUNABLE if retention.includes_failed else keeping.FINISHED
    before = now - timedelta(days=retention.days)
    return Wanted(before=before, statuses=statuses, chain=retention.chain, keep_latest=retention.keep_latest)


def _remove(retention: Retention, thread_ids: list[Any], now: datetime) -> Tally:
    how = How(_wanted(retention, now), why=f"Retention of {retention.chain}: {retention.days} days.")
    if not retention.archive_first:
        return keeping.remove(thread_ids, how)
    if settings.HOLDPOINT_ARCHIVE is None:  # asked for since the night began
        return Tally(left=dict.fromkeys(map(str, thread_ids), keeping.retention_problem()))
    return keeping.archive_and_remove(how, settings.HOLDPOINT_ARCHIVE, thread_ids)


def _note(night: RetentionNight, reached: dict[str, Any], tally: Tally) -> None:
    night.reached = reached
    RetentionNight.objects.filter(day=night.day).update(
        reached=reached,
        threads=F("threads") + tally.threads,
        checkpoints=F("checkpoints") + tally.checkpoints,
        left=F("left") + len(tally.left),
    )
    for thread_id, why in tally.left.items():
        log.info("checkpoints left for another night", thread_id=thread_id, why=why)


def _end(night: RetentionNight, *, in_time: bool = True) -> None:
    """A night that found nothing gets no line in the record."""
    with transaction.atomic():
        night.refresh_from_db()
        RetentionNight.objects.filter(day=night.day).update(ended_at=timezone.now())
        if night.threads or night.left:
            told: dict[str, Any] = {
                "threads": night.threads,
                "checkpoints": night.checkpoints,
                "left": night.left,
                "in_time": in_time,
            }
            Event.append_for_desk(EventKind.RETENTION_RAN, night=str(night.day), **told)


def _close_others(day: date) -> None:
    """Nights that had not enough time: this one goes on."""
    for night in RetentionNight.objects.filter(ended_at__isnull=True, day__lt=day):
        _end(night, in_time=False)
