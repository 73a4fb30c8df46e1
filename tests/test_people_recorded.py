"""Who may do what is part of the record, too."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client

from approvals.models import Event, EventKind
from approvals.models.event import DESK
from tests.conftest import Cast
from tests.record_desk import findings

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client, cast: Cast) -> Client:
    cast.oscar.is_staff = cast.oscar.is_superuser = True
    cast.oscar.save()
    client.force_login(cast.oscar)
    return client


def changes() -> list[dict[str, Any]]:
    events = Event.objects.filter(thread_id=DESK, kind=EventKind.PEOPLE_CHANGED).order_by("seq")
    assert {event.actor_name for event in events} <= {"Oscar Lind"}
    return [event.data for event in events]


def form_of(person: User, **changes: object) -> dict[str, object]:
    joined = {"date_joined_0": f"{person.date_joined:%Y-%m-%d}", "date_joined_1": f"{person.date_joined:%H:%M:%S}"}
    names = {"username": person.username, "first_name": person.first_name, "last_name": person.last_name, "email": ""}
    groups = [group.id for group in person.groups.all()]
    return {**names, **joined, "is_active": "on", "groups": groups, "user_permissions": [], **changes}


def test_what_an_administrator_changes_of_a_person_is_recorded_with_the_difference(staff: Client, cast: Cast) -> None:
    page = f"/admin/auth/user/{cast.alice.id}/change/"
    operators = Group.objects.get(name="operators")
    reroute = Permission.objects.get(codename="may_reroute")

    assert staff.post(page, form_of(cast.alice)).status_code == 302
    assert changes() == []
    both = [*cast.alice.groups.values_list("id", flat=True), operators.id]
    staff.post(page, form_of(cast.alice, groups=both, user_permissions=[reroute.id]))
    staff.post(page, form_of(cast.alice, groups=both, user_permissions=[reroute.id], is_active=""))

    first, second = changes()
    assert (first["what"], first["name"], first["change"], first["id"]) == ("user", "alice", "changed", cast.alice.id)
    assert first["differs"] == {
        "groups": [["reviewers"], ["operators", "reviewers"]],
        "permissions": [[], ["approvals.may_reroute"]],
    }
    assert second["differs"] == {"is_active": [True, False]}
    assert findings() == []


def test_a_password_set_by_an_administrator_is_recorded_and_never_kept(staff: Client, cast: Cast) -> None:
    new = {"usable_password": "true", "password1": "another-honest-one", "password2": "another-honest-one"}

    assert staff.post(f"/admin/auth/user/{cast.bob.id}/password/", new).status_code == 302

    (change,) = changes()
    assert change["differs"] == {"password": ["set anew"]}
    cast.bob.refresh_from_db()
    assert cast.bob.check_password("another-honest-one")


def test_people_and_groups_that_come_and_go_are_recorded(staff: Client, cast: Cast) -> None:
    staff.post("/admin/auth/group/add/", {"name": "auditors", "permissions": []})
    auditors = Group.objects.get(name="auditors")
    staff.post(f"/admin/auth/group/{auditors.id}/change/", {"name": "Auditors", "permissions": []})
    staff.post(f"/admin/auth/group/{auditors.id}/delete/", {"post": "yes"})
    chosen = {"action": "delete_selected", "_selected_action": [cast.mallory.id], "post": "yes"}
    staff.post("/admin/auth/user/", chosen)

    assert [(change["what"], change["name"], change["change"]) for change in changes()] == [
        ("group", "auditors", "made"),
        ("group", "Auditors", "changed"),
        ("group", "Auditors", "removed"),
        ("user", "mallory", "removed"),
    ]
    assert not User.objects.filter(username="mallory").exists()
    assert findings() == []
