"""Calendars in the admin: which hours count towards a time limit. A change moves deadlines, so it is on record."""

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest

from approvals.models import Calendar, Event, EventKind
from approvals.models.calendar import WEEKDAYS

# Django's own classes take no type arguments while they run.
if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Calendar]
    ModelForm = forms.ModelForm[Calendar]
else:
    ModelAdmin, ModelForm = admin.ModelAdmin, forms.ModelForm


class CalendarForm(ModelForm):
    time_zone = forms.ChoiceField(initial="UTC")
    weekdays = forms.TypedMultipleChoiceField(
        choices=WEEKDAYS,
        coerce=int,
        initial=[0, 1, 2, 3, 4],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one day of the week."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zones = self.fields["time_zone"]
        assert isinstance(zones, forms.ChoiceField)
        zones.choices = [(name, name) for name in sorted(available_timezones())]
        self.fields["closed_on"].help_text = "Further days that do not count, such as 2026-12-24, separated by commas."


@admin.register(Calendar)
class CalendarAdmin(ModelAdmin):
    """One that a policy uses cannot be deleted: the database keeps it."""

    form = CalendarForm
    list_display = ("name", "time_zone", "opens", "closes", "country", "region")
    search_fields = ("name", "time_zone", "country")
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "time_zone")}),
        (
            "Hours that count",
            {
                "fields": ("weekdays", "opens", "closes"),
                "description": "Questions that are open already keep the deadlines they have.",
            },
        ),
        ("Days that do not", {"fields": ("country", "region", "closed_on")}),
    )

    def save_model(self, request: HttpRequest, obj: Calendar, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        changed = {name: str(form.cleaned_data[name]) for name in form.changed_data}
        self._record(request, obj, "changed" if change else "added", changed)

    def delete_model(self, request: HttpRequest, obj: Calendar) -> None:
        super().delete_model(request, obj)
        self._record(request, obj, "deleted", {})

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        """One by one, for the record."""
        with transaction.atomic():
            for calendar in queryset:
                self.delete_model(request, calendar)

    def _record(self, request: HttpRequest, calendar: Calendar, what: str, changed: dict[str, str]) -> None:
        assert request.user.is_authenticated
        told = {"calendar": calendar.name, "what": what, "to": changed}
        Event.append_for_desk(EventKind.CALENDAR_CHANGED, by=request.user, **told)
