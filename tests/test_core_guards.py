"""Guards of the core that only a rare moment needs, each seen alone."""

from datetime import timedelta

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from approvals import decisions, execution, inspection, threads
from approvals.execution.record import record, record_refusal
from approvals.models import Event, Interrupt, KeyReused, Run, Thread, ThreadStatus, Verdict
from approvals.sweeping import PARTS, Sweeper
from chains.heads import Head, HeadStatus, read_head
from chains.runner import Outcome, Work, advance
from tests.conftest import Cast, open_question, work_off
from tests.graphs.awkward import restless_raw
from tests.test_main_job import ballot

LEASE = timedelta(minutes=1)


def test_an_answer_is_matched_by_the_bytes_it_was_given_to_and_not_by_the_id_alone() -> None:
    """A raw interrupt() keeps its id while its payload changes: nothing in the graph would notice."""
    graph = restless_raw.compile(checkpointer=InMemorySaver())
    first = advance(graph, "t", Work(run_id="1", first={})).head
    (shown,) = first.pending
    graph.invoke(None, {"configurable": {"thread_id": "t"}})  # what a careless caller does: the node asks anew
    (now,) = read_head(graph, "t").pending
    assert (now.interrupt_id, now.sha256 == shown.sha256) == (shown.interrupt_id, False)

    after = advance(graph, "t", Work(run_id="2", answers={shown.key: True})).head

    assert after.status is HeadStatus.WAITING
    assert graph.get_state({"configurable": {"thread_id": "t"}}).values["log"] == []


def test_a_worker_whose_generation_moved_records_nothing(cast: Cast) -> None:
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    run = Run.objects.get(thread=thread)
    backend = {"pid": 1, "started": "x"}
    assert run.claim(owner="first", backend=backend, lease=LEASE)
    thread.move(ThreadStatus.RUNNING, since=(ThreadStatus.QUEUED,))
    assert Run.objects.get(id=run.id).claim(owner="second", backend=backend, lease=LEASE)
    before = Event.objects.filter(thread=thread).count()

    assert record(run, Outcome(Head(HeadStatus.FINISHED))) is False

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.RUNNING
    assert Event.objects.filter(thread=thread).count() == before


def test_the_same_key_with_another_body_is_refused(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE, key="once"))

    with pytest.raises(KeyReused):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.REJECT, note="No.", key="once"))


def test_the_same_key_and_body_gives_the_same_result_after_the_question_is_closed(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    mine = ballot(question, Verdict.APPROVE, key="once")
    decisions.decide(cast.alice, question.id, mine)
    work_off(paused)

    assert decisions.decide(cast.alice, question.id, mine).id == question.id


def test_a_thread_asked_to_stop_ends_even_when_its_worker_was_lost_before_it_heard(cast: Cast) -> None:
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    run = Run.objects.get(thread=thread)
    run.claim(owner="gone", backend={"pid": 1, "started": "x"}, lease=LEASE)
    thread.move(ThreadStatus.RUNNING, since=(ThreadStatus.QUEUED,))
    threads.stop(cast.rita, thread.id)

    execution.look(run.id)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.CANCELLED
    assert inspection.steps_of(thread) == []


def test_a_request_to_stop_does_not_meet_the_next_run(cast: Cast) -> None:
    """It came too late, in the last step: the next message must not be swallowed by it."""
    thread, run = claimed(cast)
    thread.ask_to_stop()

    assert record(run, Outcome(Head(HeadStatus.FINISHED)))

    thread.refresh_from_db()
    assert (thread.status, thread.stop_requested_at) == (ThreadStatus.DONE, None)


def test_a_run_that_was_refused_still_hears_that_it_should_stop(paused: Thread, cast: Cast) -> None:
    threads.edit_state(cast.oscar, paused.id, {"user_id": "x"}, reason="Why.", **seen_now(paused))
    run = Run.objects.live().get(thread=paused)
    run.claim(owner="worker", backend={"pid": 1, "started": "x"}, lease=LEASE)
    paused.refresh_from_db()
    paused.move(ThreadStatus.RUNNING, since=(ThreadStatus.QUEUED,))
    paused.ask_to_stop()

    assert record_refusal(run, "BadEdit", "It does not fit.", untouched=True)

    paused.refresh_from_db()
    assert paused.status == ThreadStatus.CANCELLED
    assert not Interrupt.objects.pending().filter(thread=paused).exists()


def test_a_limit_that_cannot_be_carried_out_does_not_keep_the_doorbells_from_being_rung(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung = []
    monkeypatch.setitem(PARTS, "limits", lambda: 1 / 0)
    monkeypatch.setitem(PARTS, "doorbells", lambda: rung.append(True))

    Sweeper(worker=None)._once()

    assert rung == [True]


def claimed(cast: Cast) -> tuple[Thread, Run]:
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    run = Run.objects.get(thread=thread)
    assert run.claim(owner="worker", backend={"pid": 1, "started": "x"}, lease=LEASE)
    thread.move(ThreadStatus.RUNNING, since=(ThreadStatus.QUEUED,))
    return thread, run


def seen_now(thread: Thread) -> dict[str, str]:
    return {"seen_checkpoint_id": open_question(thread).checkpoint_id}
