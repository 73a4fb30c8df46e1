"""Graphs that ask in awkward ways still get exactly the answer that was given to exactly the question."""

import pytest

from approvals import decisions, inspection, threads
from approvals.models import Decision, Interrupt, InterruptStatus, Run, Thread, ThreadStatus, Verdict
from tests.conftest import Cast, open_question, work_off
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


def test_a_failed_node_says_so_and_can_be_retried(cast: Cast, tmp_path) -> None:  # type: ignore[no-untyped-def]
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


def test_a_question_that_is_still_open_is_not_carried_past(cast: Cast) -> None:
    thread = started(cast, "twice")

    with pytest.raises(threads.NotNow, match="still open"):
        threads.carry_on(cast.oscar, thread.id)

    assert open_question(thread).value == "First?"


def test_a_raw_question_is_marked_as_not_bound(cast: Cast) -> None:
    thread = started(cast, "twice")

    assert not inspection.question_of(open_question(thread)).is_bound
