"""Pages: who gets in, what they show, and that nothing on them comes from strangers unescaped."""

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from approvals import threads
from approvals.models import Thread, ThreadStatus
from approvals.views import doors
from approvals.views import threads as thread_views
from tests.asked import ask
from tests.conftest import REQUEST, Cast, open_question, work_off

VENDOR = Path(__file__).resolve().parent.parent / "static" / "vendor"
LISTS = ("/queue/", "/requests/", "/threads/", "/failed/", "/decisions/", "/policies/", "/new/", "/me/")
OF_A_THREAD = ("", "news/", "history/", "state/")
SignIn = Callable[[User], Client]


@pytest.fixture
def as_(client: Client) -> SignIn:
    def sign_in(person: User) -> Client:
        client.force_login(person)
        return client

    return sign_in


def rows(html: str) -> list[str]:
    return re.findall(r'data-row="([^"]+)"', html)


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_who_is_not_signed_in_is_sent_to_the_sign_in_page_and_back(client: Client, submitted: Thread) -> None:
    for path in (*LISTS, *(f"/t/{submitted.id}/{part}" for part in OF_A_THREAD)):
        answer = client.get(path)
        assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={path}")


def test_a_stranger_is_told_that_there_is_nothing(as_: SignIn, cast: Cast, paused: Thread) -> None:
    client = as_(cast.mallory)
    decide = f"/interrupts/{open_question(paused).id}/decision/"

    for part in OF_A_THREAD:
        assert client.get(f"/t/{paused.id}/{part}").status_code == 404
    for path in (decide, f"/t/{paused.id}/runs/", f"/t/{paused.id}/cancellation/", f"/t/{paused.id}/messages/"):
        assert client.post(path, {"verdict": "approve"}).status_code == 404
    assert str(paused.id) not in text(client, "/threads/")
    assert client.get("/queue/").status_code == 403


def test_nothing_is_kept_by_the_browser_and_everything_has_the_strict_policy(
    as_: SignIn, cast: Cast, paused: Thread
) -> None:
    client = as_(cast.alice)

    for path in (*LISTS, *(f"/t/{paused.id}/{part}" for part in OF_A_THREAD)):
        answer = client.get(path)
        html = answer.content.decode()
        assert answer.status_code == 200, path
        assert "no-store" in answer["Cache-Control"]
        assert "script-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]
        assert not re.search(r"<[^>]+\s(style|on\w+|hx-on[^=]*)=", html), path
        assert not re.search(r"<script(?![^>]*\ssrc=)|<style", html), path


def test_home_is_the_queue_for_reviewers_and_their_requests_for_others(as_: SignIn, cast: Cast) -> None:
    assert as_(cast.alice).get("/")["Location"] == "/queue/"
    assert as_(cast.rita).get("/")["Location"] == "/requests/"


def test_sending_a_request_twice_makes_one(as_: SignIn, cast: Cast) -> None:
    client = as_(cast.rita)
    form = {"request": REQUEST, "key": "one-form"}

    first, second = client.post("/new/prompt_chain/", form), client.post("/new/prompt_chain/", form)

    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"] == f"/t/{Thread.objects.get().id}/"
    assert client.post("/new/prompt_chain/", {**form, "request": "Another."}).status_code == 409


def test_a_form_that_does_not_fit_keeps_what_was_typed(as_: SignIn, cast: Cast) -> None:
    answer = as_(cast.rita).post("/new/prompt_chain/", {"request": "<b>x" * 2_000, "key": "k"})

    assert answer.status_code == 422
    assert "&lt;b&gt;x&lt;b&gt;x" in answer.content.decode()
    assert 'value="k"' in answer.content.decode()
    assert not Thread.objects.exists()


def test_only_requesters_may_send(as_: SignIn, cast: Cast) -> None:
    client = as_(cast.bob)

    assert client.get("/new/prompt_chain/").status_code == 403
    assert client.post("/new/prompt_chain/", {"request": REQUEST}).status_code == 403
    assert as_(cast.rita).get("/new/unknown/").status_code == 404


