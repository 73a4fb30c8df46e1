"""The main job, step by step: submit, run, pause, decide, carry on. A worker's part is done in this process."""

import pytest

from approvals import decisions, inspection, threads
from approvals.ballots import Ballot, Seen
from approvals.decisions import AlreadyDecided, Changed, MissingSeen
from approvals.models import (
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Run,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from tests.conftest import Cast, open_question, work_off


def seen(interrupt: Interrupt) -> Seen:
    return Seen(interrupt.interrupt_id, interrupt.checkpoint_id, interrupt.payload_sha256)


def ballot(interrupt: Interrupt, verdict: Verdict, **words: object) -> Ballot:
    return Ballot(verdict=verdict, seen=seen(interrupt), **words)  # type: ignore[arg-type]


def kinds(thread: Thread) -> list[str]:
    return list(Event.objects.filter(thread=thread).order_by("seq").values_list("kind", flat=True))


def values(thread: Thread) -> dict[str, object]:
    state = inspection.state_of(thread)
    assert state is not None
    return dict(state.values)


def test_a_submitted_request_runs_until_it_asks(paused: Thread) -> None:
    question = open_question(paused)

    assert paused.status == ThreadStatus.PAUSED
    assert Run.objects.get(thread=paused).status == RunStatus.SUCCEEDED
    assert question.node == "review"
    assert question.value["arguments"]["content"]
    assert kinds(paused) == [EventKind.THREAD_SUBMITTED, EventKind.INTERRUPT_RAISED]


def test_approve_carries_on_with_the_draft(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    draft = question.value["arguments"]["content"]

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(paused)

    paused.refresh_from_db()
    assert paused.status == ThreadStatus.DONE
    assert draft in str(values(paused)["final_response"])
    decision = Decision.objects.get(interrupt=question)
    assert decision.applied_at is not None
    assert decision.applied_generation == 1
    assert decision.interrupt.status == InterruptStatus.APPLIED


def test_edit_and_approve_sends_the_edited_bytes(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    arguments = {**question.value["arguments"], "content": "Dear Marta — 40 € it is.\n\tÜ"}

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.EDIT, arguments=arguments))
    work_off(paused)

    assert "Dear Marta — 40 € it is.\n\tÜ" in str(values(paused)["final_response"])


def test_respond_goes_back_and_asks_again(paused: Thread, cast: Cast) -> None:
    first = open_question(paused)

    decisions.decide(cast.alice, first.id, ballot(first, Verdict.RESPOND, note="Please make it shorter."))
    work_off(paused)

    second = open_question(paused)
    first.refresh_from_db()
    assert first.status == InterruptStatus.APPLIED
    assert second.interrupt_id != first.interrupt_id
    assert second.value["arguments"]["content"] != first.value["arguments"]["content"]


def test_reject_ends_with_the_reason(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.REJECT, note="Not our customer."))
    work_off(paused)

    final = str(values(paused)["final_response"])
    assert "Not our customer." in final
    assert "Alice Okafor" in final


def test_a_rejection_needs_a_reason_and_nothing_is_stored_without(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)

    with pytest.raises(inspection.BadAnswer, match="Say why"):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.REJECT, note="  "))

    assert not question.votes.exists()
    assert open_question(paused) == question


def test_the_second_reviewer_is_told_who_was_first(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    with pytest.raises(AlreadyDecided, match="Alice Okafor decided this first: approved") as told:
        decisions.decide(cast.bob, question.id, ballot(question, Verdict.REJECT, note="No."))

    assert told.value.winner == "Alice Okafor"
    assert told.value.verdict == Verdict.APPROVE


@pytest.mark.parametrize("missing", ["interrupt_id", "checkpoint_id", "payload_sha256"])
def test_a_form_that_does_not_say_what_was_seen_is_refused(paused: Thread, cast: Cast, missing: str) -> None:
    question = open_question(paused)
    blind = Seen(**{**seen(question).__dict__, missing: ""})

    with pytest.raises(MissingSeen):
        decisions.decide(cast.alice, question.id, Ballot(Verdict.APPROVE, blind))


@pytest.mark.parametrize("changed", ["interrupt_id", "checkpoint_id", "payload_sha256"])
def test_a_form_that_saw_something_else_is_refused(paused: Thread, cast: Cast, changed: str) -> None:
    question = open_question(paused)
    stale = Seen(**{**seen(question).__dict__, changed: "0" * 64})

    with pytest.raises(Changed):
        decisions.decide(cast.alice, question.id, Ballot(Verdict.APPROVE, stale))

    assert not question.votes.exists()


def test_the_same_form_sent_twice_is_one_vote(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    form = ballot(question, Verdict.APPROVE, key="the-form")

    first = decisions.decide(cast.alice, question.id, form)
    second = decisions.decide(cast.alice, question.id, form)

    assert first == second
    assert question.votes.count() == 1


def test_the_same_submission_twice_is_one_thread(cast: Cast) -> None:
    once = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"}, key="k")
    again = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"}, key="k")

    assert once == again
    assert Thread.objects.count() == 1


def test_an_edit_of_the_state_supersedes_the_question_and_resume_asks_again(paused: Thread, cast: Cast) -> None:
    old = open_question(paused)
    form = inspection.state_form(paused)
    assert form is not None
    draft = {**form.values["processed_content"], "content": "Written by a person."}

    threads.edit_state(
        cast.bob,
        paused.id,
        {"processed_content": draft},
        seen_checkpoint_id=form.checkpoint_id,
        reason="The draft was wrong.",
    )
    work_off(paused)

    old.refresh_from_db()
    paused.refresh_from_db()
    assert old.status == InterruptStatus.SUPERSEDED
    assert paused.status == ThreadStatus.PAUSED
    assert not Interrupt.objects.open().filter(thread=paused).exists()

    threads.carry_on(cast.bob, paused.id)
    work_off(paused)

    assert open_question(paused).value["arguments"]["content"] == "Written by a person."
    assert [step.source for step in inspection.steps_of(paused)].count("update") == 1


def test_an_edit_that_would_pass_the_question_by_is_refused(cast: Cast, settings, paused: Thread) -> None:  # type: ignore[no-untyped-def]
    form = inspection.state_form(paused)
    assert form is not None

    with pytest.raises(inspection.BadEdit):
        threads.edit_state(
            cast.bob, paused.id, {"nonsense": 1}, seen_checkpoint_id=form.checkpoint_id, reason="Because."
        )

    assert not Run.objects.live().filter(thread=paused).exists()


def test_stopping_a_paused_thread_takes_its_question_out_of_every_queue(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)

    threads.stop(cast.rita, paused.id, reason="Not needed any more.")

    paused.refresh_from_db()
    question.refresh_from_db()
    assert paused.status == ThreadStatus.CANCELLED
    assert question.status == InterruptStatus.CANCELLED
    assert not Interrupt.objects.decidable_by(cast.alice).exists()


def test_another_turn_on_a_finished_thread_asks_for_review_again(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(paused)

    threads.send_message(cast.rita, paused.id, {"request": "And where is my invoice INV-20931?"})
    work_off(paused)

    second = open_question(paused)
    assert "INV-20931" in second.value["arguments"]["request"]
    assert second.id != question.id
