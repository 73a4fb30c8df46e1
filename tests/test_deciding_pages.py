"""Deciding through the form a browser sends: what is counted, what is refused, and in which words."""

import re
from typing import Any

import pytest
from django.test import Client

from approvals.models import Decision, Event, EventKind, Interrupt, InterruptStatus, Policy, Run, Thread, ThreadStatus
from tests.asked import ask, rest
from tests.conftest import Cast, open_question, work_off

JSON = {"HTTP_ACCEPT": "application/json"}
Answer = Any


def form(question: Interrupt, **typed: str) -> dict[str, str]:
    return {
        "seen_interrupt": question.interrupt_id,
        "seen_checkpoint": question.checkpoint_id,
        "seen_sha256": question.payload_sha256,
        **typed,
    }


def post(client: Client, question: Interrupt, headers: Any = None, **typed: str) -> Answer:
    return client.post(f"/interrupts/{question.id}/decision/", form(question, **typed), **(headers or {}))


def words(answer: Answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_approving_says_what_happens_now(alice: Client, paused: Thread) -> None:
    answer = post(alice, open_question(paused), verdict="approve")

    assert (answer.status_code, answer["Location"]) == (303, f"/t/{paused.id}/")
    assert "The worker carries on now." in words(alice.get(answer["Location"]))
    assert Decision.objects.get().verdict == "approve"


def test_from_the_queue_it_leads_to_the_next_and_never_to_another_site(alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    assert post(alice, question, verdict="approve", key="k", next="/queue/?selected=7")["Location"] == (
        "/queue/?selected=7"
    )
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = post(alice, question, verdict="approve", key="k", next=elsewhere)
        assert answer["Location"] == f"/t/{paused.id}/"
    assert Decision.objects.count() == 1


def test_a_form_that_does_not_say_what_was_seen_decides_nothing(alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    for missing in ("seen_interrupt", "seen_checkpoint", "seen_sha256"):
        fields = {key: value for key, value in form(question, verdict="approve").items() if key != missing}
        assert alice.post(f"/interrupts/{question.id}/decision/", fields).status_code == 400
    assert not Decision.objects.exists()


def test_a_question_that_changed_is_not_decided_and_the_note_is_not_lost(alice: Client, paused: Thread) -> None:
    question = open_question(paused)
    fields = {**form(question, verdict="reject", note="Far too <much>."), "seen_sha256": "0" * 64}

    answer = alice.post(f"/interrupts/{question.id}/decision/", fields)

    assert answer.status_code == 409
    assert "The question changed while you were reading" in words(answer)
    assert "Far too &lt;much&gt;." in answer.content.decode()
    assert f'href="/t/{paused.id}/"' in answer.content.decode()
    assert not Decision.objects.exists()


def test_the_second_reviewer_reads_who_was_first(alice: Client, paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    post(alice, question, verdict="approve")
    bob = Client()
    bob.force_login(cast.bob)

    page = post(bob, question, verdict="reject", note="No.")
    told = post(bob, question, headers=JSON, verdict="reject", note="No.")

    assert page.status_code == told.status_code == 409
    assert "Alice Okafor decided this first: approved." in words(page)
    body = told.json()
    assert (body["error"], body["winner"], body["verdict"]) == ("already_decided", "Alice Okafor", "approve")
    assert body["at"].startswith("20")


def test_the_requester_is_refused_with_the_reason(paused: Thread, cast: Cast) -> None:
    rita = Client()
    rita.force_login(cast.rita)

    answer = post(rita, open_question(paused), verdict="approve")

    assert answer.status_code == 403
    assert "You asked for this, so somebody else must decide it." in words(answer)
    assert not Decision.objects.exists()


@pytest.mark.parametrize(("verdict", "said"), [("reject", "Say why you reject it."), ("respond", "Say what should")])
def test_saying_no_needs_words_and_the_page_asks_for_them(
    alice: Client, paused: Thread, verdict: str, said: str
) -> None:
    question = open_question(paused)

    page = post(alice, question, verdict=verdict, note=" ")
    told = post(alice, question, headers=JSON, verdict=verdict)

    assert page.status_code == told.status_code == 422
    assert said in words(page)
    assert told.json()["field"] == "note"
    assert f'name="seen_sha256" value="{question.payload_sha256}"' in page.content.decode()


def test_an_edit_that_changes_nothing_is_refused_in_words(alice: Client, paused: Thread) -> None:
    question = open_question(paused)
    content = question.value["arguments"]["content"]

    answer = post(alice, question, verdict="edit", edit="1", note="Mind the tone.", **{"arguments.content": content})

    assert answer.status_code == 422
    assert "You changed nothing." in words(answer)
    assert "Mind the tone." in answer.content.decode()


def test_an_edit_that_does_not_fit_keeps_what_was_typed(alice: Client, paused: Thread) -> None:
    answer = post(alice, open_question(paused), verdict="edit", edit="1", note="Mind.", **{"arguments.content": "  "})

    assert answer.status_code == 422
    assert "Reply: fill this in" in words(answer)
    assert "Mind." in answer.content.decode()
    assert not Decision.objects.exists()


def test_an_edit_is_approved_and_the_page_shows_what_changed(alice: Client, paused: Thread) -> None:
    question = open_question(paused)

    answer = post(alice, question, verdict="edit", edit="1", **{"arguments.content": "Dear <Marta>,\r\n40 €."})
    work_off(paused)
    html = alice.get(answer["Location"]).content.decode()

    assert Decision.objects.get().answer["arguments"]["content"] == "Dear <Marta>,\n40 €."
    assert "<del>" in html
    assert re.search(r"<ins>.*Dear &lt;Marta&gt;,\n40 €\.", html)
    assert "Approved with changes" in html


def test_the_edit_page_holds_what_was_proposed(alice: Client, paused: Thread) -> None:
    html = alice.get(f"/t/{paused.id}/?edit=1").content.decode()

    assert 'name="arguments.content"' in html
    assert 'name="verdict" value="edit"' in html
    assert 'value="approve"' not in html


def test_the_same_form_sent_with_other_contents_is_told_apart(alice: Client, paused: Thread) -> None:
    question = open_question(paused)
    post(alice, question, verdict="approve", key="once")

    answer = post(alice, question, verdict="reject", note="No.", key="once")

    assert answer.status_code == 409
    assert "already sent" in words(answer)


def test_where_a_mistake_is_dear_it_is_asked_once_more(alice: Client, paused: Thread) -> None:
    Interrupt.objects.update(status=InterruptStatus.CANCELLED)
    Policy.objects.update(risk="high")
    again = Interrupt.objects.get()
    dear = Interrupt.objects.create(
        **{field.attname: getattr(again, field.attname) for field in Interrupt._meta.concrete_fields}
        | {"id": None, "asked": 2, "status": InterruptStatus.OPEN, "risk": "high"}
    )
    content = {"arguments.content": "Dear Marta,\n40 €."}

    asked = post(alice, dear, verdict="edit", edit="1", note="Mind.", key="k", **content)
    assert asked.status_code == 200
    assert not Decision.objects.exists()
    assert all(part in words(asked) for part in ("Approve “", "40 €.", "Go back"))
    pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', asked.content.decode())
    sent = {name: value for name, value in pairs if name != "csrfmiddlewaretoken"}

    answer = alice.post(f"/interrupts/{dear.id}/decision/", {**sent, "confirmed": "edit"})

    assert answer.status_code == 303
    assert Decision.objects.get().answer["arguments"]["content"] == "Dear Marta,\n40 €."
    assert Decision.objects.get().note == "Mind."


def test_a_decision_is_taken_back_while_the_worker_waits(alice: Client, submitted: Thread, cast: Cast) -> None:
    Policy.objects.update(undo_seconds=30)
    work_off(submitted)
    question = open_question(submitted)
    decided = alice.get(post(alice, question, verdict="approve")["Location"])
    bob = Client()
    bob.force_login(cast.bob)

    assert f'action="/interrupts/{question.id}/undo/"' in decided.content.decode()
    assert bob.post(f"/interrupts/{question.id}/undo/").status_code == 403
    answer = alice.post(f"/interrupts/{question.id}/undo/", {"next": "/queue/"})
    assert answer["Location"] == f"/queue/?selected={open_question(submitted).id}"
    assert alice.post(f"/interrupts/{question.id}/undo/").status_code == 409


def test_two_must_approve_and_the_first_is_told_so(alice: Client, submitted: Thread, cast: Cast) -> None:
    Policy.objects.update(votes_needed=2)
    work_off(submitted)
    question = open_question(submitted)

    told = words(alice.get(post(alice, question, verdict="approve")["Location"]))

    assert "counts: 1 of 2." in told
    assert "You have voted on this already." in told
    assert "1 of 2 approvals." in told
    assert 'name="verdict" value="edit"' not in alice.get(f"/t/{submitted.id}/?edit=1").content.decode()


def test_the_page_in_front_of_another_reviewer_hears_of_it(alice: Client, paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    bob = Client()
    bob.force_login(cast.bob)
    news = f"/t/{paused.id}/news/?seen={question.id},nonsense"

    assert "data-stale" not in bob.get(news).content.decode()
    post(alice, question, verdict="approve")

    assert f'data-stale="{question.id}"' in bob.get(news).content.decode()
    assert "Alice Okafor decided this" in words(bob.get(news))


def test_a_rejected_request_is_not_called_done(alice: Client, paused: Thread) -> None:
    post(alice, open_question(paused), verdict="reject", note="Not our customer.")
    work_off(paused)

    for path in (f"/t/{paused.id}/", "/threads/"):
        html = alice.get(path).content.decode()
        assert re.search(r'class="pill rej">.*?Rejected', html, re.DOTALL)
    assert "Not our customer." in words(alice.get("/decisions/"))


def test_the_state_is_edited_and_resumed(alice: Client, paused: Thread) -> None:
    page = f"/t/{paused.id}/state/"
    html = alice.get(page).content.decode()
    seen = re.search(r'name="seen_checkpoint" value="([^"]+)"', html)
    assert seen is not None
    typed = {"seen_checkpoint": seen[1], "state.processed_content.content": "Written by hand."}

    assert "Store this edit?" in words(alice.post(page, typed))
    typed["confirmed"] = "1"
    assert "Say why" in words(alice.post(page, typed))
    assert "Nothing was changed." in words(alice.post(page, {"seen_checkpoint": seen[1], "reason": "No reason."}))
    stale = alice.post(page, {**typed, "seen_checkpoint": "1", "reason": "Keep <this>."})
    assert stale.status_code == 422
    assert "Keep &lt;this&gt;." in stale.content.decode()
    assert "Written by hand." in stale.content.decode()
    assert alice.post(page, {**typed, "reason": "The draft missed the point."}).status_code == 303
    assert Run.objects.live().get().payload["values"].keys() == {"processed_content"}
    work_off(paused)
    assert "Nothing is asked just now" in words(alice.get(f"/t/{paused.id}/"))
    assert "The draft missed the point." in words(alice.get(f"/t/{paused.id}/history/"))
    assert alice.post(f"/t/{paused.id}/runs/", {"reason": "Go on."}).status_code == 303
    work_off(paused)
    assert open_question(paused).value["arguments"]["content"] == "Written by hand."


def test_stop_carry_on_and_messages_answer_in_words(alice: Client, paused: Thread, cast: Cast) -> None:
    rita = Client()
    rita.force_login(cast.rita)

    assert "A question is still open." in words(alice.post(f"/t/{paused.id}/runs/"))
    assert rita.post(f"/t/{paused.id}/messages/", {"request": "And?"}).status_code == 409
    assert alice.post(f"/t/{paused.id}/cancellation/").status_code == 403
    assert rita.post(f"/t/{paused.id}/cancellation/", {"reason": "Not needed."}).status_code == 303
    paused.refresh_from_db()
    assert paused.status == ThreadStatus.CANCELLED
    assert Event.objects.get(kind=EventKind.STOP_REQUESTED).data["reason"] == "Not needed."
    assert rita.get(f"/t/{paused.id}/cancellation/")["Location"] == "/"


def test_a_finished_thread_takes_another_message_from_its_requester(alice: Client, paused: Thread, cast: Cast) -> None:
    post(alice, open_question(paused), verdict="approve")
    work_off(paused)
    rita = Client()
    rita.force_login(cast.rita)

    assert "Send another message" in words(rita.get(f"/t/{paused.id}/"))
    assert "Send another message" not in words(alice.get(f"/t/{paused.id}/"))
    assert rita.post(f"/t/{paused.id}/messages/", {"request": " "}).status_code == 422
    assert rita.post(f"/t/{paused.id}/messages/", {"request": "And the shipping?"}).status_code == 303
    paused.refresh_from_db()
    assert paused.status == ThreadStatus.QUEUED


def test_a_question_with_a_shape_of_its_own_is_answered_in_a_form(alice: Client, submitted: Thread) -> None:
    schema = {
        "type": "object",
        "properties": {"carrier": {"enum": ["north", "south"]}, "days": {"type": "integer", "maximum": 9}},
        "required": ["carrier", "days"],
    }
    question = ask(submitted, schema=schema)
    rest(submitted)

    assert 'name="value.days"' in alice.get(f"/t/{submitted.id}/").content.decode()
    wrong = post(alice, question, verdict="respond", **{"value.carrier": "north", "value.days": "10"})
    assert wrong.status_code == 422
    assert "days: must be 9 or less" in words(wrong).lower()
    assert post(alice, question, verdict="respond", **{"value.carrier": "north", "value.days": "3"}).status_code == 303
    assert Decision.objects.get().answer == {"carrier": "north", "days": 3}


def test_several_questions_have_a_form_each_and_the_worker_waits_for_all(alice: Client, submitted: Thread) -> None:
    first, second = ask(submitted, 1), ask(submitted, 2)
    rest(submitted)
    html = alice.get(f"/t/{submitted.id}/").content.decode()

    assert all(f'id="decide-{question.id}"' in html for question in (first, second))
    told = words(alice.get(post(alice, second, verdict="approve")["Location"]))
    assert "The worker carries on when the other questions are decided, too." in told


def test_a_question_without_a_shape_is_answered_in_words(alice: Client, submitted: Thread) -> None:
    question = ask(submitted, 1)
    rest(submitted)

    assert "Not bound" in words(alice.get(f"/t/{submitted.id}/"))
    post(alice, question, verdict="respond", note="Next week.")
    assert Decision.objects.get().answer == "Next week."


def test_nobody_is_given_fields_they_may_not_send(alice: Client, paused: Thread, cast: Cast) -> None:
    rita = Client()
    rita.force_login(cast.rita)

    assert 'name="arguments.content"' in alice.get(f"/t/{paused.id}/?edit=1").content.decode()
    assert 'name="arguments.content"' not in rita.get(f"/t/{paused.id}/?edit=1").content.decode()
