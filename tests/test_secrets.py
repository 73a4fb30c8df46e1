"""What a schema calls sensitive stands in no page, and still gets where it should."""

import re
from typing import Any

import pytest
from django.test import Client
from pydantic import BaseModel, SecretStr

from approvals import showing, threads
from approvals.models import Decision, Interrupt, Policy, Thread
from approvals.schemaforms.secrets import masked
from tests.conftest import PASSWORD, Cast, open_question, work_off
from tests.posting import Page

NEW_PIN = "new-4711"


@pytest.fixture
def question(cast: Cast) -> Interrupt:
    Policy.objects.update(risk="high")
    thread = threads.submit(cast.rita, "vault", {"user": "ada"})
    work_off(thread)
    return open_question(thread)


def edited(client: Client, question: Interrupt, **typed: str) -> Any:
    """The page that asks once more about an edit."""
    page = Page(client.get(f"/t/{question.thread_id}/?edit={question.id}").content.decode())
    fields = {name: page.posted()[name] for name in page.posted()}
    return client.post(f"/interrupts/{question.id}/decision/", {**fields, "verdict": "edit", **typed})


def confirmed(client: Client, question: Interrupt, asked: Any, **typed: str) -> Any:
    posted = Page(asked.content.decode()).posted()
    fields = {name: posted.getlist(name) for name in posted}
    return client.post(f"/interrupts/{question.id}/decision/", {**fields, "confirmed": "edit", **typed})


def test_a_secret_is_typed_again_where_it_is_asked_once_more(alice: Client, question: Interrupt) -> None:
    typed = {"arguments.user": "bob", "arguments.pin": NEW_PIN}
    asked = edited(alice, question, **typed)
    html = asked.content.decode()

    assert asked.status_code == 200
    assert not Decision.objects.exists()
    assert NEW_PIN not in html
    assert "old-0000" not in html
    assert "bob" in html
    assert re.search(r'<label for="again-arguments.pin">PIN</label>', html)
    assert confirmed(alice, question, asked, **{"arguments.pin": NEW_PIN}).status_code == 303
    assert Decision.objects.get().answer["arguments"] == {"user": "bob", "pin": NEW_PIN}


def test_a_secret_left_empty_there_does_not_stay_what_it_was(alice: Client, question: Interrupt) -> None:
    asked = edited(alice, question, **{"arguments.user": "bob", "arguments.pin": NEW_PIN})
    missing = confirmed(alice, question, asked)

    assert missing.status_code == 422
    assert not Decision.objects.exists()
    assert "Type the secret again" in missing.content.decode()
    assert confirmed(alice, question, missing, **{"arguments.pin": NEW_PIN}).status_code == 303


def test_an_edit_that_leaves_the_secret_alone_asks_for_none(alice: Client, question: Interrupt) -> None:
    asked = edited(alice, question, **{"arguments.user": "bob"})

    assert 'type="password"' not in asked.content.decode()
    assert confirmed(alice, question, asked).status_code == 303
    assert Decision.objects.get().answer["arguments"] == {"user": "bob", "pin": "old-0000"}


def test_no_page_of_the_thread_says_it_among_the_facts_or_the_changes(alice: Client, question: Interrupt) -> None:
    before = alice.get(f"/t/{question.thread_id}/").content.decode()
    asked = edited(alice, question, **{"arguments.user": "bob", "arguments.pin": NEW_PIN})
    confirmed(alice, question, asked, **{"arguments.pin": NEW_PIN})
    work_off(Thread.objects.get())
    after = alice.get(f"/t/{question.thread_id}/").content.decode()

    assert "••••••" in before
    assert "old-0000" not in before
    assert "<ins>••••••</ins>" in re.sub(r"</?(span|bdi)[^>]*>", "", after)


class Login(BaseModel):
    user: str
    password: SecretStr | None = None


class Logins(BaseModel):
    main: Login | str
    others: list[Login] = []
    by_name: dict[str, Login] = {}


def test_secrets_are_masked_wherever_they_are() -> None:
    one, dots = {"user": "a", "password": "p"}, {"user": "a", "password": "••••••"}
    value = {"main": one, "others": [one, {"user": "b", "password": None}], "by_name": {"x": one}, "extra": "p"}

    assert masked(value, Logins.model_json_schema()) == {
        "main": dots,
        "others": [dots, {"user": "b", "password": None}],
        "by_name": {"x": dots},
        "extra": "p",
    }


@pytest.mark.parametrize("schema", [None, True, {}, {"properties": {"password": {"type": "string"}}}])
def test_without_a_secret_in_the_schema_nothing_is_masked(schema: Any) -> None:
    value = {"password": "p"}

    assert masked(value, schema) is value


def test_a_broken_schema_hides_rather_than_shows() -> None:
    assert masked({"a": "p"}, {"x-sensitive": True, "$ref": "#/nowhere"}) == "••••••"


def test_a_changed_secret_is_told_without_being_told() -> None:
    schema = {"properties": {"pin": {"x-sensitive": True}}}

    assert showing.changed({"pin": "1"}, {"pin": "2"}, schema) == [("Pin", "••••••", "••••••")]
    assert showing.changed({"pin": "1"}, {"pin": "1"}, schema) == []


def test_who_was_signed_out_finds_their_edit_again_without_its_secrets(
    alice: Client, question: Interrupt, cast: Cast
) -> None:
    shown = Page(alice.get(f"/t/{question.thread_id}/?edit={question.id}").content.decode()).posted()
    typed = {**shown.dict(), "verdict": "edit", "note": "Mind the gap.", "arguments.user": "bob"}
    decide = f"/interrupts/{question.id}/decision/"
    alice.logout()
    answer = alice.post(decide, {**typed, "arguments.pin": NEW_PIN})

    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={decide}")
    assert NEW_PIN not in str(dict(alice.session))
    alice.post(answer["Location"], {"username": "alice", "password": PASSWORD, "next": decide})
    html = alice.get(alice.get(decide)["Location"]).content.decode()

    assert "because you were signed out" in html
    assert "Mind the gap." in html
    assert 'value="bob"' in html
    asked = alice.post(decide, {**Page(html).posted().dict(), "verdict": "edit"})
    assert asked.status_code == 200
    assert confirmed(alice, question, asked).status_code == 303
    assert Decision.objects.get().note == "Mind the gap."
    assert "signed out" not in alice.get(f"/t/{question.thread_id}/").content.decode()


def test_a_decision_form_older_than_the_sign_in_comes_back_filled_in(question: Interrupt, cast: Cast) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(cast.alice)
    shown = Page(client.get(f"/t/{question.thread_id}/").content.decode()).posted().dict()
    typed = {**shown, "verdict": "reject", "note": "Too dear.", "csrfmiddlewaretoken": "of-another-time"}
    answer = client.post(f"/interrupts/{question.id}/decision/", typed)

    assert (answer.status_code, answer["Location"]) == (303, f"/t/{question.thread_id}/")
    assert "Too dear." in client.get(answer["Location"]).content.decode()
    assert not Decision.objects.exists()
