"""What the record tells of votes that were carried over, of decisions that are void, and of who else was asked."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from approvals import decisions
from approvals.models import Decision, Event, EventKind, Interrupt, Policy, Thread, Verdict, Vote
from approvals.models.event import GENESIS
from tests.conftest import Cast, open_question
from tests.record_desk import (
    decided_and_replayed,
    decided_and_stopped,
    escalated,
    findings,
    pause,
    voted_and_asked_anew,
)
from tests.tampering import without_rules
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db
OF_TODAY = ("carried", "void_reason")  # what the lines of the release before do not say


def wrong() -> list[str]:
    return [finding.wrong for finding in findings()]


def as_the_release_before_wrote(thread: Thread) -> None:
    """The lines without what only this release says, sealed anew."""
    without_rules()
    previous = GENESIS
    for line in Event.objects.filter(thread=thread).order_by("seq"):
        line.data = {name: value for name, value in line.data.items() if name not in OF_TODAY}
        line.previous_mac = previous
        line.mac = previous = line.computed_mac()
        line.save()


def carry_by_hand(vote: Vote, to: Interrupt) -> None:
    """As whoever may write in the database would: no rule is put aside."""
    vote.pk, vote.interrupt, vote.number, vote.is_carried_over = None, to, 1, True
    vote.save(force_insert=True)


def test_a_vote_that_was_taken_back_cannot_be_slipped_in_as_carried_over(cast: Cast) -> None:
    thread = voted_and_asked_anew(cast)
    assert wrong() == []

    carry_by_hand(Vote.objects.get(reviewer=cast.bob), open_question(thread))

    (found,) = findings()
    assert f"the vote of Bob Meyer on question {open_question(thread).id}" in found.wrong
    assert (found.thread, found.line) == (thread.id, Event.objects.get(kind=EventKind.DECISION_UNDONE).seq)


def test_a_changed_version_of_a_question_begins_without_votes_of_others(cast: Cast) -> None:
    Policy.objects.update(votes_needed=3)
    _, question = pause(cast)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    arguments = {**question.value["arguments"], "content": "Shorter."}
    again = decisions.decide(cast.bob, question.id, ballot(question, Verdict.EDIT, arguments=arguments))
    assert wrong() == []

    carry_by_hand(Vote.objects.get(reviewer=cast.alice), again)

    assert len(wrong()) == 1


@pytest.mark.parametrize("change", [{"note": "Never."}, {"for_name": "Bob Meyer"}, {"created_at": Now()}])
def test_a_carried_over_vote_is_the_one_that_was_carried_over(cast: Cast, change: dict[str, Any]) -> None:
    thread = voted_and_asked_anew(cast)
    without_rules()

    Vote.objects.filter(interrupt=open_question(thread)).update(**change)

    (put_in, missing) = wrong()
    assert "the vote of Alice Okafor" in put_in
    assert "not there" in missing


@pytest.mark.parametrize("kind", [EventKind.INTERRUPT_RAISED, EventKind.DECISION_UNDONE])
def test_a_carried_over_vote_that_was_removed_is_missed(cast: Cast, kind: EventKind) -> None:
    thread = voted_and_asked_anew(cast)
    line = Event.objects.filter(thread=thread, kind=kind).order_by("-seq")[0]
    without_rules()
    Vote.objects.filter(interrupt_id=line.data.get("again", line.data["interrupt"]), is_carried_over=True).delete()

    (found,) = findings()

    assert (found.thread, found.line) == (thread.id, line.seq)
    assert "not there" in found.wrong


def test_lines_of_the_release_before_hold_and_their_votes_are_those_ever_given(cast: Cast) -> None:
    thread = voted_and_asked_anew(cast)
    decided_and_stopped(cast)
    for each in Thread.objects.all():
        as_the_release_before_wrote(each)
    assert wrong() == []

    Vote.objects.filter(interrupt=open_question(thread)).update(verdict=Verdict.REJECT)

    assert len(wrong()) == 1


def test_a_decision_is_void_only_when_a_line_says_so(cast: Cast) -> None:
    Policy.objects.update(undo_seconds=30)
    _, question = pause(cast)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    assert wrong() == []

    Decision.objects.update(voided_at=Now())

    assert ["whether it is void" in each for each in wrong()] == [True]


@pytest.mark.parametrize("make", [decided_and_stopped, decided_and_replayed, escalated])
@pytest.mark.parametrize("change", [{"voided_at": None, "void_reason": ""}, {"void_reason": "Never decided."}])
def test_a_decision_stays_void_for_the_reason_its_line_gives(
    cast: Cast, make: Callable[[Cast], Thread], change: dict[str, Any]
) -> None:
    make(cast)
    assert wrong() == []
    without_rules()

    Decision.objects.update(**change)

    assert len(wrong()) == 1


def test_whom_a_question_was_escalated_to_is_what_its_lines_say(cast: Cast) -> None:
    thread = escalated(cast)
    first, again = Interrupt.objects.filter(thread=thread).order_by("asked")
    assert (first.escalated_to, again.escalated_to, wrong()) == (["directors"], ["directors"], [])

    with connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_interrupt SET escalated_to = escalated_to || '{staff}' WHERE asked = 2")
    (found,) = findings()
    assert (f"question {again.id}" in found.wrong, "escalated_to" in found.wrong) == (True, True)

    without_rules()
    Interrupt.objects.update(escalated_to=[])
    assert len(wrong()) == 2
