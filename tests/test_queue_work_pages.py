"""The pages and forms of working the queue: who gets in, where they lead, and that looking changes nothing."""

import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals import comments, queueing
from approvals.models import Draft, Interrupt, Notice, NoticeKind
from tests.conftest import Cast
from tests.queue_desk import JSON, fresh, let_claim_lapse, signed_in

LISTS = ("/notices/", "/notices/?split=unread", "/notices/count/", "/me/delegations/", "/queue/?split=snoozed",
         "/queue/?split=claimed", "/queue/?split=others")  # fmt: skip
WRITES = re.compile(r'^(INSERT|UPDATE|DELETE|TRUNCATE)\b(?! INTO "django_session"| "django_session")')


def pages(question: Interrupt) -> list[str]:
    of_question = [f"/interrupts/{question.id}/{part}/" for part in ("strip", "assignment")]
    thread = f"/t/{question.thread_id}/"
    return [*LISTS, *of_question, thread, f"{thread}comments/", f"{thread}comments/?all=1"]


def forms(question: Interrupt) -> list[str]:
    parts = ("claim", "take-over", "return", "snooze", "draft")
    return [*(f"/interrupts/{question.id}/{part}/" for part in parts), f"/t/{question.thread_id}/watch/"]


def test_looking_changes_nothing(cast: Cast, alice: Client, question: Interrupt) -> None:
    queueing.snooze(cast.alice, question.id)
    queueing.claim(cast.bob, question.id)
    comments.comment(cast.bob, question.thread_id, "Hello @alice")
    Draft.objects.create(person=cast.alice, interrupt=question, query="note=x")
    let_claim_lapse(question)

    with CaptureQueriesContext(
        connection,
    ) as asked:
        for path in pages(question):
            assert alice.get(path).status_code == 200, path
            assert alice.head(path).status_code == 200, path
        for path in forms(question):
            assert alice.get(path).status_code == 302, path
            assert alice.head(path).status_code == 302, path

    assert [query["sql"] for query in asked.captured_queries if WRITES.match(query["sql"])] == []
    assert Notice.objects.unread().filter(person=cast.alice).exists()


def test_every_page_keeps_the_strict_policy(alice: Client, question: Interrupt) -> None:
    for path in pages(question):
        answer = alice.get(path)
        html = answer.content.decode()
        assert "no-store" in answer["Cache-Control"]
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert not re.search(r"<[^>]+\s(style|on\w+|hx-on[^=]*)=", html), path
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style", html), path


def test_who_is_not_signed_in_or_may_not_see_it_gets_nothing(client: Client, cast: Cast, question: Interrupt) -> None:
    mallory = signed_in(cast.mallory)

    for path in (*pages(question), *forms(question)):
        assert client.get(path)["Location"].startswith("/accounts/login/"), path
        assert client.post(path)["Location"].startswith("/accounts/login/"), path
    for path in (*(path for path in pages(question) if str(question.id) in path), *forms(question)):
        assert mallory.post(path).status_code in (404, 405), path
    assert fresh(question).claimed_by is None


def test_forms_lead_back_to_where_they_were_and_never_to_another_site(alice: Client, question: Interrupt) -> None:
    claim, give_back = f"/interrupts/{question.id}/claim/", f"/interrupts/{question.id}/return/"

    assert alice.post(claim, {"next": "/queue/?selected=7"})["Location"] == "/queue/?selected=7"
    assert alice.post(give_back, {"next": "https://evil.example/"})["Location"] == f"/t/{question.thread_id}/"
    assert alice.post(give_back).status_code == 403


def test_programs_are_told_in_json(cast: Cast, alice: Client, question: Interrupt) -> None:
    held = alice.post(f"/interrupts/{question.id}/claim/", **JSON).json()
    refused = signed_in(cast.bob).post(f"/interrupts/{question.id}/claim/", **JSON)

    assert held["claimed_by"] == "Alice Okafor"
    assert held["until"] is not None
    assert (refused.status_code, refused.json()["error"]) == (409, "held")


def test_the_queue_and_the_question_say_who_holds_it(cast: Cast, alice: Client, question: Interrupt) -> None:
    queueing.claim(cast.bob, question.id)

    others = alice.get("/queue/?split=others").content.decode()
    assert "Bob Meyer has claimed this. Take it over first." in others
    assert "Take over" in others
    let_claim_lapse(question)
    assert "Nobody has claimed this" in alice.get(f"/t/{question.thread_id}/").content.decode()
    assert "Bob Meyer" not in alice.get("/queue/").content.decode()


def test_the_page_assigns_to_whoever_is_chosen(cast: Cast, alice: Client, question: Interrupt) -> None:
    address = f"/interrupts/{question.id}/assignment/"

    offered = re.findall(r'<option value="(\w+)"', alice.get(address).content.decode())
    assert offered == ["alice", "bob"]
    assert alice.post(address, {"person": "nobody"}).status_code == 422
    assert alice.post(address, {"person": "rita"}).status_code == 422
    assert signed_in(cast.rita).get(address).status_code == 403
    assert alice.post(address, {"person": "bob"}).status_code == 303
    assert fresh(question).claimed_by == cast.bob
    assert Notice.objects.get().kind == NoticeKind.ASSIGNED


def test_of_many_comments_the_newest_are_shown_and_the_rest_is_a_link_away(
    cast: Cast, alice: Client, question: Interrupt
) -> None:
    for number in range(33):
        comments.comment(cast.bob, question.thread_id, f"Comment number {number}.")

    page = alice.get(f"/t/{question.thread_id}/").content.decode()
    assert "Comment number 32." in page
    assert "Comment number 2." not in page
    assert "3 earlier" in page
    assert "Comment number 2." in alice.get(f"/t/{question.thread_id}/comments/?all=1").content.decode()
