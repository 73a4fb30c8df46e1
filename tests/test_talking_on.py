"""Another message on the same request: after the end, or instead of a question that is still open."""

import pytest
from django.test import Client

from approvals import decisions, threads
from approvals.models import InterruptStatus, Thread, ThreadStatus, Verdict
from approvals.policies import NotAllowed
from approvals.threads import Discards
from tests.conftest import Cast, open_question, work_off
from tests.test_main_job import ballot, values

MORE = {"request": "One more thing: please send the invoice again."}


def test_a_message_while_a_question_is_open_needs_a_word_more(paused: Thread, cast: Cast) -> None:
    with pytest.raises(Discards):
        threads.send_message(cast.rita, paused.id, MORE)

    assert open_question(paused).is_open


def test_it_then_discards_the_question_and_starts_over(paused: Thread, cast: Cast) -> None:
    old = open_question(paused)

    threads.send_message(cast.rita, paused.id, MORE, discard=True)
    work_off(paused)

    old.refresh_from_db()
    paused.refresh_from_db()
    assert (old.status, paused.status) == (InterruptStatus.SUPERSEDED, ThreadStatus.PAUSED)
    assert open_question(paused).interrupt_id != old.interrupt_id
    assert values(paused)["messages"][-1]["content"] == MORE["request"]  # type: ignore[index]


def test_a_finished_request_takes_the_next_message(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(paused)

    threads.send_message(cast.rita, paused.id, MORE)
    work_off(paused)

    assert open_question(paused).is_open


def test_only_the_requester_talks_on(paused: Thread, cast: Cast) -> None:
    with pytest.raises(NotAllowed):
        threads.send_message(cast.alice, paused.id, MORE, discard=True)


def test_the_page_asks_before_it_discards(paused: Thread, cast: Cast, client: Client) -> None:
    client.force_login(cast.rita)
    assert "Discard the open question" in client.get(f"/t/{paused.id}/").content.decode()

    refused = client.post(f"/t/{paused.id}/messages/", MORE)
    assert (refused.status_code, open_question(paused).is_open) == (409, True)
    assert MORE["request"] in refused.content.decode()
    sent = client.post(f"/t/{paused.id}/messages/", {**MORE, "discard": "1"})

    assert sent.status_code == 303
    paused.refresh_from_db()
    assert paused.status == ThreadStatus.QUEUED
