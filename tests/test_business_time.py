"""Counting by a calendar: days on which the clocks change, holidays, closed days, and what holds for any calendar."""

from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from approvals.business_time import LONGEST_DAYS, after, between
from approvals.models import Calendar

BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"
HOUR = 3600
WEEK = [0, 1, 2, 3, 4]
EVERY_DAY = [*WEEK, 5, 6]


def calendar(zone: str = BERLIN, opens: str = "09:00", closes: str = "17:00", **rules: object) -> Calendar:
    hours = {"opens": time.fromisoformat(opens), "closes": time.fromisoformat(closes)}
    return Calendar(name="Office", time_zone=zone, **{"weekdays": WEEK, **hours, **rules})


def local(text: str, zone: str = BERLIN) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-23T10:00", 2, "2026-11-23T12:00"),
        ("2026-11-23T10:00", 7, "2026-11-23T17:00"),  # exactly at closing
        ("2026-11-23T16:00", 2, "2026-11-24T10:00"),
        ("2026-11-23T09:00", 8, "2026-11-23T17:00"),  # from opening to closing
        ("2026-11-23T17:00", 1, "2026-11-24T10:00"),  # asked as it closes
        ("2026-11-23T06:00", 1, "2026-11-23T10:00"),  # before it opens
        ("2026-11-27T16:30", 1, "2026-11-30T09:30"),  # over a weekend
        ("2026-11-28T12:00", 1, "2026-11-30T10:00"),  # asked on a Saturday
        ("2026-11-23T10:00", 40, "2026-11-30T10:00"),
    ],
)
def test_only_working_hours_count(start: str, hours: int, end: str) -> None:
    assert after(local(start), hours * HOUR, calendar()) == local(end)


@pytest.mark.parametrize(
    ("zone", "start", "hours", "end"),
    [
        # Open round the clock on the days the clocks change: 23 hours, and 25.
        (BERLIN, "2026-03-29T00:00", 23, "2026-03-29T23:59:59"),
        (BERLIN, "2026-10-25T00:00", 25, "2026-10-25T23:59:59"),
        (NEW_YORK, "2026-03-08T00:00", 23, "2026-03-08T23:59:59"),
        (NEW_YORK, "2026-11-01T00:00", 25, "2026-11-01T23:59:59"),
    ],
)
def test_a_day_on_which_the_clocks_change_is_as_long_as_it_is(zone: str, start: str, hours: int, end: str) -> None:
    open_always = calendar(zone, "00:00", "23:59:59", weekdays=EVERY_DAY)

    assert after(local(start, zone), hours * HOUR - 1, open_always) == local(end, zone)


@pytest.mark.parametrize(
    ("zone", "friday", "monday", "apart"),
    [
        (BERLIN, "2026-03-27T16:00", "2026-03-30T10:00", 65),
        (BERLIN, "2026-10-23T16:00", "2026-10-26T10:00", 67),
        (NEW_YORK, "2026-03-06T16:00", "2026-03-09T10:00", 65),
        (NEW_YORK, "2026-10-30T16:00", "2026-11-02T10:00", 67),
    ],
)
def test_over_a_weekend_on_which_the_clocks_change_the_office_opens_by_its_own_clock(
    zone: str, friday: str, monday: str, apart: int
) -> None:
    end = after(local(friday, zone), 2 * HOUR, calendar(zone))

    assert end == local(monday, zone)
    assert end - local(friday, zone).astimezone(UTC) == timedelta(hours=apart)


def test_hours_that_the_clocks_skip_do_not_open() -> None:
    """At 02:00 it becomes 03:00; the second of the two counts from an hour that is over by then."""
    skipped = calendar(opens="02:30", closes="03:15", weekdays=[6])

    assert after(local("2026-03-29T00:00"), 60, skipped) == local("2026-04-05T02:31")


def test_public_holidays_of_the_country_and_the_region_do_not_count() -> None:
    start = local("2026-06-03T16:00")  # the next day is Corpus Christi in Bavaria, not in Berlin

    assert after(start, 2 * HOUR, calendar(country="DE", region="BY")) == local("2026-06-05T10:00")
    assert after(start, 2 * HOUR, calendar(country="DE", region="BE")) == local("2026-06-04T10:00")


def test_a_holiday_of_the_next_year_counts_too() -> None:
    assert after(local("2026-12-31T16:00"), 2 * HOUR, calendar(country="DE")) == local("2027-01-04T10:00")


def test_further_closed_days_do_not_count() -> None:
    closed = calendar(closed_on=[date(2026, 11, 24), date(2026, 11, 25)])

    assert after(local("2026-11-23T16:00"), 2 * HOUR, closed) == local("2026-11-26T10:00")


def test_a_calendar_of_weekends_counts_weekends() -> None:
    weekends = calendar(weekdays=[5, 6])

    assert after(local("2026-11-23T12:00"), 10 * HOUR, weekends) == local("2026-11-29T11:00")


