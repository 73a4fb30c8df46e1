"""Counting time by a calendar: only its working hours pass."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from approvals.models import Calendar

# A calendar that is never open would count for ever.
LONGEST_DAYS = 3_660


def after(start: datetime, seconds: int, calendar: Calendar | None) -> datetime:
    """The moment at which that many seconds have passed; without a calendar all of them count."""
    left = timedelta(seconds=seconds)
    if calendar is None:
        return start + left
    for opens, closes in _open_hours(start, calendar):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    return start + timedelta(days=LONGEST_DAYS)


def _open_hours(start: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """From `start` on, day by day, as moments in UTC, so that a day on which the clocks change is as long as it is."""
    holidays, closed = calendar.public_holidays(), set(calendar.closed_on)
    zone, utc = calendar.zone, start.tzinfo
    first = start.astimezone(zone).date()
    for number in range(LONGEST_DAYS):
        day = first + timedelta(days=number)
        if day.weekday() not in calendar.weekdays or day in closed or day in holidays:
            continue
        opens = datetime.combine(day, calendar.opens, zone).astimezone(utc)
        closes = datetime.combine(day, calendar.closes, zone).astimezone(utc)
        if closes > start:
            yield max(opens, start), closes
