"""Dear approvals ask who one is, once more; what was typed waits, and turning something down never asks."""

import json
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.test import Client, override_settings

from approvals import threads
from approvals.models import Decision, Event, EventKind, Interrupt, Policy, Thread
from approvals.record.export import Format, export
from approvals.record.narrowing import Narrowing
from tests.conftest import PASSWORD, Cast, open_question, work_off
from tests.posting import Page

AGAIN = "/accounts/again/"


@pytest.fixture
def question(cast: Cast) -> Interrupt:
    Policy.objects.update(risk="critical")
    thread = threads.submit(cast.rita, "vault", {"user": "ada"})
    work_off(thread)
    return open_question(thread)


@pytest.fixture
def alice(cast: Cast) -> Client:
    """Through the sign-in page: a session that somebody only made says nothing about who proved what."""
    client = Client()
    client.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    return client


def grow_old(client: Client, *, seconds: float) -> None:
    session = client.session
    for record in session[AUTHENTICATION_METHODS_SESSION_KEY]:
        record["at"] = time.time() - seconds
    session.save()


def decide(client: Client, question: Interrupt, verdict: str, **typed: str) -> Any:
    """With the form as the page shows it, and the second step that high risk asks for."""
    shown = Page(client.get(f"/t/{question.thread_id}/").content.decode()).posted().dict()
    fields = {**shown, "verdict": verdict, "confirmed": verdict, **typed}
    return client.post(f"/interrupts/{question.id}/decision/", fields)


@override_settings(HOLDPOINT_REAUTHENTICATE="critical")
def test_who_proved_it_lately_just_approves(alice: Client, question: Interrupt) -> None:
    grow_old(alice, seconds=200)
    decide(alice, question, "approve")

    assert Decision.objects.exists()


@override_settings(HOLDPOINT_REAUTHENTICATE="critical")
def test_who_did_not_is_asked_and_finds_what_they_typed(alice: Client, question: Interrupt) -> None:
    grow_old(alice, seconds=400)
    answer = decide(alice, question, "approve", note="Mind the gap.")
    assert (answer.status_code, answer["Location"]) == (303, f"{AGAIN}?next=%2Ft%2F{question.thread_id}%2F")
    assert not Decision.objects.exists()

    wrong = alice.post(answer["Location"], {"password": "wrong"})
    assert "That is not your password." in wrong.content.decode()
    back = alice.post(answer["Location"], {"password": PASSWORD})
    html = alice.get(back["Location"]).content.decode()
    assert "you had to prove who you are" in html
    assert "Mind the gap." in html
    decide(alice, question, "approve")
    assert Decision.objects.get().note == "Mind the gap."


@override_settings(HOLDPOINT_REAUTHENTICATE="critical")
def test_programs_are_told_and_turning_down_never_asks(alice: Client, question: Interrupt) -> None:
    grow_old(alice, seconds=400)
    shown = Page(alice.get(f"/t/{question.thread_id}/").content.decode()).posted().dict()
    asked = alice.post(
        f"/interrupts/{question.id}/decision/", {**shown, "verdict": "approve"}, headers={"accept": "application/json"}
    )
    assert (asked.status_code, json.loads(asked.content)["error"]) == (403, "reauthenticate")
    decide(alice, question, "reject", note="Too dear.")

    assert Decision.objects.get().verdict == "reject"


@pytest.mark.parametrize(("level", "risk"), [("", "critical"), ("critical", "high"), ("high", "medium")])
def test_below_the_level_nobody_is_asked(alice: Client, cast: Cast, level: str, risk: str) -> None:
    Policy.objects.update(risk=risk)
    thread: Thread = threads.submit(cast.rita, "vault", {"user": "ada"})
    work_off(thread)
    grow_old(alice, seconds=4_000)
    with override_settings(HOLDPOINT_REAUTHENTICATE=level):
        decide(alice, open_question(thread), "approve")

    assert Decision.objects.exists()


@override_settings(HOLDPOINT_REAUTHENTICATE="critical")
def test_a_provider_s_word_is_no_proof_given_here(cast: Cast, question: Interrupt) -> None:
    cast.alice.set_unusable_password()
    cast.alice.save()
    client = Client()
    client.force_login(cast.alice)
    session = client.session
    session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "socialaccount", "at": time.time()}]
    session["account_authentication_methods_user"] = str(cast.alice.pk)
    session.save()
    decide(client, question, "approve")

    assert not Decision.objects.exists()
    assert not Authenticator.objects.exists()


@override_settings(HOLDPOINT_REAUTHENTICATE="critical")
def test_the_record_says_when_who_voted_had_proved_it(alice: Client, question: Interrupt) -> None:
    grow_old(alice, seconds=200)
    proved = datetime.fromtimestamp(time.time() - 200, tz=UTC)
    decide(alice, question, "approve")

    said = Event.objects.get(kind=EventKind.VOTE_CAST).data["reauthenticated_at"]
    assert abs(datetime.fromisoformat(said) - proved) < timedelta(seconds=5)
    html = alice.get(f"/t/{question.thread_id}/").content.decode()
    assert f"showed who they are at {datetime.fromisoformat(said):%H:%M} UTC" in html
    file = BytesIO()
    export(file, Format.JSONL, Narrowing())
    assert f'"reauthenticated_at": "{said}"'.encode() in file.getvalue()


@pytest.mark.parametrize(("level", "verdict"), [("", "approve"), ("critical", "reject")])
def test_a_proof_nobody_asked_for_is_not_recorded(alice: Client, question: Interrupt, level: str, verdict: str) -> None:
    with override_settings(HOLDPOINT_REAUTHENTICATE=level):
        decide(alice, question, verdict, note="No.")

    assert "reauthenticated_at" not in Event.objects.get(kind=EventKind.VOTE_CAST).data