def test_without_a_calendar_every_second_counts_whatever_the_clocks_do() -> None:
    start = local("2026-03-28T12:00")

    assert after(start, 24 * HOUR, None) == local("2026-03-29T13:00")
    assert between(start, after(start, 24 * HOUR, None), None) == timedelta(hours=24)


def test_a_calendar_that_is_never_open_ends_all_the_same() -> None:
    never = calendar(weekdays=[])

    assert after(local("2026-11-23T12:00"), 1, never) == local("2026-11-23T12:00") + timedelta(days=LONGEST_DAYS)


CALENDARS = st.builds(
    lambda zone, days, hours, place, closed: calendar(
        zone, weekdays=days, opens=min(hours).isoformat(), closes=max(hours).isoformat(), closed_on=closed, **place
    ),
    st.sampled_from([BERLIN, NEW_YORK, "UTC", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Auckland"]),
    st.lists(st.sampled_from(EVERY_DAY), min_size=1, unique=True),
    st.lists(st.times().map(lambda moment: moment.replace(microsecond=0)), min_size=2, max_size=2, unique=True).filter(
        lambda pair: (datetime.combine(date.min, max(pair)) - datetime.combine(date.min, min(pair))).seconds >= 600
    ),
    st.sampled_from([{}, {"country": "DE", "region": "BY"}, {"country": "US"}]),
    st.lists(st.dates(date(2026, 1, 1), date(2026, 12, 31)), max_size=5),
)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
SECONDS = st.integers(1, 40 * HOUR)


def counted(start: datetime, end: datetime, by: Calendar) -> timedelta:
    """Said once more, day by day from the other end and without stopping early."""
    total, day = timedelta(), end.astimezone(by.zone).date() + timedelta(days=1)
    while day >= start.astimezone(by.zone).date() - timedelta(days=1):
        opens = datetime.combine(day, by.opens, by.zone).timestamp()
        closes = datetime.combine(day, by.closes, by.zone).timestamp()
        is_open = day.weekday() in by.weekdays and day not in by.closed_on and not by.is_holiday(day)
        length = min(closes, end.timestamp()) - max(opens, start.timestamp())
        total += timedelta(seconds=round(max(length, 0) * is_open, 6))
        day -= timedelta(days=1)
    return total


@given(STARTS, SECONDS, CALENDARS)
def test_the_open_time_between_start_and_end_is_what_was_to_be_counted(
    start: datetime, seconds: int, by: Calendar
) -> None:
    end = after(start, seconds, by)

    assert counted(start, end, by) == timedelta(seconds=seconds)
    assert between(start, end, by) == timedelta(seconds=seconds)


@given(STARTS, SECONDS, CALENDARS)
def test_the_end_is_in_open_hours(start: datetime, seconds: int, by: Calendar) -> None:
    end = after(start, seconds, by)

    day = end.astimezone(by.zone).date()
    assert day.weekday() in by.weekdays
    assert day not in by.closed_on
    assert not by.is_holiday(day)
    opens, closes = (datetime.combine(day, wall, by.zone).astimezone(UTC) for wall in (by.opens, by.closes))
    assert opens < end <= closes


@given(STARTS, SECONDS, CALENDARS, st.integers(0, 40 * HOUR))
def test_later_or_longer_never_ends_earlier(start: datetime, seconds: int, by: Calendar, more: int) -> None:
    end = after(start, seconds, by)

    assert after(start + timedelta(seconds=more), seconds, by) >= end
    assert after(start, seconds + more, by) >= end


def test_holidays_do_not_slow_questions_down() -> None:
    """A year of working time, once the years are known."""
    office = calendar(country="US", region="NY")
    start = local("2026-01-05T09:00", NEW_YORK)
    after(start, 2_000 * HOUR, office)
    begun = perf_counter()

    for _ in range(20):
        after(start, 2_000 * HOUR, office)

    assert (perf_counter() - begun) / 20 < 0.05


@pytest.mark.parametrize(
    ("rules", "field", "words"),
    [
        ({"time_zone": "Berlin"}, "time_zone", "There is no such time zone. Write one such as Europe/Berlin."),
        ({"weekdays": []}, "weekdays", "Choose at least one day of the week."),
        ({"opens": time(17), "closes": time(9)}, "closes", "It must close later than it opens, on the same day."),
        ({"country": "XX"}, "country", "No holidays are known for XX. Write two letters like DE."),
        ({"region": "BY"}, "country", "Say which country this region is in."),
        ({"country": "AT", "region": "BY"}, "region", "AT has no region BY. It has: 1, 2, 3, 4, 5, 6, 7, 8, 9."),
    ],
)
def test_a_calendar_that_would_not_work_is_refused_in_words(rules: dict[str, object], field: str, words: str) -> None:
    wrong = calendar()
    for name, value in rules.items():
        setattr(wrong, name, value)

    with pytest.raises(ValidationError) as refusal:
        wrong.clean()

    assert refusal.value.message_dict == {field: [words]}


def test_a_country_may_be_written_small() -> None:
    small = calendar(country="de", region="BY")

    small.clean()

    assert small.is_holiday(date(2026, 6, 4))
