"""Attempts that were refused are in the record: who tried what, and why it was not let."""

from typing import Any

import pytest
from django.test import Client

from approvals import decisions
from approvals.inspection import BadAnswer
from approvals.models import Event, EventKind, Interrupt, Thread, Verdict
from approvals.refusals import MOST, record_refusal
from tests.conftest import Cast, open_question
from tests.record_desk import findings
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db


def refused(thread: Thread) -> list[tuple[str, str, str]]:
    events = Event.objects.filter(thread=thread, kind=EventKind.DECISION_REFUSED).order_by("seq")
    return [(event.actor_name, event.data["act"], event.data["code"]) for event in events]


def post(client: Client, person: Any, question: Interrupt, **changes: str) -> int:
    client.force_login(person)
    form = {
        "verdict": "approve",
        "seen_interrupt": question.interrupt_id,
        "seen_checkpoint": question.checkpoint_id,
        "seen_sha256": question.payload_sha256,
        **changes,
    }
    return int(client.post(f"/interrupts/{question.id}/decision/", form).status_code)


def test_every_refusal_of_the_page_is_recorded_with_its_reason(client: Client, cast: Cast, paused: Thread) -> None:
    question = open_question(paused)

    assert post(client, cast.rita, question) == 403
    assert post(client, cast.oscar, question) == 403
    assert post(client, cast.mallory, question) == 404
    assert post(client, cast.alice, question, seen_sha256="0" * 64) == 409
    assert post(client, cast.alice, question, seen_checkpoint="") == 400
    assert post(client, cast.alice, question, verdict="reject") == 422
    assert post(client, cast.alice, question) == 303
    assert post(client, cast.bob, question) == 409
    client.force_login(cast.bob)
    assert client.post(f"/interrupts/{question.id}/undo/").status_code in (403, 409)

    assert refused(paused)[:-1] == [
        ("Rita Sen", "decide", "not_allowed"),
        ("Oscar Lind", "decide", "not_allowed"),
        ("mallory", "decide", "not_allowed"),
        ("Alice Okafor", "decide", "changed"),
        ("Alice Okafor", "decide", "missing_seen"),
        ("Bob Meyer", "decide", "already_decided"),
    ]
    assert refused(paused)[-1][:2] == ("Bob Meyer", "undo")
    assert findings() == []


def test_nobody_fills_the_disk_with_attempts(client: Client, cast: Cast, paused: Thread) -> None:
    question = open_question(paused)

    for _ in range(MOST + 3):
        post(client, cast.rita, question)

    events = Event.objects.filter(thread=paused, kind=EventKind.DECISION_REFUSED).order_by("seq")
    assert [event.data.get("last", False) for event in events] == [False] * (MOST - 1) + [True]
    assert post(client, cast.oscar, question) == 403
    assert len(refused(paused)) == MOST + 1


def test_what_only_needs_another_word_is_no_refusal(cast: Cast, paused: Thread) -> None:
    assert record_refusal(cast.alice, open_question(paused).id, BadAnswer("Write a note.")) is False
    assert refused(paused) == []


def test_a_refused_attempt_leaves_the_decision_to_others(client: Client, cast: Cast, paused: Thread) -> None:
    question = open_question(paused)
    post(client, cast.rita, question)

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    assert not question.votes.filter(reviewer=cast.rita).exists()
    assert findings() == []
