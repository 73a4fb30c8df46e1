"""What a part of the record is narrowed to: a thread, dates, a chain, a person."""

from argparse import ArgumentTypeError
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from approvals.models import Decision, Event


class NoDate(ArgumentTypeError):
    """This is no date. Write it as 2026-01-31, or with a time: 2026-01-31T08:00."""


@dataclass(frozen=True)
class Narrowing:
    """Both days are whole days where the server is, and both are included. Empty means: not narrowed."""

    thread: UUID | None = None
    first: date | None = None
    last: date | None = None
    chain: str = ""
    person: str = ""

    @property
    def kept(self) -> dict[str, str]:
        """For the record: what was asked for, and nothing of what was not."""
        words = {
            "thread": self.thread,
            "from": self.first,
            "to": self.last,
            "chain": self.chain,
            "person": self.person,
        }
        return {name: str(value) for name, value in words.items() if value}

    def lines(self, rows: "QuerySet[Event]") -> "QuerySet[Event]":
        if self.chain:
            rows = rows.filter(thread__chain=self.chain)
        if self.thread:
            rows = rows.filter(thread_id=self.thread)
        return rows.filter(self._days("at"), self._by("actor"))

    def decisions(self, rows: "QuerySet[Decision]") -> "QuerySet[Decision]":
        if self.chain:
            rows = rows.filter(interrupt__thread__chain=self.chain)
        if self.thread:
            rows = rows.filter(interrupt__thread_id=self.thread)
        return rows.filter(self._days("decided_at"), self._by("decided_by"))

    def _days(self, column: str) -> Q:
        found = Q()
        if self.first is not None:
            found &= Q(**{f"{column}__gte": _midnight(self.first)})
        if self.last is not None:
            found &= Q(**{f"{column}__lt": _midnight(self.last + timedelta(days=1))})
        return found

    def _by(self, column: str) -> Q:
        """By the name the record keeps, also of people who are gone, or by the user name of who is there."""
        if not self.person:
            return Q()
        known = User.objects.filter(username__iexact=self.person).values("id")
        return Q(**{f"{column}_name__icontains": self.person}) | Q(**{f"{column}__in": known})


def day(text: str) -> date:
    """Raises NoDate."""
    try:
        found = parse_date(text)
    except ValueError as error:
        raise NoDate(NoDate.__doc__) from error
    if found is None or not 1 < found.year < 9_999:
        raise NoDate(NoDate.__doc__)
    return found


def moment(text: str) -> datetime:
    """A day, from its first second, or a time. Raises NoDate."""
    try:
        found = parse_datetime(text) if "T" in text or " " in text else None
    except ValueError as error:
        raise NoDate(NoDate.__doc__) from error
    if found is None:
        return _midnight(day(text))
    return found if found.tzinfo else timezone.make_aware(found)


def _midnight(found: date) -> datetime:
    return timezone.make_aware(datetime.combine(found, time.min))
