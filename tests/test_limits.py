"""A question nobody decided in time: the policy's own decision, or a mark; never both that and a person's."""

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client

from approvals import decisions, limits, threads
from approvals.decisions import AlreadyDecided, LimitPassed
from approvals.models import (
    AtLimit,
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Policy,
    Thread,
    ThreadStatus,
    Verdict,
    Via,
)
from tests.conftest import REQUEST, Cast, open_question, work_off
from tests.stack import Stack
from tests.test_main_job import ballot, values
from tests.test_races import names, together
from tests.test_worker_faults import QUICK
from tests.waiting import eventually


def asked(cast: Cast, at_limit: AtLimit, chain: str = "prompt_chain", **values: object) -> Thread:
    Policy.objects.update(decide_within=3600, at_limit=at_limit)
    thread = threads.submit(cast.rita, chain, values or {"request": REQUEST})
    work_off(thread)
    thread.refresh_from_db()
    return thread


def pass_limit(question: Interrupt) -> None:
    """The rule that fixes a limit is put aside for a moment: waiting an hour proves no more."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Interrupt.objects.filter(id=question.id).update(due_at=Now() - timedelta(seconds=1))
        cursor.execute("SET session_replication_role = DEFAULT")


def test_a_question_is_due_when_its_policy_says(cast: Cast) -> None:
    question = open_question(asked(cast, AtLimit.REJECT))

    assert question.due_at is not None
    assert abs(question.due_at - question.created_at - timedelta(hours=1)) < timedelta(seconds=5)
    assert limits.expire(question.id) is False


def test_past_the_limit_the_policy_rejects_and_the_graph_is_told_so(cast: Cast) -> None:
    thread = asked(cast, AtLimit.REJECT)
    question = open_question(thread)
    pass_limit(question)

    limits.sweep()
    work_off(thread)

    decision = Decision.objects.get(interrupt=question)
    assert (decision.verdict, decision.decided_via, decision.decided_by) == (Verdict.REJECT, Via.POLICY, None)
    assert decision.answer["reviewer"] == "Policy: Default"
    question.refresh_from_db()
    assert question.status == InterruptStatus.APPLIED
    assert Event.objects.filter(thread=thread, kind=EventKind.LIMIT_PASSED).count() == 1
    assert "No reply was sent: Policy: Default rejected the draft." in str(values(thread)["final_response"])


def test_past_the_limit_a_person_is_refused_before_the_sweep_has_come(cast: Cast) -> None:
    question = open_question(asked(cast, AtLimit.REJECT))
    pass_limit(question)

    with pytest.raises(LimitPassed):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))


def test_after_the_policy_has_decided_a_person_is_told_that_it_did(cast: Cast, client: Client) -> None:
    question = open_question(asked(cast, AtLimit.REJECT))
    pass_limit(question)
    limits.sweep()

    with pytest.raises(AlreadyDecided) as refusal:
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    assert str(refusal.value).startswith("The policy decided this first: rejected.")


def test_a_question_somebody_decided_is_left_alone_though_its_request_still_waits(cast: Cast) -> None:
    """The other question of the request is open, so nothing but the question's own status tells."""
    thread = asked(cast, AtLimit.REJECT, "parallel", log=[])
    question = Interrupt.objects.open().filter(thread=thread).order_by("node")[0]
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    pass_limit(question)

    assert limits.expire(question.id) is False

    assert Decision.objects.get(interrupt=question).verdict == Verdict.APPROVE
    assert not Event.objects.filter(thread=thread, kind=EventKind.LIMIT_PASSED).exists()


def test_a_question_that_is_held_is_marked_once_and_can_still_be_decided(cast: Cast) -> None:
    thread = asked(cast, AtLimit.HOLD)
    question = open_question(thread)
    pass_limit(question)

    limits.sweep()
    limits.sweep()

    question.refresh_from_db()
    assert question.overdue_at is not None
    assert Event.objects.filter(thread=thread, kind=EventKind.LIMIT_PASSED).count() == 1
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE


def test_a_decision_of_the_policy_is_carried_out_by_a_worker_that_nobody_rang_for(stack: Stack, cast: Cast) -> None:
    thread = asked(cast, AtLimit.REJECT)
    pass_limit(open_question(thread))

    stack.start_worker(**QUICK)

    eventually(lambda: Thread.objects.get(id=thread.id).status == ThreadStatus.DONE, what="the rejection carried out")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("at_limit", [AtLimit.REJECT, AtLimit.APPROVE])
@pytest.mark.parametrize("trial", range(6))
def test_the_limit_and_a_person_race_and_exactly_one_decides(cast: Cast, trial: int, at_limit: AtLimit) -> None:
    question = open_question(asked(cast, at_limit))
    mine = ballot(question, Verdict.APPROVE)
    pass_limit(question)

    results = together(
        lambda: limits.expire(question.id),
        lambda: decisions.decide(cast.alice, question.id, mine),
        lambda: limits.expire(question.id),
    )

    assert Decision.objects.filter(interrupt=question).count() == 1
    assert names(results)["Interrupt"] + results.count(True) == 1
    assert set(names(results)) <= {"Interrupt", "bool", "AlreadyDecided", "LimitPassed"}


def test_the_queue_and_the_page_say_when_it_is_due_and_when_that_has_passed(cast: Cast, client: Client) -> None:
    question = open_question(asked(cast, AtLimit.HOLD))
    client.force_login(cast.alice)
    places = ("/queue/", f"/t/{question.thread_id}/")

    assert all("<span>Due " in client.get(place).content.decode() for place in places)
    pass_limit(question)
    limits.sweep()

    assert all("Overdue since" in client.get(place).content.decode() for place in places)
