"""A question with several parts through the form a browser sends: what counts, what is refused, and in which words."""

import json
import re
from typing import Any

import pytest
from django.test import Client

from approvals import decisions, threads
from approvals.ballots import Ballot, Seen
from approvals.inspection import BadAnswer, Reply
from approvals.models import Decision, Event, EventKind, Interrupt, Policy, Thread, ThreadStatus, Verdict, Vote
from tests.conftest import Cast, open_question, work_off
from tests.graphs.formats import REFUND
from tests.posting import Page

JSON = {"HTTP_ACCEPT": "application/json"}
APPROVED = {"item-0-verdict": "approve", "item-1-verdict": "approve", "item-2-verdict": "reject", "item-2-note": "No."}
Answer = Any


def asked(cast: Cast, chain: str) -> Interrupt:
    thread = threads.submit(cast.rita, chain, {"log": []})
    work_off(thread)
    return open_question(thread)


@pytest.fixture
def batch(cast: Cast) -> Interrupt:
    """Three actions: the first takes every verdict, the second no edit, the third only edit and reject."""
    return asked(cast, "batch_snake")


def post(client: Client, question: Interrupt, headers: Any = None, **typed: str) -> Answer:
    seen = {
        "seen_interrupt": question.interrupt_id,
        "seen_checkpoint": question.checkpoint_id,
        "seen_sha256": question.payload_sha256,
    }
    return client.post(f"/interrupts/{question.id}/decision/", {**seen, **typed}, **(headers or {}))


def words(answer: Answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def part(answer: Answer, number: int) -> str:
    """The HTML of one part."""
    html: str = answer.content.decode()
    return re.split(r'<section class="part', html)[number].partition("</section>")[0]


def still_open(question: Interrupt) -> bool:
    question.refresh_from_db()
    return question.is_open and not Vote.objects.exists() and not Decision.objects.exists()


def test_every_part_is_shown_in_full_with_its_own_verdicts_and_none_is_chosen(alice: Client, batch: Interrupt) -> None:
    page = alice.get(f"/t/{batch.thread_id}/")
    radios = [
        re.findall(r'type="radio" name="item-\d-verdict" value="(\w+)"( checked)?', part(page, n)) for n in (1, 2, 3)
    ]

    assert [[value for value, _ in found] for found in radios] == [
        ["approve", "edit", "respond", "reject"],
        ["approve", "reject"],
        ["edit", "reject"],
    ]
    assert not any(checked for found in radios for _, checked in found)
    assert all(text in words(page) for text in ("ORD-48213", "Grüße 👋", "marta@example.org", "A refund."))
    assert "Not bound" in words(page)
    assert "3 proposed actions" in words(page)
    assert "Approve all" not in words(page)


def test_the_page_as_it_stands_decides_nothing(alice: Client, batch: Interrupt) -> None:
    """What a browser would send when the button is pressed at once."""
    html = Page(alice.get(f"/t/{batch.thread_id}/").content.decode())
    sent = {name: value for name, value in html.pairs if name != "csrfmiddlewaretoken"}

    answer = alice.post(f"/interrupts/{batch.id}/decision/", {**sent, "verdict": "mixed"})

    assert answer.status_code == 422
    assert words(answer).count("Choose what to do with it") == 3
    assert still_open(batch)


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"item-2-verdict": ""}, "item-2-verdict", "Choose what to do"),
        ({"item-1-verdict": "edit"}, "item-1-arguments", "cannot be answered with edit"),
        ({"item-2-verdict": "approve"}, "item-2-arguments", "cannot be answered with approve"),
        ({"item-0-verdict": "destroy"}, "item-0-verdict", "no such verdict"),
        ({"item-0-verdict": "mixed"}, "item-0-verdict", "no such verdict"),
        ({"item-2-note": " "}, "item-2-note", "Say why you reject it."),
        ({"item-0-verdict": "respond"}, "item-0-note", "Write your answer."),
        ({"item-3-verdict": "approve"}, "", "This question has 3 parts"),
        ({"item-99999-note": "x"}, "", "This question has 3 parts"),
        ({"item-1-action": "delete_everything"}, "item-1-action", "cannot turn"),
        ({"item-0-verdict": "edit", "item-0-arguments": "{not json"}, "item-0-arguments", "not JSON"),
        ({"item-0-verdict": "edit", "item-0-arguments": '{"a": NaN}'}, "item-0-arguments", "not JSON"),
        ({"item-0-verdict": "edit", "item-0-arguments": "[" * 9_000}, "item-0-arguments", "JSON"),
        ({"item-0-verdict": "edit", "item-0-arguments": "[1]"}, "item-0-arguments", "set of named values"),
        ({"item-0-verdict": "edit", "item-0-arguments": json.dumps(REFUND)}, "item-0-arguments", "You changed nothing"),
        ({"item-0-verdict": "edit"}, "item-0-arguments", "Send the edited arguments"),
        ({"item-0-verdict": "reject", "item-0-note": "x" * 4_001}, "item-0-note", "at most 4000"),
        ({"verdict": "approve"}, "item-2-verdict", "You chose something else for this one"),
    ],
)
def test_what_does_not_fit_is_refused_in_words_at_its_part_and_decides_nothing(
    alice: Client, batch: Interrupt, typed: dict[str, str], field: str, said: str
) -> None:
    sent = {**APPROVED, "item-2-note": "Far too <much>.", **typed}

    told = post(alice, batch, headers=JSON, **sent)
    page = post(alice, batch, **sent)

    assert told.status_code == page.status_code == 422
    assert (told.json()["error"], told.json()["field"]) == ("bad_answer", field)
    assert said in told.json()["message"]
    assert said in words(page)
    if field:
        assert said in re.sub(r"\s+", " ", part(page, int(field[5]) + 1))
    if "item-2-note" not in typed:
        assert "Far too &lt;much&gt;." in part(page, 3)
    assert still_open(batch)


