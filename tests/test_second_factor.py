"""Second factors through the real server: set up, needed at sign-in, taken once, and demanded of groups."""

import re
import threading

import pytest
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import encrypt
from axes.models import AccessAttempt
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.test import RequestFactory, override_settings
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from approvals.signing_in.codes import CodeForm
from tests.conftest import Cast
from tests.factor_desk import Walk, code_of
from tests.stack import Stack
from tests.test_socket import headers_of


@pytest.fixture
def desk(stack: Stack, cast: Cast) -> Stack:
    stack.start_web(HOLDPOINT_SECOND_FACTOR="on")
    return stack


def at_the_second_step(url: str, name: str = "alice") -> Walk:
    walk = Walk(url)
    assert "/second-factor/sign-in/" in walk.sign_in(name).url
    return walk


def give_code(walk: Walk, code: str) -> int:
    return walk.send("/accounts/second-factor/sign-in/", code=code).status_code


def test_an_app_is_set_up_needed_from_then_on_and_its_code_taken_once(desk: Stack, cast: Cast) -> None:
    first = Walk(desk.url)
    first.sign_in("alice")
    assert first.is_in()
    secret, codes = first.set_up_app()
    assert len(codes) == 10
    assert secret not in str(Authenticator.objects.get(type="totp").data)  # encrypted

    walk = at_the_second_step(desk.url)
    assert not walk.is_in()
    assert "That did not match" in walk.send("/accounts/second-factor/sign-in/", code="000000").text
    code = code_of(secret, later=1)
    give_code(walk, code)
    assert walk.is_in()

    again = at_the_second_step(desk.url)
    give_code(again, code)
    assert not again.is_in()
    give_code(again, codes[0])
    assert again.is_in()

    with_used = at_the_second_step(desk.url)
    give_code(with_used, codes[0])
    assert not with_used.is_in()
    give_code(with_used, codes[1])
    assert with_used.is_in()


@pytest.mark.django_db
def test_a_code_is_used_up_for_every_web_process(cast: Cast) -> None:
    """Each has a cache of its own, which is all that allauth looks into."""
    secret = "JBSWY3DPEHPK3PXP"
    Authenticator.objects.create(user=cast.alice, type="totp", data={"secret": encrypt(secret)})
    request = RequestFactory().get("/")
    request.session = SessionStore()
    code = code_of(secret)
    with context.request_context(request), override_settings(MFA_SUPPORTED_TYPES=["totp"]):
        assert CodeForm({"code": code}, user=cast.alice).is_valid()
        cache.clear()
        assert not CodeForm({"code": f"{code[:3]} {code[3:]}"}, user=cast.alice).is_valid()


def test_one_recovery_code_lets_one_of_two_in_who_race_for_it(desk: Stack, cast: Cast) -> None:
    first = Walk(desk.url)
    first.sign_in("alice")
    _, codes = first.set_up_app()
    racers = [at_the_second_step(desk.url) for _ in range(2)]
    racing = [threading.Thread(target=give_code, args=(walk, codes[0])) for walk in racers]
    for thread in racing:
        thread.start()
    for thread in racing:
        thread.join()

    assert sorted(walk.is_in() for walk in racers) == [False, True]


def test_codes_cannot_be_guessed_on_and_on(desk: Stack, cast: Cast) -> None:
    first = Walk(desk.url)
    first.sign_in("alice")
    secret, _ = first.set_up_app()
    walk = at_the_second_step(desk.url)
    statuses = [give_code(walk, f"{number:06}") for number in range(5)]

    assert statuses == [200] * 4 + [429]
    give_code(walk, code_of(secret))
    assert not walk.is_in()
    assert Walk(desk.url).sign_in("alice").status_code == 429
    assert AccessAttempt.objects.get(username="alice").failures_since_start == 5


def test_a_second_factor_is_removed_only_after_proving_who_one_is(desk: Stack, cast: Cast) -> None:
    walk = Walk(desk.url)
    walk.sign_in("alice")
    secret, codes = walk.set_up_app()
    later = at_the_second_step(desk.url)
    give_code(later, codes[0])
    assert "Is it you?" in later.get("/accounts/second-factor/app/remove/").text
    later.send("/accounts/second-factor/again/", code=codes[1])
    later.send("/accounts/second-factor/app/remove/")

    assert not Authenticator.objects.exists()
    assert secret


def test_the_pages_of_nobody_s_use_are_not_there(desk: Stack, cast: Cast) -> None:
    walk = Walk(desk.url)
    walk.sign_in("alice")
    for path in ("signup", "email", "password/reset", "password/change", "social", "second-factor/passkeys/add"):
        assert walk.get(f"/accounts/{path}/").status_code == 404, path


def test_a_group_that_needs_one_gets_no_further_than_setting_it_up(stack: Stack, cast: Cast) -> None:
    stack.start_web(HOLDPOINT_SECOND_FACTOR="reviewers,operators")
    rita, alice = Walk(stack.url), Walk(stack.url)
    rita.sign_in("rita")
    alice.sign_in("alice")

    assert rita.is_in()
    assert not alice.is_in()
    assert "Your group needs a second factor" in alice.get("/queue/").text
    assert alice.get("/queue/", Accept="application/json").json()["error"] == "second_factor"
    with pytest.raises((ConnectionClosed, InvalidStatus)):
        connect(
            stack.url.replace("http", "ws") + "/changes/",
            additional_headers=headers_of(cast.alice),
            origin=Origin(stack.url),
        ).recv(timeout=5)

    alice.set_up_app()
    assert alice.is_in()
    rita_joins = Group.objects.get(name="operators")
    cast.rita.groups.add(rita_joins)
    assert not rita.is_in()


def test_factors_of_before_mean_nothing_when_they_are_off(stack: Stack, cast: Cast) -> None:
    Authenticator.objects.create(user=cast.alice, type="totp", data={"secret": "of before"})
    walk = Walk(stack.url)
    walk.sign_in("alice")

    assert walk.is_in()
    assert not re.search("Second factor", walk.get("/me/").text)