def test_the_badge_the_tab_and_the_list_count_the_same(as_: SignIn, cast: Cast, submitted: Thread) -> None:
    cast.alice.groups.add(Group.objects.get(name="requesters"))
    own = threads.submit(cast.alice, "prompt_chain", {"request": REQUEST})
    voted = ask(submitted, 0)
    voted.votes.create(
        payload_sha256=voted.payload_sha256,
        seen_checkpoint_id="1",
        verdict="approve",
        reviewer=cast.bob,
        reviewer_name="Bob",
    )
    for number in range(1, 4):
        ask(submitted, number)
    ask(own, 4)

    for person, waiting in ((cast.alice, 4), (cast.bob, 4), (cast.oscar, 0)):
        html = text(as_(person), "/queue/")
        badge = re.search(r"data-count>(\d+)<", html)
        tab = re.search(r"For me <span>(\d+)</span>", html)
        others = re.search(r"Waiting on others <span>(\d+)</span>", html)
        assert len(rows(html)) == waiting
        assert (int(badge[1]) if badge else 0) == waiting
        assert tab is not None
        assert int(tab[1]) == waiting
        assert others is not None
        assert int(others[1]) == 5 - waiting


def test_waiting_on_others_says_why(as_: SignIn, cast: Cast, submitted: Thread) -> None:
    ask(submitted, 1)

    html = text(as_(cast.oscar), "/queue/?split=others")

    assert "Only members of reviewers may decide this." in html
    assert "data-approve" not in html


def test_the_queue_goes_on_where_the_page_ended(as_: SignIn, cast: Cast, submitted: Thread) -> None:
    asked = [str(ask(submitted, number).id) for number in range(31)]
    client = as_(cast.alice)

    first = text(client, "/queue/")
    following = re.search(r'href="(\?after=[^"]+)">Next page', first)
    assert following is not None
    ask(submitted, 31)
    second = text(client, f"/queue/{following[1]}")

    assert rows(first) == asked[:30]
    assert rows(second)[0] == asked[30]
    assert len(rows(second)) == 2
    assert rows(text(client, "/queue/?after=nonsense")) == asked[:30]


def test_filters_narrow_the_list_and_stay_in_its_address(as_: SignIn, cast: Cast, submitted: Thread) -> None:
    ask(submitted, 1, title="Pay Kestrel")
    ask(submitted, 2, title="Write to Halden")
    client = as_(cast.alice)

    html = text(client, "/queue/?q=kestrel")
    assert len(rows(html)) == 1
    assert "q=kestrel&amp;selected=" in html
    assert "No match for “zzz”" in text(client, "/queue/?q=zzz")
    assert len(rows(text(client, "/queue/?chain=other"))) == 0
    assert len(rows(text(client, f"/threads/?status={ThreadStatus.DONE}"))) == 0
    assert len(rows(text(client, "/threads/?q=rita"))) == 1


def test_the_selected_question_is_shown_in_full_and_leads_to_the_next(
    as_: SignIn, cast: Cast, submitted: Thread
) -> None:
    first, second, third = (ask(submitted, number) for number in range(3))
    client = as_(cast.alice)

    html = text(client, f"/queue/?selected={second.id}")

    assert f'data-selected="{second.id}"' in html
    assert f'name="seen_sha256" value="{second.payload_sha256}"' in html
    assert f'name="next" value="/queue/?selected={third.id}"' in html
    assert f'data-selected="{first.id}"' in text(client, f"/queue/?selected={uuid.uuid4()}")