def test_the_first_part_s_arguments_are_edited_in_a_form_and_kept_when_refused(alice: Client, cast: Cast) -> None:
    question = asked(cast, "batch_camel")
    typed = {
        **dict(Page(alice.get(f"/t/{question.thread_id}/").content.decode()).pairs),
        "item-0-verdict": "edit",
        "item-0-arguments.amount": "-5",
        "item-1-verdict": "reject",
        "item-1-note": "Wrong person.",
    }

    page = post(alice, question, **typed)

    assert page.status_code == 422
    assert 'value="-5"' in part(page, 1)
    assert re.search(r'value="edit" checked', part(page, 1))
    assert re.search(r'value="reject" checked', part(page, 2))
    assert "Wrong person." in part(page, 2)
    assert still_open(question)
    assert post(alice, question, **{**typed, "item-0-arguments.amount": "41"}).status_code == 303
    assert Decision.objects.get().answer["decisions"][0]["editedAction"]["args"]["amount"] == 41


def test_a_program_decides_each_part_and_is_told_what_came_of_it(alice: Client, batch: Interrupt) -> None:
    edited = json.dumps({**REFUND, "amount": 41})
    sent = {**APPROVED, "item-0-verdict": "edit", "item-0-arguments": edited, "note": "Seen.", "key": "once"}

    first = post(alice, batch, headers=JSON, **sent)
    again = post(alice, batch, headers=JSON, **sent)
    other = post(alice, batch, headers=JSON, **{**sent, "item-1-verdict": "reject", "item-1-note": "No."})

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert (first.json()["status"], first.json()["verdict"]) == ("decided", "mixed")
    assert (other.status_code, other.json()["error"]) == (409, "key_reused")
    decision = Decision.objects.get()
    assert (decision.verdict, decision.note) == (Verdict.MIXED, "Seen.")
    assert [one["type"] for one in decision.answer["decisions"]] == ["edit", "approve", "reject"]


