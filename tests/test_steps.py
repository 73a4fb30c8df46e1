"""Reminders and escalations: each once, in order, whoever sweeps and however often."""

import ast
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from approvals import limits, steps
from approvals.models import (
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Notice,
    NoticeKind,
    Verdict,
    Vote,
)
from approvals.policies import Act, may
from tests.asking_by_hand import asked_ago, director
from tests.conftest import Cast
from tests.test_races import together

APPROVALS = Path(__file__).resolve().parent.parent / "approvals"
BY_THE_DATABASE = ("limits", "steps", "blocked", "choosing", "business_time", "execution/questions", "queueing")
CLOCKS = {"now", "today", "utcnow", "time", "localtime", "localdate"}
HOUR = 3600
TO_DIRECTORS = {"after": 3 * HOUR, "groups": ["directors"]}


def lines(question: Interrupt) -> list[tuple[str, Any]]:
    """The record of a question: kinds of lines, and which step."""
    events = Event.objects.filter(thread_id=question.thread_id).order_by("seq")
    return [(event.kind, event.data.get("step")) for event in events]


def told(question: Interrupt, kind: NoticeKind) -> list[str]:
    found = Notice.objects.filter(interrupt_id=question.id, kind=kind)
    return sorted(found.values_list("person__username", flat=True))


def vote(question: Interrupt, by: Any, verdict: Verdict = Verdict.APPROVE) -> None:
    Vote.cast(question, by=by, verdict=verdict, seen_checkpoint_id=question.checkpoint_id)


def test_a_reminder_reaches_those_who_may_decide_and_have_not_voted_once(cast: Cast) -> None:
    question = asked_ago(cast.rita, 2 * HOUR, remind_after=[HOUR, 5 * HOUR], votes_needed=2)
    vote(question, cast.alice)

    limits.sweep()
    limits.sweep()

    assert lines(question) == [(EventKind.INTERRUPT_REMINDED, 1)]
    assert told(question, NoticeKind.REMINDER) == ["bob"]
    question.refresh_from_db()
    assert (question.steps_done, question.next_step_at) == (1, question.ruled.steps[1].at)


def test_before_its_time_no_step_is_taken(cast: Cast) -> None:
    question = asked_ago(cast.rita, HOUR - 60, remind_after=[HOUR])

    limits.sweep()

    assert steps.take(question.id) is False
    assert lines(question) == []


def test_an_escalation_lets_others_decide_and_tells_them_alone(cast: Cast) -> None:
    dora = director()
    cast.bob.groups.add(dora.groups.get())
    question = asked_ago(cast.rita, 4 * HOUR, escalation=[TO_DIRECTORS])
    assert not may(dora, Act.DECIDE, question)

    limits.sweep()
    limits.sweep()

    question.refresh_from_db()
    assert question.escalated_to == ["directors"]
    assert may(dora, Act.DECIDE, question)
    assert may(cast.alice, Act.DECIDE, question)
    assert told(question, NoticeKind.ESCALATED) == ["dora"]
    assert lines(question) == [(EventKind.INTERRUPT_ESCALATED, 1)]


def test_an_escalation_never_lets_the_requester_decide(cast: Cast) -> None:
    director()
    cast.rita.groups.add(*director("dirk").groups.all())
    question = asked_ago(cast.rita, 4 * HOUR, escalation=[TO_DIRECTORS])

    limits.sweep()

    question.refresh_from_db()
    assert not may(cast.rita, Act.DECIDE, question)
    assert told(question, NoticeKind.ESCALATED) == ["dirk", "dora"]


def test_after_an_outage_all_that_is_overdue_happens_in_its_order(cast: Cast) -> None:
    director()
    question = asked_ago(cast.rita, 9 * HOUR, remind_after=[4 * HOUR, HOUR, 20 * HOUR], escalation=[TO_DIRECTORS])

    limits.sweep()

    kinds = [EventKind.INTERRUPT_REMINDED, EventKind.INTERRUPT_ESCALATED, EventKind.INTERRUPT_REMINDED]
    assert lines(question) == list(zip(kinds, (1, 2, 3), strict=True))
    assert told(question, NoticeKind.REMINDER) == ["alice", "alice", "bob", "bob", "dora"]
    question.refresh_from_db()
    assert (question.steps_done, question.next_step_at) == (3, question.ruled.steps[3].at)


