"""A decision can be taken back while its worker still waits, and not a moment longer."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models.functions import Now

from approvals import decisions, execution, limits, threads
from approvals.decisions import TooLate
from approvals.models import (
    AtLimit,
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Policy,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from approvals.policies import NotAllowed
from tests.conftest import Cast, open_question, work_off
from tests.test_limits import pass_limit
from tests.test_main_job import ballot
from tests.test_races import together


@pytest.fixture
def patient(cast: Cast) -> Thread:
    """A thread whose policy gives half a minute to take a decision back."""
    Policy.objects.update(undo_seconds=30)
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    work_off(thread)
    thread.refresh_from_db()
    return thread


def test_the_worker_waits_for_the_window(patient: Thread, cast: Cast) -> None:
    question = open_question(patient)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    work_off(patient)

    question.refresh_from_db()
    assert question.status == InterruptStatus.DECIDED
    assert question.decision.applied_at is None


def test_a_decision_taken_back_opens_the_same_question_again(patient: Thread, cast: Cast) -> None:
    question = open_question(patient)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    again = decisions.undo(cast.alice, question.id)

    patient.refresh_from_db()
    assert patient.status == ThreadStatus.PAUSED
    assert open_question(patient) == again
    assert (again.key, again.asked) == (question.key, 2)
    assert Decision.objects.get().void_reason == "Taken back by Alice Okafor."
    assert not Run.objects.live().filter(thread=patient).exists()
    assert Event.objects.filter(thread=patient, kind=EventKind.DECISION_UNDONE).count() == 1


def test_the_question_can_be_decided_anew(patient: Thread, cast: Cast) -> None:
    question = open_question(patient)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    again = decisions.undo(cast.alice, question.id)

    decisions.decide(cast.bob, again.id, ballot(again, Verdict.REJECT, note="Not this one."))
    Run.objects.live().update(not_before="2000-01-01T00:00:00Z")
    work_off(patient)

    patient.refresh_from_db()
    again.refresh_from_db()
    assert patient.status == ThreadStatus.DONE
    assert again.decision.applied_at is not None


def test_nobody_else_takes_it_back(patient: Thread, cast: Cast) -> None:
    question = open_question(patient)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    with pytest.raises(NotAllowed, match="Only Alice Okafor"):
        decisions.undo(cast.bob, question.id)


def test_an_account_disabled_meanwhile_does_not_take_it_back(patient: Thread, cast: Cast) -> None:
    question = open_question(patient)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    User.objects.filter(id=cast.alice.id).update(is_active=False)

    with pytest.raises(NotAllowed):
        decisions.undo(cast.alice, question.id)


def test_after_the_window_it_is_too_late(patient: Thread, cast: Cast) -> None:
    question = open_question(patient)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    Run.objects.live().update(not_before="2000-01-01T00:00:00Z")

    with pytest.raises(TooLate):
        decisions.undo(cast.alice, question.id)

    work_off(patient)
    with pytest.raises(TooLate):
        decisions.undo(cast.alice, question.id)


@pytest.mark.django_db(transaction=True)
def test_undo_and_worker_do_not_both_win(cast: Cast) -> None:
    """At the very end of the window either may be first; what they leave behind must fit together."""
    Policy.objects.update(undo_seconds=1)
    outcomes = set()
    for _ in range(6):
        thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
        work_off(thread)
        question = open_question(thread)
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
        run = Run.objects.live().get(thread=thread)

        undone, _ = together(
            lambda question=question, run=run: _at_the_end(run, decisions.undo, cast.alice, question.id),  # type: ignore[misc]
            lambda run=run: _at_the_end(run, execution.look, run.id),  # type: ignore[misc]
        )

        decision = Decision.objects.get(interrupt=question)
        run.refresh_from_db()
        assert (decision.applied_at is None) != (decision.voided_at is None)
        assert isinstance(undone, TooLate) == (run.status != RunStatus.CANCELLED)
        outcomes.add(run.status)
        work_off(thread)
    assert outcomes <= {RunStatus.CANCELLED, RunStatus.SUCCEEDED, RunStatus.PENDING}


def _at_the_end(run: Run, act, *arguments: object) -> object:  # type: ignore[no-untyped-def]
    """Wait on the database's clock until the window is just about to close."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(greatest(0, extract(epoch FROM %s - clock_timestamp())))", [run.not_before])
    return act(*arguments)