def test_what_a_stranger_wrote_is_text_and_hides_nothing(as_: SignIn, cast: Cast, submitted: Thread) -> None:
    title = "Pay <script>alert(1)</script>\u202e0001 to\u200b me\u0007"
    ask(submitted, 1, title=title, deep={"a\u2066b": ["<img src=x onerror=alert(2)>"]}, hx='" hx-get="/x')

    for path in ("/queue/", f"/t/{submitted.id}/", f"/t/{submitted.id}/?tab=raw"):
        html = text(as_(cast.alice), path)
        assert "<script>alert" not in html
        assert "<img" not in html
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert all(mark in html for mark in ("⟨U+202E⟩", "⟨U+200B⟩", "⟨U+0007⟩", "⟨U+2066⟩"))
        assert not any(letter in html for letter in "\u202e\u200b\u2066\u0007")
        assert ' hx-get="/x' not in html


def test_numbers_are_shown_as_they_were_sent(as_: SignIn, cast: Cast, submitted: Thread) -> None:
    ask(submitted, 1, big=12345678901234567890123, ratio=0.30000000000000004, whole=1.0, nothing=None, yes=True)

    html = text(as_(cast.alice), f"/t/{submitted.id}/")

    for shown in ("12345678901234567890123", "0.30000000000000004", ">1.0<", ">null<", ">true<"):
        assert shown in html


def test_the_page_follows_the_thread(as_: SignIn, cast: Cast, submitted: Thread) -> None:
    client = as_(cast.alice)
    page = f"/t/{submitted.id}/"

    assert "Waiting for a worker" in text(client, page)
    work_off(submitted)
    assert "Proposed action" in text(client, page)
    assert "You asked for this, so somebody else must decide it." in text(as_(cast.rita), page)
    assert "data-approve" not in text(as_(cast.rita), page)


def test_each_evidence_tab_can_be_asked_for(as_: SignIn, cast: Cast, paused: Thread) -> None:
    client = as_(cast.alice)
    question = open_question(paused)

    assert "State changes" in text(client, f"/t/{paused.id}/")
    assert "Rita Sen" in text(client, f"/t/{paused.id}/?tab=messages")
    assert "step_metadata" in text(client, f"/t/{paused.id}/?tab=state")
    assert question.payload_sha256 in text(client, f"/t/{paused.id}/?tab=raw")


def test_the_history_shows_the_state_at_a_step(as_: SignIn, cast: Cast, paused: Thread) -> None:
    client = as_(cast.alice)

    html = text(client, f"/t/{paused.id}/history/")
    steps = re.findall(r"\?step=([\w-]+)", html)

    assert [name for name in ("process", "analyze") if f">{name}" in html] == ["process", "analyze"]
    assert "processed_content" in text(client, f"/t/{paused.id}/history/?step={steps[0]}")
    assert client.get(f"/t/{paused.id}/history/?step=nonsense").status_code == 200


def test_the_theme_is_kept_in_the_browser(as_: SignIn, cast: Cast) -> None:
    client = as_(cast.alice)

    assert client.post("/me/", {"theme": "dark"}).status_code == 303
    html = text(client, "/me/")

    assert 'data-theme="dark"' in html
    assert 'data-keys="off"' in html
    assert client.post("/me/", {"theme": "<x>"}).status_code == 200


def test_the_vendored_script_is_the_one_that_was_reviewed() -> None:
    for line in (VENDOR / "CHECKSUMS").read_text().splitlines():
        digest, name = line.split()
        found = hashlib.sha384((VENDOR / name).read_bytes()).digest()
        assert digest == f"sha384-{base64.b64encode(found).decode()}"


def test_a_question_that_came_while_its_page_was_put_together_is_shown_as_one_that_waits(
    as_: SignIn, cast: Cast, paused: Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row of the thread was read a moment before its worker had recorded what it asks."""

    def read_before(person: User, thread_id: uuid.UUID) -> Thread:
        found = doors.find_thread(person, thread_id)
        found.status = ThreadStatus.RUNNING
        return found

    monkeypatch.setattr(thread_views, "find_thread", read_before)
    page = text(as_(cast.alice), f"/t/{paused.id}/")

    assert "data-approve" in page
    assert "Needs review" in page
    assert "Working" not in page
