"""Calendar: which hours count towards a time limit."""

from typing import Any
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
        if self.time_zone not in available_timezones():
            raise ValidationError({"time_zone": "There is no such time zone. Write one such as Europe/Berlin."})
        try:
            self.public_holidays()
        except (NotImplementedError, ValueError) as error:
            raise ValidationError({"country": "No holidays are known for this country and region."}) from error

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def public_holidays(self) -> Any:
        """Dates, by `in`; empty without a country."""
        if not self.country:
            return {}
        return holidays.country_holidays(self.country, subdiv=self.region or None)
