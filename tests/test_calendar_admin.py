"""Calendars in the admin: what would not work is refused in words, changes are on record, one in use stays."""

from typing import Any

import pytest
from django.db.models import ProtectedError
from django.test import Client

from approvals.models import Calendar, Event, EventKind, Policy
from tests.conftest import Cast

ADD = "/admin/approvals/calendar/add/"
OFFICE = {
    "name": "Munich",
    "time_zone": "Europe/Berlin",
    "weekdays": ["0", "1", "2", "3"],
    "opens": "08:00",
    "closes": "16:30",
    "country": "de",
    "region": "BY",
    "closed_on": "2026-12-24, 2026-12-31",
}


@pytest.fixture
def staff(cast: Cast, client: Client) -> Client:
    cast.oscar.is_staff = cast.oscar.is_superuser = True
    cast.oscar.save()
    client.force_login(cast.oscar)
    return client


def changes() -> list[tuple[str, Any]]:
    told = Event.objects.filter(kind=EventKind.CALENDAR_CHANGED).order_by("seq")
    return [(event.actor_name, event.data) for event in told]


def test_a_calendar_is_made_and_changed_and_the_record_says_by_whom(staff: Client) -> None:
    assert staff.post(ADD, OFFICE).status_code == 302
    office = Calendar.objects.get()
    assert (office.weekdays, office.country, len(office.closed_on)) == ([0, 1, 2, 3], "DE", 2)

    changed = staff.post(f"/admin/approvals/calendar/{office.id}/change/", {**OFFICE, "closes": "17:00"})

    assert changed.status_code == 302
    (by, made), (also_by, moved) = changes()
    assert (by, also_by) == ("Oscar Lind", "Oscar Lind")
    assert (made["what"], made["to"]["time_zone"]) == ("added", "Europe/Berlin")
    assert (moved["what"], moved["to"]["closes"]) == ("changed", "17:00:00")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"time_zone": "Berlin"}, "Select a valid choice"),
        ({"weekdays": []}, "Choose at least one day of the week."),
        ({"opens": "17:00", "closes": "09:00"}, "It must close later than it opens, on the same day."),
        ({"country": "XX", "region": ""}, "No holidays are known for XX."),
        ({"region": "ZZ"}, "DE has no region ZZ. It has: BB, BE,"),
        ({"closed_on": "soon"}, "Enter a valid date."),
    ],
)
def test_what_would_not_work_is_refused_in_words(staff: Client, wrong: dict[str, Any], words: str) -> None:
    answer = staff.post(ADD, {**OFFICE, **wrong})

    page = answer.content.decode()
    assert words in page
    assert page.count("errorlist") == 1
    assert not Calendar.objects.exists()


def test_a_calendar_that_a_policy_uses_cannot_be_deleted(staff: Client) -> None:
    staff.post(ADD, OFFICE)
    office = Calendar.objects.get()
    Policy.objects.update(calendar=office)

    page = staff.post(f"/admin/approvals/calendar/{office.id}/delete/", {"post": "yes"})

    assert "Cannot delete calendar" in page.content.decode()
    assert Calendar.objects.exists()
    with pytest.raises(ProtectedError):
        office.delete()


def test_one_that_no_policy_uses_can_be_deleted_and_that_is_on_record(staff: Client) -> None:
    staff.post(ADD, OFFICE)
    office = Calendar.objects.get()

    staff.post("/admin/approvals/calendar/", {"action": "delete_selected", "_selected_action": office.id, "post": "y"})

    assert not Calendar.objects.exists()
    assert [told["what"] for _, told in changes()] == ["added", "deleted"]


def test_only_who_may_change_calendars_may(cast: Cast, client: Client) -> None:
    cast.alice.is_staff = True
    cast.alice.save()
    client.force_login(cast.alice)

    assert client.get(ADD).status_code == 403
