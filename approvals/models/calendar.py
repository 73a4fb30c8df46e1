"""Calendar: which hours count towards a time limit."""

from datetime import date
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

import holidays
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

WEEKDAYS = (
    (0, "Monday"),
    (1, "Tuesday"),
    (2, "Wednesday"),
    (3, "Thursday"),
    (4, "Friday"),
    (5, "Saturday"),
    (6, "Sunday"),
)


def _workdays() -> list[int]:
    return [0, 1, 2, 3, 4]


class Calendar(models.Model):
    """Working hours on working days of a place. `country` and `region` are those of the holidays library."""

    name = models.CharField(max_length=100, unique=True)
    time_zone = models.CharField(max_length=64, default="UTC")
    weekdays = ArrayField(models.PositiveSmallIntegerField(choices=WEEKDAYS), default=_workdays)
    opens = models.TimeField(default="09:00")
    closes = models.TimeField(default="17:00")
    country = models.CharField(
        max_length=2, blank=True, help_text="Two letters, such as DE. Empty: no public holidays."
    )
    region = models.CharField(max_length=10, blank=True)
    closed_on = ArrayField(models.DateField(), default=list, blank=True, help_text="Further days that do not count.")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(opens__lt=F("closes")), name="calendar_opens_before_it_closes"),
            models.CheckConstraint(condition=Q(weekdays__len__gte=1), name="calendar_has_a_working_day"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        self.country = self.country.upper()
        if self.time_zone not in available_timezones():
            raise ValidationError({"time_zone": "There is no such time zone. Write one such as Europe/Berlin."})
        if not self.weekdays:
            raise ValidationError({"weekdays": "Choose at least one day of the week."})
        if self.opens and self.closes and self.opens >= self.closes:
            raise ValidationError({"closes": "It must close later than it opens, on the same day."})
        self._refuse_unknown_place()

    def _refuse_unknown_place(self) -> None:
        regions = holidays.list_supported_countries().get(self.country)
        if self.region and not self.country:
            raise ValidationError({"country": "Say which country this region is in."})
        if self.country and regions is None:
            raise ValidationError({"country": f"No holidays are known for {self.country}. Write two letters like DE."})
        if self.region and self.region not in (regions or ()):
            known = ", ".join(regions or ()) or "none"
            raise ValidationError({"region": f"{self.country} has no region {self.region}. It has: {known}."})

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def is_holiday(self, day: date) -> bool:
        """Whether it is a public holiday of the place; never without a country."""
        return bool(self.country) and day in _holidays_of(self.country, self.region, day.year)


@lru_cache(maxsize=1_000)
def _holidays_of(country: str, region: str, year: int) -> frozenset[date]:
    """Working them out takes milliseconds, and a question counts through years of them."""
    return frozenset(holidays.country_holidays(country, subdiv=region or None, years=year))
