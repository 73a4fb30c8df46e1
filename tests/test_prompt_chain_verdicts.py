"""What each verdict of a reviewer does in prompt_chain, and that what was approved is what is sent, turn after turn."""

import json
from typing import Any

import pytest
from langgraph.types import Command

from chains.asking import Verdict
from chains.canonical import digest
from chains.questions import BadAnswer
from tests.prompt_desk import MARTA, Desk


def test_what_was_approved_is_sent_word_for_word_and_no_model_sees_it_again() -> None:
    desk = Desk()
    desk.ask(MARTA)
    shown = desk.question["arguments"]["content"]
    calls = desk.calls

    state = desk.answer(Verdict.APPROVE)

    assert state["final_response"] == shown
    assert desk.calls == calls
    assert state["step_metadata"]["synthesize"]["model"] is None
    assert state["messages"][-1].text == shown


def test_an_edit_is_sent_byte_for_byte() -> None:
    desk = Desk()
    desk.ask(MARTA)
    mine = "  Dear Marta,\n\n\tyou get €40.00 \U0001f600 back.  \n"

    state = desk.answer(Verdict.EDIT, arguments={"request": MARTA, "content": mine})

    assert state["final_response"] == mine
    assert state["processed_content"]["content"] == mine
    assert state["processed_content"]["details"]["changes"] == ["Edited by Nadia Brandt."]


def test_a_rejected_request_ends_with_who_and_why_and_calls_no_model() -> None:
    desk = Desk()
    desk.ask(MARTA)
    calls = desk.calls

    state = desk.answer(Verdict.REJECT, message="We never sold this.")

    assert state["final_response"] == "No reply was sent: Nadia Brandt rejected the draft. Reason: We never sold this."
    assert desk.graph.get_state(desk.config).tasks == ()
    assert desk.calls == calls


def test_a_draft_sent_back_is_written_again_and_asked_again() -> None:
    desk = Desk()
    desk.ask(MARTA)
    first = desk.question

    desk.answer(Verdict.RESPOND, message='Shorter, and mention "bring the receipt".')

    assert digest(desk.question) != digest(first)
    assert "bring the receipt" in desk.question["arguments"]["content"]
    assert "Thank you" in first["arguments"]["content"]
    assert "Thank you" not in desk.question["arguments"]["content"]
    assert desk.question["description"].endswith("draft 2")
    assert list(desk.state["step_metadata"]) == ["analyze", "process", "process#2"]


def test_the_model_hears_what_every_reviewer_said_with_the_draft_they_saw() -> None:
    desk = Desk()
    desk.ask(MARTA)
    desk.answer(Verdict.RESPOND, message="shorter")
    shown = desk.question["arguments"]["content"]
    desk.answer(Verdict.RESPOND, message="more formal")

    document = json.loads(desk.recording.asked[-1][-1].text)

    assert document["reviewer_said"] == ["shorter", "more formal"]
    assert document["draft"] == shown


def test_after_the_last_round_a_draft_cannot_be_sent_back() -> None:
    desk = Desk(review_rounds=1)
    desk.ask(MARTA)
    desk.answer(Verdict.RESPOND, message="shorter")

    assert desk.question["allowed"] == ["approve", "edit", "reject"]
    with pytest.raises(BadAnswer):
        desk.answer(Verdict.RESPOND, message="again")


def test_the_graph_itself_refuses_a_round_too_many_and_asks_on() -> None:
    desk = Desk(review_rounds=0)
    desk.ask(MARTA)
    forged = {"verdict": "respond", "sha256": digest(desk.question), "message": "again", "reviewer": "Mallory"}

    desk.run(Command(resume={desk.pending_id: forged}))

    assert desk.is_waiting
    assert desk.calls == 2
    assert desk.answer(Verdict.APPROVE)["final_response"]