def test_another_tool_is_taken_only_where_the_chain_allows_it_and_only_with_an_edit(
    alice: Client, batch: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    edited = {
        "item-0-verdict": "edit",
        "item-0-action": "delete_everything",
        "item-0-arguments": json.dumps({**REFUND, "amount": 41}),
    }

    assert post(alice, batch, headers=JSON, **{**APPROVED, **edited}).status_code == 422
    monkeypatch.setattr("approvals.inspection.may_rename", lambda chain: True)
    approved = {**edited, "item-0-verdict": "approve"}
    assert post(alice, batch, headers=JSON, **{**APPROVED, **approved}).status_code == 422
    assert still_open(batch)
    taking = {"type": "object", "properties": {name: {} for name in REFUND}}
    monkeypatch.setattr("approvals.inspection._tools_of", lambda chain: {"delete_everything": taking})
    taken = post(alice, batch, headers=JSON, **{**APPROVED, **edited})
    assert taken.status_code == 200, taken.json()
    assert Decision.objects.get().answer["decisions"][0]["edited_action"]["name"] == "delete_everything"


def test_the_record_says_what_was_decided_part_by_part(alice: Client, batch: Interrupt) -> None:
    edited = json.dumps({**REFUND, "amount": 41})
    post(alice, batch, **{**APPROVED, "item-0-verdict": "edit", "item-0-arguments": edited})

    vote = Event.objects.get(kind=EventKind.VOTE_CAST)
    assert [told["verdict"] for told in vote.data["parts"]] == ["edit", "approve", "reject"]
    page = words(alice.get(f"/t/{batch.thread_id}/"))
    assert "Decided one by one" in page
    assert all(text in page for text in ("Approved with changes", "Rejected", "No.", "41"))
    assert "Decided one by one" in words(alice.get("/decisions/"))


def test_approve_all_is_there_where_everything_may_be_approved(alice: Client, cast: Cast) -> None:
    question = asked(cast, "batch_camel")

    assert "Approve all" in words(alice.get(f"/t/{question.thread_id}/"))
    refused = post(alice, question, verdict="approve", **{"item-1-verdict": "reject", "item-1-note": "No."})
    assert "You chose something else" in part(refused, 2)
    assert still_open(question)
    assert post(alice, question, verdict="approve").status_code == 303
    assert Decision.objects.get().verdict == Verdict.APPROVE


def test_one_part_takes_the_same_names_as_several(alice: Client, cast: Cast) -> None:
    question = asked(cast, "legacy_object")
    edited = json.dumps({**REFUND, "amount": 41})

    assert post(alice, question, headers=JSON, **{"item-1-verdict": "approve"}).status_code == 422
    told = post(alice, question, headers=JSON, **{"item-0-verdict": "edit", "item-0-arguments": edited})

    assert told.status_code == 200
    assert Decision.objects.get().answer[0]["args"]["args"]["amount"] == 41


def test_where_two_must_approve_only_what_is_one_vote_counts(alice: Client, cast: Cast) -> None:
    Policy.objects.update(votes_needed=2)
    question = asked(cast, "batch_camel")
    split = {"item-0-verdict": "approve", "item-1-verdict": "reject", "item-1-note": "No."}

    assert "decide all of it alike" in words(post(alice, question, **split))
    assert still_open(question)
    post(alice, question, verdict="approve")
    question.refresh_from_db()
    assert question.is_open
    bob = Client()
    bob.force_login(cast.bob)
    assert post(bob, question, verdict="reject", note="No.").status_code == 303
    assert Decision.objects.get().verdict == Verdict.REJECT
    assert {one["message"] for one in Decision.objects.get().answer["decisions"]} == {"No."}


def test_a_dear_batch_is_asked_once_more_with_every_verdict_on_the_page(alice: Client, cast: Cast) -> None:
    Policy.objects.update(risk="high")
    question = asked(cast, "batch_camel")
    sent = {"item-0-verdict": "approve", "item-1-verdict": "reject", "item-1-note": "Not her.", "verdict": "mixed"}

    page = post(alice, question, **sent)

    assert page.status_code == 200
    assert still_open(question)
    assert all(text in words(page) for text in ("Issue refund Approved", "Send mail Rejected", "Not her."))
    hidden = {name: value for name, value in Page(page.content.decode()).pairs if name != "csrfmiddlewaretoken"}
    answer = alice.post(f"/interrupts/{question.id}/decision/", {**hidden, "confirmed": "mixed"})
    assert answer.status_code == 303
    assert [one["type"] for one in Decision.objects.get().answer["decisions"]] == ["approve", "reject"]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_wrong_number_of_decisions_never_reaches_the_record(cast: Cast, batch: Interrupt, count: int) -> None:
    seen = Seen(batch.interrupt_id, batch.checkpoint_id, batch.payload_sha256)
    replies = [Reply(Verdict.REJECT, message="No.")] * count

    with pytest.raises(BadAnswer, match="3 parts"):
        decisions.decide(cast.alice, batch.id, Ballot.of_parts(replies, seen))

    assert still_open(batch)


def test_a_verdict_that_is_not_what_its_parts_come_to_is_refused(cast: Cast, batch: Interrupt) -> None:
    seen = Seen(batch.interrupt_id, batch.checkpoint_id, batch.payload_sha256)
    replies = (Reply(Verdict.REJECT, message="No."),) * 3

    for verdict in (Verdict.APPROVE, Verdict.MIXED):
        with pytest.raises(BadAnswer):
            decisions.decide(cast.alice, batch.id, Ballot(verdict, seen, replies=replies))
    with pytest.raises(BadAnswer, match="a verdict of its own"):
        decisions.decide(cast.alice, batch.id, Ballot(Verdict.MIXED, seen))

    assert still_open(batch)


@pytest.mark.parametrize("chain", ["breakpoint_before", "breakpoint_after"])
def test_a_breakpoint_shows_its_state_and_one_way_on(alice: Client, cast: Cast, chain: str) -> None:
    question = asked(cast, chain)
    html = alice.get(f"/t/{question.thread_id}/").content.decode()

    assert re.search(r"The chain stops here (before act|after prepare)\.", html)
    assert "worked" in html
    assert re.findall(r'<button[^>]+name="verdict" value="(\w+)"', html) == ["abstain", "approve"]
    assert "Continue" in html
    assert post(alice, question, verdict="reject", note="No.").status_code == 422
    assert post(alice, question, verdict="approve").status_code == 303
    work_off(question.thread)
    assert Thread.objects.get(id=question.thread_id).status == ThreadStatus.DONE
