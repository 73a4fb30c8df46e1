"""Drafts: kept while somebody types, for them alone, without secrets, until they vote."""

from typing import Any

import pytest
from django.test import Client

from approvals import drafting, queueing
from approvals.drafting import LARGEST, TooLarge
from approvals.models import Draft, Interrupt, Thread
from approvals.policies import NotAllowed
from tests.asked import ask, rest
from tests.conftest import Cast, open_question
from tests.queue_desk import decide, fresh, seen, signed_in

SECRET = {"type": "object", "properties": {"token": {"type": "string", "x-sensitive": True}, "why": {"type": "string"}}}
OPEN = {"type": "object", "properties": {"why": {"type": "string", "minLength": 5}, "more": {"type": "string"}}}


def keep(client: Client, question: Interrupt, **typed: str) -> Any:
    return client.post(f"/interrupts/{question.id}/draft/", seen(question, **typed))


def page(client: Client, question: Interrupt, query: str = "") -> str:
    return client.get(f"/t/{question.thread_id}/{query}").content.decode()


def test_a_note_is_there_again_for_its_owner_alone(cast: Cast, alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    assert keep(alice, question, note="Half a <thought>", csrfmiddlewaretoken="t", next="/x").json() == {"kept": True}

    assert Draft.objects.get().query == "note=Half+a+%3Cthought%3E"
    for client in (alice, signed_in(cast.alice)):
        assert "\nHalf a &lt;thought&gt;</textarea>" in page(client, question)
        assert "\nHalf a &lt;thought&gt;</textarea>" in client.get("/queue/").content.decode()
    assert "Half a" not in page(signed_in(cast.bob), question)
    assert "Half a" not in page(signed_in(cast.oscar), question)


def test_it_goes_with_the_vote_or_when_it_is_discarded_or_emptied(cast: Cast, alice: Client, submitted: Thread) -> None:
    first, second, third = (ask(submitted, number) for number in range(3))
    rest(submitted)
    for question in (first, second, third):
        keep(alice, question, note="Hm")
    keep(signed_in(cast.bob), first, note="Bob's own")

    assert decide(alice, first, verdict="approve").status_code == 200
    alice.post(f"/interrupts/{second.id}/draft/", {"discard": "1"})
    keep(alice, third, note="")

    assert list(Draft.objects.values_list("person__username", flat=True)) == ["bob"]


def test_what_others_closed_is_cleared_away_with_the_next_draft(cast: Cast, alice: Client, submitted: Thread) -> None:
    first, second = ask(submitted, 1), ask(submitted, 2)
    rest(submitted)
    keep(alice, first, note="Too late")
    decide(signed_in(cast.bob), first, verdict="approve")

    keep(alice, second, note="Next")

    assert [draft.interrupt for draft in Draft.objects.all()] == [second]


def test_only_who_may_decide_keeps_one_and_not_after_the_vote(cast: Cast, alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    assert keep(signed_in(cast.mallory), question, note="x").status_code == 404
    assert keep(signed_in(cast.oscar), question, note="x").status_code == 403
    queueing.claim(cast.bob, question.id)
    assert keep(alice, question, note="x").status_code == 403
    queueing.take_over(cast.alice, question.id)
    decide(alice, question, verdict="approve")
    with pytest.raises(NotAllowed):
        drafting.keep(cast.alice, question.id, "note=late")
    assert not Draft.objects.exists()


def test_it_is_bounded(cast: Cast, alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    assert keep(alice, question, note="x" * LARGEST).status_code == 413
    with pytest.raises(TooLarge):
        drafting.keep(cast.alice, question.id, "x" * (LARGEST + 1))
    drafting.keep(cast.alice, question.id, "note=" + "x" * (LARGEST - 5))
    assert Draft.objects.count() == 1


def test_nothing_of_a_form_with_secrets_is_kept(alice: Client, submitted: Thread) -> None:
    question = ask(submitted, schema=SECRET)
    rest(submitted)

    keep(alice, question, **{"value.token": "hunter2", "value.why": "because", "value": "{}", "note": "Mine"})

    assert Draft.objects.get().query == "note=Mine"


def test_an_answer_that_is_not_finished_is_not_found_fault_with(alice: Client, submitted: Thread) -> None:
    question = ask(submitted, schema=OPEN)
    rest(submitted)

    keep(alice, question, **{"value.why": "no", "value.more": "and more"})

    html = page(alice, question)
    assert 'value="no"' in html
    assert 'value="and more"' in html
    assert 'role="alert"' not in html
    assert "Error:" not in html


def test_an_edit_under_way_is_there_where_its_fields_are(alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    keep(alice, question, **{"edit": "1", "arguments": '{"amount": 7}', "note": "First"})
    keep(alice, question, note="Second")

    plain, editing = page(alice, question), page(alice, question, f"?edit={question.id}")
    assert "Edit what is proposed" not in plain
    assert "\nSecond</textarea>" in plain
    assert "Edit what is proposed" in editing
    assert "\nSecond</textarea>" in editing
    assert "edit=1" in Draft.objects.get().query


def test_a_note_is_there_when_the_edit_begins_later(alice: Client, paused: Thread) -> None:
    question = open_question(paused)
    keep(alice, question, note="Only a note")

    html = page(alice, question, f"?edit={question.id}")

    assert "Edit what is proposed" in html
    assert "\nOnly a note</textarea>" in html


def test_what_is_no_field_of_the_form_is_not_kept(alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    keep(alice, question, **{"note": "n", "by": "mark", "key": "k", "item-9-arguments.x": "1", "evil": "x" * 99})

    assert Draft.objects.get().query == "note=n"


def test_typing_keeps_ones_claim(cast: Cast, alice: Client, paused: Thread) -> None:
    question = open_question(paused)
    queueing.claim(cast.alice, question.id)
    before = fresh(question).claim_ends_at

    keep(alice, question, note="Hm")

    after = fresh(question).claim_ends_at
    assert before is not None
    assert after is not None
    assert after > before