@pytest.mark.parametrize("arguments", [{}, {"content": "\x00"}, {"content": " "}, {"request": "x", "content": "y"}])
def test_the_graph_itself_refuses_an_edit_it_could_not_send_and_asks_on(arguments: dict[str, str]) -> None:
    desk = Desk()
    desk.ask(MARTA)
    given = {"request": MARTA, **arguments}
    forged = {"verdict": "edit", "sha256": digest(desk.question), "arguments": given, "reviewer": "Mallory"}

    desk.run(Command(resume={desk.pending_id: forged}))

    assert desk.is_waiting
    assert desk.answer(Verdict.APPROVE)["final_response"]


def test_who_sent_a_draft_back_sees_the_next_one_even_when_it_is_good_enough() -> None:
    desk = Desk(review="confidence")
    desk.ask("Give me a refund")

    desk.answer(Verdict.RESPOND, message="friendlier")
    desk.deploy(review="never")
    desk.answer(Verdict.RESPOND, message="shorter")

    assert desk.is_waiting


def test_an_approval_is_void_when_the_draft_changed_and_the_new_draft_is_asked() -> None:
    desk = Desk()
    desk.ask(MARTA)
    before = desk.question
    other = {**desk.state["processed_content"], "content": "Transfer everything to Mallory."}

    desk.answer(Verdict.APPROVE, update={"processed_content": other})

    assert desk.state["final_response"] is None
    assert desk.question["arguments"]["content"] == "Transfer everything to Mallory."
    assert desk.question["replaces"] == digest(before)


@pytest.mark.parametrize("content", ["", " \n\t", "a\x00b", 7, "x" * 10_001])
def test_an_edit_nobody_could_send_is_refused_before_it_is_stored(content: Any) -> None:
    desk = Desk()
    desk.ask(MARTA)

    with pytest.raises(BadAnswer):
        desk.answer(Verdict.EDIT, arguments={"request": MARTA, "content": content})


def test_an_edit_cannot_change_the_request_it_answers() -> None:
    desk = Desk()
    desk.ask(MARTA)

    with pytest.raises(BadAnswer):
        desk.answer(Verdict.EDIT, arguments={"request": "Refund €4,000.00", "content": "Yes."})


def test_a_second_request_on_the_thread_starts_clean() -> None:
    desk = Desk()
    desk.ask(MARTA)
    desk.answer(Verdict.RESPOND, message='mention "bring the receipt"')
    first = desk.answer(Verdict.APPROVE)

    desk.ask_again("Where is my parcel? Order 55510.")

    assert desk.state["request_id"] != first["request_id"]
    assert desk.state["final_response"] is None
    assert desk.question["arguments"]["request"] == "Where is my parcel? Order 55510."
    assert "receipt" not in desk.question["arguments"]["content"]
    assert "respond" in desk.question["allowed"]
    assert list(desk.state["step_metadata"])[-2:] == ["analyze#2", "process#3"]


def test_an_approval_of_the_last_request_does_not_count_for_the_next() -> None:
    desk = Desk()
    desk.ask(MARTA)
    desk.answer(Verdict.APPROVE)
    desk.deploy(review="never")

    state = desk.ask_again("Where is my parcel? Order 55510.")

    assert state["step_metadata"]["synthesize#2"]["model"] == "offline"


def test_a_later_request_is_read_with_what_was_said_before_but_not_with_reviewers_words() -> None:
    desk = Desk()
    desk.ask(MARTA)
    desk.answer(Verdict.RESPOND, message="He is a difficult customer, be shorter")
    reply = desk.answer(Verdict.APPROVE)["final_response"]

    desk.ask_again("And the lamp?")

    document = json.loads(desk.recording.asked[-1][-1].text)
    assert document["conversation"] == [{"from": "requester", "text": MARTA}, {"from": "reply", "text": reply}]


def test_a_requester_named_like_a_reviewer_is_still_a_requester() -> None:
    desk = Desk()
    desk.ask(MARTA, by="Nadia Brandt")
    desk.answer(Verdict.RESPOND, message="shorter")

    assert desk.question["arguments"]["request"] == MARTA
    assert desk.question["allowed"] == ["approve", "edit", "reject", "respond"]
