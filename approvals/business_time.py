"""Counting time by a calendar: only its working hours pass."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from approvals.models import Calendar

# A calendar that is never open would count for ever.
LONGEST_DAYS = 3_660


def after(start: datetime, seconds: float, calendar: Calendar | None) -> datetime:
    """The moment, in UTC, at which that many seconds have passed; without a calendar all of them count.

    After ten years in which there were too few working hours it is ten years later.
    """
    start, left = start.astimezone(UTC), timedelta(seconds=seconds)
    if calendar is None:
        return start + left
    for opens, closes in _open_hours(start, calendar):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    return start + timedelta(days=LONGEST_DAYS)


def between(start: datetime, end: datetime, calendar: Calendar | None) -> timedelta:
    """How much of the time between two moments counts; nothing when the end is not after the start."""
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if calendar is None:
        return max(end - start, timedelta())
    counted = timedelta()
    for opens, closes in _open_hours(start, calendar):
        if opens >= end:
            break
        counted += min(closes, end) - opens
    return counted


def _open_hours(start: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """From `start` on, day by day, as moments in UTC, so that a day on which the clocks change is as long as it is.

    An hour that the clocks skip is read by the offset before, one that comes twice is the first of the two (RFC 5545,
    section 3.3.5). Working hours that are skipped altogether do not open on that day.
    """
    zone, closed = calendar.zone, set(calendar.closed_on)
    first = start.astimezone(zone).date()
    for number in range(LONGEST_DAYS):
        day = first + timedelta(days=number)
        if day.weekday() not in calendar.weekdays or day in closed or calendar.is_holiday(day):
            continue
        opens = max(start, datetime.combine(day, calendar.opens, zone).astimezone(UTC))
        closes = datetime.combine(day, calendar.closes, zone).astimezone(UTC)
        if closes > opens:
            yield opens, closes
