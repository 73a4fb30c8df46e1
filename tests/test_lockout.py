"""Wrong passwords make one address wait for one name: not the person, not the others, and not for good."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client, RequestFactory, override_settings

from approvals.models import Event, EventKind
from approvals.models.event import DESK
from approvals.record.checking import Check
from approvals.signing_in import lockouts_recorded
from approvals.signing_in.addresses import client_address
from tests.conftest import PASSWORD, Cast
from tests.stack import Stack

pytestmark = pytest.mark.django_db

SIGN_IN = "/accounts/login/"
ATTACKER, ELSEWHERE = "198.51.100.7", "203.0.113.9"
TRIES = settings.HOLDPOINT_SIGN_IN_ATTEMPTS


def try_to_sign_in(password: str, *, name: str = "alice", address: str = ATTACKER, **headers: str) -> int:
    """The status: 302 when it worked, 200 when the form came back, 429 when there is waiting to do."""
    client = Client(REMOTE_ADDR=address, headers=headers)
    return client.post(SIGN_IN, {"username": name, "password": password}).status_code


def lock_out(**where: str) -> list[int]:
    return [try_to_sign_in("wrong", **where) for _ in range(TRIES)]


def test_the_last_wrong_password_of_a_row_is_told_to_wait(cast: Cast) -> None:
    assert lock_out() == [200] * (TRIES - 1) + [429]
    assert try_to_sign_in(PASSWORD) == 429


def test_waiting_is_told_in_words_and_in_seconds(cast: Cast) -> None:
    lock_out()
    answer = Client(REMOTE_ADDR=ATTACKER).post(SIGN_IN, {"username": "alice", "password": PASSWORD})

    assert 800 < int(answer["Retry-After"]) <= 900
    assert b"Too many attempts" in answer.content
    assert re.search(rb"at \d\d:\d\d", answer.content)


def test_the_only_approver_still_signs_in_from_elsewhere_and_others_from_there(cast: Cast) -> None:
    lock_out()

    assert try_to_sign_in(PASSWORD, address=ELSEWHERE) == 302
    assert try_to_sign_in(PASSWORD, name="bob") == 302


def test_waiting_ends_and_trying_meanwhile_does_not_prolong_it(cast: Cast) -> None:
    lock_out()
    AccessAttempt.objects.update(
        attempt_time=F("attempt_time") - timedelta(seconds=settings.HOLDPOINT_LOCKOUT_SECONDS - 5)
    )
    assert try_to_sign_in(PASSWORD) == 429
    AccessAttempt.objects.update(attempt_time=F("attempt_time") - timedelta(seconds=6))

    assert try_to_sign_in(PASSWORD) == 302


def test_signing_in_forgets_the_failures_before(cast: Cast) -> None:
    for _ in range(2):
        for _ in range(TRIES - 1):
            assert try_to_sign_in("wrong") == 200
        assert try_to_sign_in(PASSWORD) == 302


def test_another_browser_and_another_spelling_of_the_address_do_not_help(cast: Cast) -> None:
    networks = [f"2001:db8:1:2:{number:x}::1" for number in range(TRIES)]
    tried = [try_to_sign_in("wrong", address=address, user_agent=f"Browser/{address}") for address in networks]

    assert tried[-1] == 429
    assert try_to_sign_in(PASSWORD, address="2001:db8:1:2:ffff::1") == 429


def test_a_made_up_name_is_told_to_wait_as_a_real_one_is(cast: Cast) -> None:
    assert lock_out(name="nobody-at-all") == lock_out(name="alice")


def test_no_password_and_no_huge_form_is_kept_with_a_failure(cast: Cast) -> None:
    try_to_sign_in("a-password-nobody-should-see")
    assert "a-password-nobody-should-see" not in AccessAttempt.objects.get().post_data
    big = {"username": "bob", "password": "wrong", "padding": "x" * 10_000}

    assert Client().post(SIGN_IN, big).status_code == 413
    assert not AccessAttempt.objects.filter(username="bob").exists()


def test_what_a_client_says_about_its_address_is_not_believed(stack: Stack, cast: Cast) -> None:
    """Against the real server: it must not believe it either, though it is asked from this very machine."""
    statuses = []
    for number in range(TRIES):
        session = requests.Session()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', session.get(stack.url + SIGN_IN).text)
        assert token
        form = {"username": "alice", "password": "wrong", "csrfmiddlewaretoken": token[1]}
        forged = {"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"}
        statuses.append(session.post(stack.url + SIGN_IN, form, headers=forged).status_code)

    assert statuses[-1] == 429


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "192.0.2.1", "10.0.0.9"),
        (1, "192.0.2.1", "192.0.2.1"),
        (1, "1.1.1.1, 192.0.2.1", "192.0.2.1"),
        (2, "1.1.1.1, 192.0.2.1, 10.0.0.5", "192.0.2.1"),
        (2, "192.0.2.1", "10.0.0.9"),
        (1, "", "10.0.0.9"),
        (1, "not an address", "10.0.0.9"),
        (1, "192.0.2.1:4711", "192.0.2.1"),
        (1, "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::"),
        (1, "2001:db8:1:2:3::4", "2001:db8:1:2::"),
        (1, "::ffff:192.0.2.1", "192.0.2.1"),
    ],
)
def test_an_address_is_what_the_last_trusted_proxy_saw(proxies: int, forwarded: str, address: str) -> None:
    request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.9", headers={"x-forwarded-for": forwarded})

    with override_settings(HOLDPOINT_TRUSTED_PROXIES=proxies):
        assert client_address(request) == address


def test_behind_a_proxy_each_client_is_counted_for_itself(cast: Cast) -> None:
    with override_settings(HOLDPOINT_TRUSTED_PROXIES=1):
        for number in range(TRIES):
            last = try_to_sign_in("wrong", address="10.0.0.9", x_forwarded_for=f"192.0.2.{number}, {ATTACKER}")

        assert last == 429
        assert try_to_sign_in(PASSWORD, address="10.0.0.9", x_forwarded_for=f"{ATTACKER}, {ELSEWHERE}") == 302


def test_the_key_of_a_session_changes_with_signing_in(cast: Cast) -> None:
    """Or somebody could plant a key they know, and wait."""
    client = Client()
    session = client.session
    session["planted"] = "yes"
    session.save()
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = str(session.session_key)
    client.post(SIGN_IN, {"username": "alice", "password": PASSWORD})

    assert client.session.session_key != planted
    assert not Client(headers={"cookie": f"sessionid={planted}"}).get("/me/").context


def test_the_administration_has_no_way_in_of_its_own(cast: Cast) -> None:
    answer = Client().post("/admin/login/?next=/admin/auth/", {"username": "oscar", "password": PASSWORD})
    assert (answer.status_code, answer["Location"]) == (302, f"{SIGN_IN}?next=%2Fadmin%2Fauth%2F")

    insider = Client()
    insider.force_login(cast.alice)
    assert insider.get("/admin/login/").status_code == 403


@pytest.mark.parametrize("change", [lambda who: who.groups.clear(), lambda who: who.delete(), None])
def test_what_a_person_may_ends_with_the_next_request(cast: Cast, change: Callable[[User], object] | None) -> None:
    client = Client()
    client.force_login(cast.alice)
    assert client.get("/queue/").status_code == 200
    if change:
        change(cast.alice)
    else:
        User.objects.filter(id=cast.alice.id).update(is_active=False)

    assert client.get("/queue/").status_code != 200


def recorded() -> list[dict[str, Any]]:
    return list(Event.objects.filter(thread_id=DESK, kind=EventKind.SIGN_IN_LOCKED).values_list("data", flat=True))


def test_each_lock_out_is_a_line_of_the_record_and_an_attempt_is_none(cast: Cast) -> None:
    lock_out()
    assert recorded() == [{"username": "alice", "address": ATTACKER, "attempts": TRIES}]
    lock_out()
    try_to_sign_in(PASSWORD)
    assert len(recorded()) == 1

    lock_out(address=ELSEWHERE)
    assert [line["address"] for line in recorded()] == [ATTACKER, ELSEWHERE]
    assert list(Check().findings()) == []


def test_what_was_typed_for_a_name_is_recorded_only_when_somebody_has_it(cast: Cast) -> None:
    """Many a password ends up in the field above it; and made-up names are no way to fill the record."""
    for name in ("my-own-secret", "another"):
        lock_out(name=name)

    assert recorded() == [{"address": ATTACKER, "attempts": TRIES}]


def test_lock_outs_of_one_moment_fill_only_so_many_lines(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockouts_recorded, "MOST", 2)
    for number in range(3):
        lock_out(address=f"198.51.100.{number}")

    assert [line.get("last", False) for line in recorded()] == [False, True]
