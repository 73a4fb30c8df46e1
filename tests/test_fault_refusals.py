"""The fault campaigns see a line about a refusal that nobody was given, and one that is missing."""

import pytest
from django.test import Client

from approvals.models import Event, EventKind, Interrupt, Thread
from tests.conftest import Cast, open_question
from tests.faults.refusals import Refusals
from tests.queue_desk import decide, signed_in

REFUSED = "question {}: {} refusals of {} are recorded, they were told of {} to {}"


@pytest.fixture
def question(paused: Thread, cast: Cast) -> Interrupt:
    """Decided by alice."""
    asked = open_question(paused)
    assert decide(signed_in(cast.alice), asked, verdict="approve").status_code == 200
    return asked


def told_to(client: Client, question: Interrupt, person_id: int, *, answered: bool = True) -> Refusals:
    """A late attempt through the page, as a client of a campaign notes it down."""
    answer, refusals = decide(client, question, verdict="approve"), Refusals()
    assert answer.status_code == 409
    refusals.note(f"/interrupts/{question.id}/decision/", person_id, answer.status_code if answered else 0)
    return refusals


def test_what_was_told_and_what_is_recorded_agree(question: Interrupt, cast: Cast) -> None:
    refusals = told_to(signed_in(cast.bob), question, cast.bob.id)

    assert list(refusals.wrong([question.thread_id])) == []


def test_an_answer_that_was_lost_allows_a_line_and_needs_none(question: Interrupt, cast: Cast) -> None:
    lost = Refusals()
    lost.note(f"/interrupts/{question.id}/decision/", cast.bob.id, 0)
    assert list(lost.wrong([question.thread_id])) == []

    refusals = told_to(signed_in(cast.bob), question, cast.bob.id, answered=False)
    assert list(refusals.wrong([question.thread_id])) == []


def test_a_made_up_line_is_found(question: Interrupt, cast: Cast) -> None:
    refusals = told_to(signed_in(cast.bob), question, cast.bob.id)
    locked = Thread.objects.locked(question.thread_id)
    Event.append(locked, EventKind.DECISION_REFUSED, by=cast.bob, act="decide", interrupt=str(question.id))

    assert list(refusals.wrong([question.thread_id])) == [REFUSED.format(question.id, 2, cast.bob.id, 1, 1)]
    assert list(Refusals().wrong([question.thread_id])) == [REFUSED.format(question.id, 2, cast.bob.id, 0, 0)]


def test_a_refusal_without_its_line_is_found(question: Interrupt, cast: Cast) -> None:
    refusals = Refusals()
    refusals.note(f"/interrupts/{question.id}/decision/", cast.bob.id, 409)

    assert list(refusals.wrong([question.thread_id])) == [REFUSED.format(question.id, 0, cast.bob.id, 1, 1)]
