"""Graphs that ask in awkward ways still get exactly the answer that was given to exactly the question."""

from pathlib import Path

import pytest
from langgraph.graph import START, StateGraph

from approvals import decisions, inspection, threads
from approvals.models import Decision, Interrupt, InterruptStatus, Run, Thread, ThreadStatus, Verdict
from approvals.opened import checkpointer, registry
from tests.conftest import Cast, open_question, work_off
from tests.graphs import slow
from tests.test_main_job import ballot, values


def started(cast: Cast, chain: str, **values: object) -> Thread:
    thread = threads.submit(cast.rita, chain, dict(values))
    work_off(thread)
    thread.refresh_from_db()
    return thread


def approve(cast: Cast, question: Interrupt) -> None:
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))


def test_an_approval_never_reaches_a_question_that_changed(cast: Cast) -> None:
    thread = started(cast, "restless")
    for _ in range(3):
        question = open_question(thread)
        approve(cast, question)
        work_off(thread)
        question.refresh_from_db()
        assert question.status == InterruptStatus.SUPERSEDED
        assert question.decision.voided_at is not None

    assert open_question(thread).value["replaces"] == question.payload_sha256
    assert "log" not in values(thread) or values(thread)["log"] == []


def test_two_questions_in_one_node_need_two_decisions(cast: Cast) -> None:
    thread = started(cast, "twice")

    first = open_question(thread)
    assert first.value == "First?"
    approve(cast, first)
    work_off(thread)
    second = open_question(thread)
    assert second.value == "Second?"
    decisions.decide(cast.bob, second.id, ballot(second, Verdict.REJECT, note="No."))
    work_off(thread)

    assert values(thread)["log"] == [True, False]


def test_parallel_questions_are_carried_on_with_once_all_are_decided(cast: Cast) -> None:
    thread = started(cast, "parallel")
    left, right = Interrupt.objects.open().filter(thread=thread).order_by("node")

    approve(cast, left)
    assert not Run.objects.live().filter(thread=thread).exists()
    decisions.decide(cast.bob, right.id, ballot(right, Verdict.RESPOND, note="later"))
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert sorted(values(thread)["log"]) == [["left", True], ["right", "later"]]  # type: ignore[call-overload]
    assert Decision.objects.filter(applied_at__isnull=False).count() == 2


def test_a_failed_node_says_so_and_can_be_retried(cast: Cast, tmp_path: Path) -> None:
    missing = tmp_path / "told"
    thread = started(cast, "failing", effects=str(missing))
    assert thread.status == ThreadStatus.FAILED
    assert Run.objects.get(thread=thread).error_class == "FileNotFoundError"

    missing.write_text("now")
    threads.carry_on(cast.oscar, thread.id, reason="The file is there now.")
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert values(thread)["log"] == ["now"]


def test_an_answer_the_node_fails_on_does_not_poison_the_thread(cast: Cast) -> None:
    thread = started(cast, "picky")
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.RESPOND, note="a few"))
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.FAILED

    threads.ask_again(cast.oscar, thread.id, reason="Not a number.")
    work_off(thread)
    again = open_question(thread)
    question.refresh_from_db()
    assert question.status == InterruptStatus.SUPERSEDED
    assert "did not take this answer" in question.decision.void_reason

    decisions.decide(cast.bob, again.id, ballot(again, Verdict.RESPOND, note="7"))
    work_off(thread)
    assert values(thread)["log"] == [7]


def test_a_question_that_is_still_open_is_not_carried_past(cast: Cast) -> None:
    thread = started(cast, "twice")

    with pytest.raises(threads.NotNow, match="still open"):
        threads.carry_on(cast.oscar, thread.id)

    assert open_question(thread).value == "First?"


def test_a_raw_question_is_marked_as_not_bound(cast: Cast) -> None:
    thread = started(cast, "twice")

    assert not inspection.question_of(open_question(thread)).is_bound


def test_a_node_renamed_under_a_waiting_thread_fails_in_words_and_heals(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = started(cast, "slow", effects=str(tmp_path / "effects"))
    renamed = StateGraph(slow.State)
    renamed.add_node("inquire", slow.ask)
    renamed.add_edge(START, "inquire")
    approve(cast, open_question(thread))

    with monkeypatch.context() as patch:
        patch.setitem(registry()._builders, "slow", renamed)
        checkpointer().close()  # graphs are compiled once for each connection
        work_off(thread)
        thread.refresh_from_db()
        assert thread.status == ThreadStatus.FAILED
        failed = Run.objects.filter(thread=thread).latest("created_at")
        assert "no longer has the node ask" in failed.error_message
    checkpointer().close()
    threads.carry_on(cast.oscar, thread.id)
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert "act 40" in (tmp_path / "effects").read_text()
