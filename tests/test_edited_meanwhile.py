"""A state edited while a decision waits for its worker: void when the graph never had it, carried out when it had."""

from datetime import timedelta

import pytest

from approvals import decisions, inspection, threads
from approvals.decisions import TooLate
from approvals.models import (
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from tests.conftest import Cast, work_off
from tests.record_desk import findings
from tests.test_main_job import ballot

EDITED = "The state was edited before this decision reached the graph."


def decided_in_part(cast: Cast) -> tuple[Thread, Interrupt]:
    """One of two questions is decided, so that nothing is handed over yet."""
    thread = threads.submit(cast.rita, "parallel", {})
    work_off(thread)
    left = Interrupt.objects.open().filter(thread=thread).order_by("node")[0]
    decide(cast, left)
    return thread, left


def decide(cast: Cast, question: Interrupt) -> None:
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))


def edit(cast: Cast, thread: Thread) -> None:
    form = inspection.state_form(thread)
    assert form is not None
    seen = form.checkpoint_id
    threads.edit_state(cast.bob, thread.id, {"log": ["noted"]}, seen_checkpoint_id=seen, reason="A note.")
    work_off(thread)
    thread.refresh_from_db()


def lose_worker(thread: Thread, kind: RunKind) -> None:
    """A run that began, and whose worker never said what came of it."""
    run = Run.objects.live().filter(thread=thread).first() or Run.owe(thread, kind)
    assert run.claim(owner="worker", backend={"pid": 1, "started": "x"}, lease=timedelta(minutes=1))
    run.finish(RunStatus.FAILED, error_class="WorkerLost")
    Thread.objects.filter(id=thread.id).update(status=ThreadStatus.FAILED)


def test_a_decision_that_never_reached_the_graph_is_void_after_an_edit(cast: Cast) -> None:
    thread, left = decided_in_part(cast)

    edit(cast, thread)

    left.refresh_from_db()
    assert (left.status, left.decision.applied_at) == (InterruptStatus.SUPERSEDED, None)
    assert left.decision.void_reason == EDITED
    closed = Event.objects.filter(thread=thread, data__interrupt=str(left.id)).order_by("seq")
    told = [EventKind.DECISION_MADE, EventKind.DECISION_VOIDED, EventKind.INTERRUPT_SUPERSEDED]
    assert [event.kind for event in closed][-3:] == told
    assert (thread.status, findings(thread=thread.id)) == (ThreadStatus.PAUSED, [])
    with pytest.raises(TooLate, match="state was edited"):
        decisions.undo(cast.alice, left.id)


def test_it_is_asked_anew_and_only_the_new_decision_is_carried_out(cast: Cast) -> None:
    thread, left = decided_in_part(cast)
    edit(cast, thread)

    threads.carry_on(cast.bob, thread.id)
    work_off(thread)
    asked = Interrupt.objects.open().filter(thread=thread)
    assert {question.node for question in asked} == {"left", "right"}
    for question in asked:
        decide(cast, question)
    work_off(thread)

    thread.refresh_from_db()
    applied = Decision.objects.filter(interrupt__thread=thread, applied_at__isnull=False)
    assert (thread.status, applied.count()) == (ThreadStatus.DONE, 2)
    assert not applied.filter(interrupt=left).exists()
    assert findings(thread=thread.id) == []


@pytest.mark.parametrize(
    ("kind", "is_void"),
    [(RunKind.RESUME, False), (RunKind.CONTINUE, False), (RunKind.REPLAY, True), (RunKind.MESSAGE, True)],
)
def test_what_a_lost_worker_may_have_handed_over_is_not_made_void(cast: Cast, kind: RunKind, is_void: bool) -> None:
    """Only runs that hand answers over count: a refused replay or message has given the graph nothing."""
    thread, left = decided_in_part(cast)
    lose_worker(thread, kind)

    edit(cast, thread)

    left.refresh_from_db()
    assert (left.decision.voided_at is not None, left.decision.applied_at is None) == (is_void, is_void)
    assert findings(thread=thread.id) == []


def test_an_edit_before_an_edit_has_handed_nothing_over(cast: Cast) -> None:
    thread, left = decided_in_part(cast)
    refused = Run.owe(thread, RunKind.EDIT, payload={"thread_status": ThreadStatus.PAUSED})
    refused.claim(owner="worker", backend={"pid": 1, "started": "x"}, lease=timedelta(minutes=1))
    refused.finish(RunStatus.FAILED)

    edit(cast, thread)

    left.refresh_from_db()
    assert left.decision.void_reason == EDITED