def test_a_question_that_stays_open_at_its_limit_is_overdue_between_its_steps(cast: Cast) -> None:
    """An escalation at the very moment of the limit comes after it: whom it asks is not told twice."""
    director()
    at_limit = {"after": 2 * HOUR, "groups": ["directors"]}
    question = asked_ago(cast.rita, 4 * HOUR, decide_within=2 * HOUR, remind_after=[HOUR], escalation=[at_limit])

    limits.sweep()
    limits.sweep()

    assert [kind for kind, _ in lines(question)] == [
        EventKind.INTERRUPT_REMINDED,
        EventKind.LIMIT_PASSED,
        EventKind.INTERRUPT_ESCALATED,
    ]
    assert told(question, NoticeKind.OVERDUE) == ["alice", "bob", "oscar"]
    assert told(question, NoticeKind.ESCALATED) == ["dora"]


def test_a_step_of_a_question_decided_meanwhile_does_nothing(cast: Cast) -> None:
    question = asked_ago(cast.rita, 4 * HOUR, remind_after=[HOUR], start_within=HOUR)
    question.move(InterruptStatus.DECIDED, since=InterruptStatus.OPEN)

    assert steps.take(question.id) is False
    assert steps.pass_start(question.id) is False

    assert lines(question) == []
    assert not Notice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_eight_sweeps_at_once_take_two_hundred_steps_once_each_and_in_order(cast: Cast) -> None:
    director()
    rules = {"remind_after": [HOUR, 2 * HOUR, 4 * HOUR], "escalation": [TO_DIRECTORS]}
    questions = [asked_ago(cast.rita, 9 * HOUR, **rules) for _ in range(50)]

    results = together(*[limits.sweep] * 8)

    assert results == [None] * 8
    remind, escalate = EventKind.INTERRUPT_REMINDED, EventKind.INTERRUPT_ESCALATED
    expected = [(remind, 1), (remind, 2), (escalate, 3), (remind, 4)]
    assert all(lines(question) == expected for question in questions)
    assert Counter(Notice.objects.values_list("kind", flat=True)) == {
        NoticeKind.REMINDER: 50 * (2 + 2 + 3),
        NoticeKind.ESCALATED: 50,
    }
    assert not Interrupt.objects.step_due().exists()


@pytest.mark.django_db(transaction=True)
def test_of_eight_workers_that_come_for_the_same_steps_one_takes_them(cast: Cast) -> None:
    for _ in range(5):
        question = asked_ago(cast.rita, 9 * HOUR, remind_after=[HOUR, 2 * HOUR], start_within=HOUR)

        taken = together(*[partial(steps.take, question.id)] * 8)
        begun = together(*[partial(steps.pass_start, question.id)] * 8)

        assert sorted(taken, key=str) == sorted(begun, key=str) == [False] * 7 + [True]


def test_one_question_that_cannot_be_read_does_not_keep_the_others_from_their_steps(cast: Cast) -> None:
    broken = asked_ago(cast.rita, 9 * HOUR, remind_after=[HOUR])
    rules = {**broken.rules, "steps": [{**broken.rules["steps"][0], "kind": "sing"}]}
    with transaction.atomic():
        odd = broken.ask_again(rules=rules, interrupt_id="odd")
    question = asked_ago(cast.rita, 4 * HOUR, remind_after=[HOUR])

    limits.sweep()

    assert lines(question) == [(EventKind.INTERRUPT_REMINDED, 1)]
    odd.refresh_from_db()
    assert odd.steps_done == 0


def test_the_database_lets_no_step_be_taken_back(cast: Cast) -> None:
    director()
    question = asked_ago(cast.rita, 9 * HOUR, remind_after=[HOUR], escalation=[TO_DIRECTORS])
    limits.sweep()
    mine = Interrupt.objects.filter(id=question.id)

    with pytest.raises(IntegrityError, match="do not go back"), transaction.atomic():
        mine.update(steps_done=F("steps_done") - 1)
    with pytest.raises(IntegrityError, match="do not go back"), transaction.atomic():
        mine.update(escalated_to=[])


@pytest.mark.parametrize("name", BY_THE_DATABASE)
def test_no_clock_but_the_databases_decides_about_time(name: str) -> None:
    """time.monotonic says how often to look; it cannot say what o'clock it is."""
    module = ast.parse((APPROVALS / f"{name}.py").read_text())
    called = {node.attr for node in ast.walk(module) if isinstance(node, ast.Attribute)} & CLOCKS

    uses = {node.value for node in ast.walk(module) if isinstance(node, ast.Attribute) and node.attr in called}
    assert {getattr(use, "id", "") for use in uses} <= {"thread"}