@pytest.mark.parametrize(("kind", "is_late"), [(RunKind.CONTINUE, True), (RunKind.EDIT, False)])
def test_a_decision_a_run_may_have_handed_over_cannot_be_taken_back(cast: Cast, kind: RunKind, is_late: bool) -> None:
    """One of two questions is decided, and the request still waits: only a run since then makes the difference."""
    thread = threads.submit(cast.rita, "parallel", {})
    work_off(thread)
    question = Interrupt.objects.open().filter(thread=thread).order_by("node")[0]
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    run = Run.owe(thread, kind)
    run.claim(owner="worker", backend={"pid": 1, "started": "x"}, lease=timedelta(minutes=1))
    run.finish(RunStatus.FAILED)
    Run.objects.filter(id=run.id).update(started_at=Now())

    if is_late:
        with pytest.raises(TooLate):
            decisions.undo(cast.alice, question.id)
    else:
        decisions.undo(cast.alice, question.id)


def two_questions(cast: Cast, **rules: object) -> tuple[Thread, Interrupt, Interrupt]:
    """Asked under policies of their own; Alice has a minute to take back what she decides on the first."""
    Policy.objects.update(undo_seconds=60)
    Policy.objects.create(name="Right", chain="parallel", action="right", priority=1, **rules).reviewers.set(
        Group.objects.filter(name="reviewers")
    )
    thread = threads.submit(cast.rita, "parallel", {})
    work_off(thread)
    left, right = Interrupt.objects.open().filter(thread=thread).order_by("node")
    decisions.decide(cast.alice, left.id, ballot(left, Verdict.APPROVE))
    return thread, left, right


def has_a_minute(cast: Cast, thread: Thread, question: Interrupt) -> None:
    run = Run.objects.live().get(thread=thread)
    assert timedelta(seconds=50) < run.not_before - run.created_at < timedelta(seconds=61)
    work_off(thread)

    again = decisions.undo(cast.alice, question.id)

    assert again.is_open
    assert not Run.objects.live().filter(thread=thread).exists()


def test_a_limit_that_passes_leaves_others_their_time_to_undo(cast: Cast) -> None:
    thread, left, right = two_questions(cast, undo_seconds=60, decide_within=3600, at_limit=AtLimit.REJECT)
    pass_limit(right)

    limits.sweep()

    right.refresh_from_db()
    assert right.status == InterruptStatus.DECIDED
    has_a_minute(cast, thread, left)


def test_a_decision_that_cannot_be_undone_leaves_others_their_time_to_undo(cast: Cast) -> None:
    thread, left, right = two_questions(cast, undo_seconds=0)

    decisions.decide(cast.bob, right.id, ballot(right, Verdict.APPROVE))

    has_a_minute(cast, thread, left)


def test_time_to_undo_that_is_over_is_not_waited_for_again(cast: Cast) -> None:
    thread, left, right = two_questions(cast, undo_seconds=0)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        Decision.objects.filter(interrupt=left).update(decided_at=Now() - timedelta(seconds=61))
        cursor.execute("SET session_replication_role = DEFAULT")
    Run.objects.filter(thread=thread).update(started_at=Now() - timedelta(hours=1))

    decisions.decide(cast.bob, right.id, ballot(right, Verdict.APPROVE))

    run = Run.objects.live().get(thread=thread)
    assert run.not_before == run.created_at
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE


def test_what_a_policy_decides_need_not_wait(cast: Cast) -> None:
    Policy.objects.update(undo_seconds=60, decide_within=3600, at_limit=AtLimit.REJECT)
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    work_off(thread)
    pass_limit(open_question(thread))

    limits.sweep()

    run = Run.objects.live().get(thread=thread)
    assert run.not_before == run.created_at
