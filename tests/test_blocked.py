"""Questions nobody can decide any more, since people left: operators are told once each time, and it stays open."""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals import blocked, limits
from approvals.blocked import Rounds
from approvals.models import AtLimit, Decision, Event, EventKind, Interrupt, Notice, NoticeKind
from tests.asking_by_hand import asked_ago, director
from tests.conftest import Cast
from tests.test_races import together

LEFT, BACK = EventKind.INTERRUPT_BLOCKED, EventKind.INTERRUPT_UNBLOCKED


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked, "EVERY_SECONDS", 0)


def look() -> None:
    blocked.sweep(Rounds())


def leave(*people: Any) -> None:
    for person in people:
        person.is_active = False
        person.save()


def come_back(person: Any) -> None:
    person.is_active = True
    person.save()


def kinds(question: Interrupt) -> list[str]:
    return list(Event.objects.filter(thread_id=question.thread_id).order_by("seq").values_list("kind", flat=True))


def test_while_enough_people_are_left_nobody_is_told(cast: Cast) -> None:
    question = asked_ago(cast.rita, 60)
    leave(cast.alice)

    look()

    assert kinds(question) == []


def test_when_the_last_one_leaves_operators_are_told_once_and_it_stays_open(cast: Cast) -> None:
    question = asked_ago(cast.rita, 60)
    leave(cast.alice, cast.bob)

    look()
    look()

    assert kinds(question) == [LEFT]
    assert list(Notice.objects.values_list("person", "kind")) == [(cast.oscar.id, NoticeKind.BLOCKED)]
    question.refresh_from_db()
    assert question.is_open
    assert not Decision.objects.exists()


def test_when_somebody_comes_back_and_leaves_again_operators_are_told_again(cast: Cast) -> None:
    question = asked_ago(cast.rita, 60)
    leave(cast.alice, cast.bob)
    look()

    come_back(cast.bob)
    look()
    look()
    leave(cast.bob)
    look()

    assert kinds(question) == [LEFT, BACK, LEFT]
    assert Notice.objects.filter(kind=NoticeKind.BLOCKED).count() == 2


def test_an_escalation_finds_somebody_who_can_decide(cast: Cast) -> None:
    director()
    question = asked_ago(cast.rita, 7200, escalation=[{"after": 3600, "groups": ["directors"]}])
    leave(cast.alice, cast.bob)
    look()

    limits.sweep()
    look()

    assert kinds(question) == [LEFT, EventKind.INTERRUPT_ESCALATED, BACK]


def test_two_votes_need_two_people_who_are_left(cast: Cast) -> None:
    question, other = asked_ago(cast.rita, 60, votes_needed=2), asked_ago(cast.rita, 60)
    leave(cast.bob)

    look()

    assert (kinds(question), kinds(other)) == ([LEFT], [])


def test_what_nobody_can_decide_is_decided_by_nobody_at_its_limit_unless_its_policy_does(cast: Cast) -> None:
    question = asked_ago(cast.rita, 7200, decide_within=3600, at_limit=AtLimit.HOLD)
    leave(cast.alice, cast.bob)

    limits.sweep()

    question.refresh_from_db()
    assert question.overdue_at is not None
    assert question.is_open


def test_a_worker_goes_round_all_open_questions_part_by_part(
    cast: Cast, no_pause: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocked, "AT_ONCE", 2)
    questions = [asked_ago(cast.rita, 60).id for _ in range(5)]
    rounds = Rounds()

    turns = [[found.id for found in rounds.turn()] for _ in range(4)]

    assert turns == [questions[:2], questions[2:4], questions[4:], questions[:2]]


def test_a_worker_looks_once_a_minute(cast: Cast) -> None:
    asked_ago(cast.rita, 60)
    rounds = Rounds()

    assert len(rounds.turn()) == 1
    assert rounds.turn() == []


def test_looking_at_many_questions_of_the_same_people_costs_little(cast: Cast) -> None:
    for _ in range(60):
        asked_ago(cast.rita, 60)

    with CaptureQueriesContext(connection) as queries:
        look()

    assert len(queries) < 15


@pytest.mark.django_db(transaction=True)
def test_eight_workers_that_find_it_at_once_tell_once(cast: Cast) -> None:
    questions = [asked_ago(cast.rita, 60) for _ in range(5)]
    leave(cast.alice, cast.bob)

    assert together(*[look] * 8) == [None] * 8

    assert all(kinds(question) == [LEFT] for question in questions)
    assert Notice.objects.count() == 5
