"""What a policy decides at a limit, what it never does, and how a graph and a page tell of it."""

import html
import re
from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.test import Client

from approvals import decisions, limits
from approvals.models import (
    AtLimit,
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Notice,
    NoticeKind,
    Policy,
    Risk,
    Thread,
    ThreadStatus,
    Verdict,
    Via,
    Vote,
)
from chains.asking import _answer
from tests.asking_by_hand import asked_ago
from tests.conftest import Cast, open_question
from tests.test_limits import asked, pass_limit
from tests.test_main_job import ballot


@pytest.mark.parametrize(("at_limit", "said"), [(AtLimit.APPROVE, Verdict.APPROVE), (AtLimit.REJECT, Verdict.REJECT)])
def test_the_graph_can_tell_the_policys_outcome_from_a_persons(cast: Cast, at_limit: AtLimit, said: Verdict) -> None:
    """Even from that of a person who calls herself like the policy."""
    cast.alice.first_name, cast.alice.last_name = "Policy:", "Default"
    cast.alice.save()
    by_policy, by_person = asked(cast, at_limit, "bound"), asked(cast, at_limit, "bound")
    hers = open_question(by_person)
    decisions.decide(cast.alice, hers.id, ballot(hers, said, note="My own view."))
    pass_limit(open_question(by_policy))

    limits.sweep()

    told = [Decision.objects.get(interrupt__thread=thread).answer for thread in (by_policy, by_person)]
    assert [(answer["verdict"], answer["reviewer"]) for answer in told] == [(said.value, "Policy: Default")] * 2
    assert [_answer(answer, {}).is_by_policy for answer in told] == [True, False]
    made = Event.objects.filter(kind=EventKind.DECISION_MADE).values_list("thread_id", "data__via", "actor_name")
    assert {thread: rest for thread, *rest in made} == {
        by_policy.id: [Via.POLICY, ""],
        by_person.id: [Via.PAGE, "Policy: Default"],
    }


def test_where_a_format_has_no_place_for_who_decided_the_words_say_it(cast: Cast) -> None:
    thread = asked(cast, AtLimit.REJECT, "batch_camel", log=[])
    question = open_question(thread)
    pass_limit(question)

    limits.sweep()

    said = "Nobody decided in time. The policy Default decided, not a person."
    assert Decision.objects.get(interrupt=question).answer == {"decisions": [{"type": "reject", "message": said}] * 2}


@pytest.mark.parametrize("risk", [Risk.HIGH, Risk.CRITICAL])
def test_no_policy_can_approve_what_is_risky_by_silence(cast: Cast, risk: Risk) -> None:
    with pytest.raises(IntegrityError, match="high_risk_is_never_approved_by_itself"), transaction.atomic():
        Policy.objects.update(risk=risk, at_limit=AtLimit.APPROVE)


def stays_open(question: Interrupt) -> None:
    limits.sweep()
    limits.sweep()

    question.refresh_from_db()
    assert question.overdue_at is not None
    assert question.is_open
    passed = Event.objects.get(thread=question.thread_id, kind=EventKind.LIMIT_PASSED)
    assert passed.data["outcome"] == AtLimit.HOLD
    assert Notice.objects.filter(kind=NoticeKind.OVERDUE, interrupt_id=question.id).exists()


def test_a_risky_question_stays_open_though_its_row_says_it_is_approved(cast: Cast) -> None:
    """As after an import past every rule of policies; people can still decide."""
    question = asked_ago(cast.rita, 7200, decide_within=3600, at_limit=AtLimit.APPROVE, risk=Risk.HIGH)

    stays_open(question)

    assert not question.refuses_after(question.created_at + timedelta(days=1))


def test_silence_does_not_approve_what_somebody_rejected(cast: Cast) -> None:
    question = asked_ago(cast.rita, 7200, decide_within=3600, at_limit=AtLimit.APPROVE, votes_needed=2, veto=False)
    Vote.cast(question, by=cast.alice, verdict=Verdict.REJECT, seen_checkpoint_id=question.checkpoint_id)

    stays_open(question)


def test_silence_does_not_approve_what_a_reviewer_changed(cast: Cast) -> None:
    question = asked_ago(cast.rita, 7200, decide_within=3600, at_limit=AtLimit.APPROVE)
    question.move(InterruptStatus.SUPERSEDED, since=InterruptStatus.OPEN)

    stays_open(question.ask_again(proposal=[], proposal_by_id=cast.alice.id, proposal_by_name="Alice"))


def test_what_the_policy_left_open_can_be_decided_by_a_person(cast: Cast) -> None:
    """Its answer would not fit, so the question was marked overdue."""
    question = open_question(asked(cast, AtLimit.REJECT))
    pass_limit(question)
    assert question.mark_overdue()

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    assert Decision.objects.get(interrupt=question).decided_by == cast.alice


def test_requests_that_are_not_ready_do_not_keep_others_from_their_limits(
    cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "AT_ONCE", 1)
    broken = asked_ago(cast.rita, 9000, decide_within=3600, at_limit=AtLimit.REJECT)
    Thread.objects.filter(id=broken.thread_id).update(status=ThreadStatus.FAILED)
    question = open_question(asked(cast, AtLimit.REJECT))
    pass_limit(question)

    limits.sweep()

    assert Decision.objects.filter(interrupt=question).exists()


def test_the_card_says_what_happens_when_and_the_policy_behind_it(cast: Cast, client: Client) -> None:
    escalation = [{"after": 1800, "groups": ["directors"]}]
    Policy.objects.update(remind_after=[600], escalation=escalation, start_within=300)
    question = open_question(asked(cast, AtLimit.APPROVE))
    client.force_login(cast.alice)

    page = words(client.get(f"/t/{question.thread_id}/").content.decode())

    moment = r"(\d+ \w+, )?\d\d:\d\d"
    assert re.search(rf"Decide before {moment} ?, or the policy approves it\.", page)
    assert re.search(rf"Somebody should claim it before {moment} ?\.", page)
    assert re.search(rf"Reminder at {moment} ?, then directors are asked as well at {moment} ?\.", page)


def test_the_timeline_tells_of_reminders_and_escalations(cast: Cast, client: Client) -> None:
    Policy.objects.update(remind_after=[600], escalation=[{"after": 600, "groups": ["directors"]}], start_within=300)
    question = open_question(asked(cast, AtLimit.HOLD))
    Interrupt.objects.filter(id=question.id).update(next_step_at=Now(), start_by=Now())
    limits.sweep()
    Interrupt.objects.filter(id=question.id).update(next_step_at=Now())
    limits.sweep()
    client.force_login(cast.alice)

    page = words(client.get(f"/t/{question.thread_id}/").content.decode())

    assert "Reviewers reminded" in page
    assert "Not claimed in time" in page
    assert "Escalated directors may decide as well" in page
    assert "Reminder at" not in page


def words(page: str) -> str:
    """What a person reads, without tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", page)).split())
