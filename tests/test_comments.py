"""Comments, mentions, watching and notices: who is told of what, and who never is."""

import hashlib
import re

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.test import Client

from approvals import comments, threads, watching
from approvals.models import Comment, Event, EventKind, Interrupt, Notice, NoticeKind, Thread, Watch
from approvals.policies import NotAllowed
from tests.conftest import Cast, open_question, work_off
from tests.queue_desk import decide, signed_in


def told(kind: NoticeKind) -> list[str]:
    return sorted(Notice.objects.filter(kind=kind).values_list("person__username", flat=True))


def test_only_who_may_see_the_thread_is_told_and_the_page_says_who_was(
    cast: Cast, alice: Client, question: Interrupt
) -> None:
    page = f"/t/{question.thread_id}/"

    answer = alice.post(f"{page}comments/", {"text": "@bob, ask @mallory or @nobody. @alice", "key": "k"})

    assert answer.status_code == 303
    assert told(NoticeKind.MENTIONED) == ["bob"]
    assert told(NoticeKind.COMMENTED) == ["rita"]
    html = alice.get(page).content.decode()
    assert "Told: Bob Meyer." in html
    assert "Nobody who may see this is called @mallory, @nobody, so they were not told." in html
    assert "told Bob Meyer" in html
    assert alice.post(f"{page}comments/", {"text": "@bob, ask @mallory or @nobody. @alice", "key": "k"})
    assert Comment.objects.count() == 1


def test_a_comment_is_shown_as_the_text_it_is(cast: Cast, alice: Client, question: Interrupt) -> None:
    comments.comment(cast.rita, question.thread_id, "<script>alert(1)</script>\r\nsecond \u202eline")

    html = alice.get(f"/t/{question.thread_id}/").content.decode()

    assert "&lt;script&gt;alert(1)&lt;/script&gt;\nsecond " in html
    assert "\u202e" not in html


@pytest.mark.parametrize("text", ["", " \n ", "x" * 4_001, "nul\0"])
def test_what_is_no_comment_is_refused_and_not_lost(alice: Client, question: Interrupt, text: str) -> None:
    answer = alice.post(f"/t/{question.thread_id}/comments/", {"text": text})

    assert answer.status_code == 422
    assert "Write between 1 and 4,000 ordinary characters." in answer.content.decode()
    assert "x" * 4_001 in answer.content.decode() or len(text) < 4_001
    assert not Comment.objects.exists()


def test_strangers_neither_read_nor_write(cast: Cast, question: Interrupt) -> None:
    mallory = signed_in(cast.mallory)

    for address in ("comments/", "watch/"):
        assert mallory.post(f"/t/{question.thread_id}/{address}", {"text": "Hello"}).status_code == 404
    assert mallory.get(f"/t/{question.thread_id}/comments/").status_code == 404
    with pytest.raises(NotAllowed):
        comments.comment(cast.mallory, question.thread_id, "Hello")
    with pytest.raises(NotAllowed):
        watching.watch(cast.mallory, question.thread_id)


def test_the_record_holds_the_digest_and_the_row_never_changes(cast: Cast, question: Interrupt) -> None:
    said = comments.comment(cast.alice, question.thread_id, "Fine by me.").comment

    line = Event.objects.get(kind=EventKind.COMMENT_MADE)
    assert line.data["comment"] == str(said.id)
    assert line.data["text_sha256"] == hashlib.sha256(b"Fine by me.").hexdigest()
    assert "Fine" not in str(line.data)
    for statement in ("UPDATE approvals_comment SET text = 'x'", "DELETE FROM approvals_comment"):
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert Comment.objects.get().text == "Fine by me."


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@bob.", ["bob"]),
        ("(@bob) @bob, @bob-", ["bob"]),
        ("mail bob@example.org", []),
        ("@a.b+c@d", ["a.b+c@d"]),
        ("@@bob @", ["@bob"]),
        (" ".join(f"@p{number}" for number in range(30)), [f"p{number}" for number in range(20)]),
    ],
)
def test_mentions_are_names_after_an_at_sign(text: str, names: list[str]) -> None:
    assert comments.mentions_in(text) == names


def test_watchers_are_told_of_decisions_ends_and_failures_but_not_of_their_own(cast: Cast, paused: Thread) -> None:
    question = open_question(paused)
    for person in (cast.alice, cast.bob, cast.oscar):
        watching.watch(person, paused.id)
    watching.unwatch(cast.oscar, paused.id)

    assert decide(signed_in(cast.bob), question, verdict="approve").status_code == 200
    assert told(NoticeKind.CHANGED) == ["alice"]
    work_off(paused)

    paused.refresh_from_db()
    assert paused.status == "done"
    assert told(NoticeKind.CHANGED) == ["alice", "alice", "bob"]


def test_who_may_not_see_it_any_more_is_not_told(cast: Cast, question: Interrupt) -> None:
    watching.watch(cast.bob, question.thread_id)
    cast.bob.groups.clear()

    threads.stop(cast.rita, question.thread_id)

    assert told(NoticeKind.CHANGED) == []


def test_the_form_watches_and_stops_watching(cast: Cast, alice: Client, question: Interrupt) -> None:
    address = f"/t/{question.thread_id}/watch/"

    assert alice.post(address).status_code == 303
    assert alice.post(address).status_code == 303
    assert Watch.objects.get().person == cast.alice
    assert "Stop watching" in alice.get(f"/t/{question.thread_id}/").content.decode()
    alice.post(address, {"end": "1"})
    assert not Watch.objects.exists()


def unread(client: Client) -> int:
    found = re.search(r'id="notices-badge"[^>]*><span>(\d+)<', client.get("/notices/").content.decode())
    return int(found[1]) if found else 0


def notice(person: User, thread: Thread) -> Notice:
    Notice.tell([person], NoticeKind.MENTIONED, thread)
    return Notice.objects.filter(person=person).latest("id")


def test_reading_the_page_marks_nothing_as_read(cast: Cast, alice: Client, question: Interrupt) -> None:
    first, second = notice(cast.alice, question.thread), notice(cast.alice, question.thread)
    theirs = notice(cast.bob, question.thread)

    for _ in range(2):
        html = alice.get("/notices/").content.decode()
        assert unread(alice) == 2
    assert re.findall(r'data-row="(\d+)"', html) == [str(second.id), str(first.id)]

    alice.post("/notices/", {"one": str(first.id)})
    assert unread(alice) == 1
    alice.post("/notices/", {"one": str(theirs.id)})
    late = notice(cast.alice, question.thread)
    alice.post("/notices/", {"newest": str(second.id)})
    assert list(Notice.objects.unread().values_list("id", flat=True)) == [theirs.id, late.id]
    for nonsense in ("", "x", "-1", "9" * 30):
        assert alice.post("/notices/", {"one": nonsense, "newest": nonsense}).status_code == 303


def test_a_notice_is_gone_with_the_right_to_see_what_it_is_about(
    cast: Cast, alice: Client, question: Interrupt
) -> None:
    notice(cast.alice, question.thread)
    cast.alice.groups.clear()

    assert question.thread.title not in alice.get("/notices/").content.decode()
    assert unread(alice) == 0
