"""The pages of the record: exactly what was seen, who looked, what was decided. Looking changes nothing."""

import re
from datetime import timedelta
from hashlib import sha256
from html import unescape as html_of

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from playwright.sync_api import expect

from approvals import decisions
from approvals.models import Event, EventKind, Interrupt, Thread, Verdict
from approvals.viewing import record_view
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast, open_question
from tests.record_desk import findings, pause
from tests.tampering import without_rules
from tests.test_main_job import ballot
from tests.waiting import eventually

pytestmark = pytest.mark.django_db
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


def text(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def rows(html: str) -> int:
    return len(re.findall(r'data-row="', html))


def database() -> str:
    """A digest of every row of every table but the sessions."""
    found = sha256()
    with connection.cursor() as cursor:
        for table in sorted(set(connection.introspection.table_names()) - {"django_session"}):
            cursor.execute(
                f"SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM \"{table}\" t"
            )
            found.update(f"{table} {cursor.fetchone()[0]}".encode())
    return found.hexdigest()


def decided(cast: Cast, verdict: Verdict = Verdict.APPROVE, **words: str) -> Interrupt:
    _, question = pause(cast)
    decisions.decide(cast.alice, question.id, ballot(question, verdict, **words))
    return question


def test_what_was_seen_is_shown_byte_for_byte_with_its_hash(client: Client, cast: Cast) -> None:
    question = decided(cast, note="Good <b>enough</b>.")
    client.force_login(cast.bob)

    html = text(client, f"/decisions/{question.id}/")

    shown = re.search(r'aria-label="Stored bytes" hx-ignore>(.*?)</pre>', html, re.DOTALL)
    assert shown is not None
    assert html_of(shown[1]) == bytes(question.payload).decode()
    for said in (question.payload_sha256, question.checkpoint_id, "Alice Okafor", "Good &lt;b&gt;enough", "Default"):
        assert said in html
    assert "It is the one that every vote" in html
    assert client.get(f"/t/{question.thread_id}/").content.decode().count(f"/decisions/{question.id}/") >= 1


def test_bytes_that_are_not_those_that_were_seen_are_shown_as_that(client: Client, cast: Cast) -> None:
    question = decided(cast)
    without_rules()
    Interrupt.objects.filter(id=question.id).update(payload=b'{"title":"Pay 9"}')
    client.force_login(cast.bob)

    html = text(client, f"/decisions/{question.id}/")

    assert "these are not the bytes that people saw" in html
    assert "It is the one that every vote" not in html


def test_who_may_not_see_the_thread_is_told_that_there_is_nothing(client: Client, cast: Cast) -> None:
    question = decided(cast)
    client.force_login(cast.mallory)

    assert client.get(f"/decisions/{question.id}/").status_code == 404
    assert client.post(f"/interrupts/{question.id}/viewed/").status_code == 404
    client.logout()
    assert client.get(f"/decisions/{question.id}/").status_code == 302
    assert not Event.objects.filter(kind=EventKind.INTERRUPT_VIEWED).exists()


def test_a_look_is_recorded_once_for_who_may_decide(client: Client, cast: Cast, paused: Thread) -> None:
    question = open_question(paused)
    for person in (cast.alice, cast.alice, cast.bob, cast.rita, cast.oscar):
        client.force_login(person)
        assert client.post(f"/interrupts/{question.id}/viewed/").status_code == 204
    assert client.get(f"/interrupts/{question.id}/viewed/").status_code == 302

    looks = Event.objects.filter(thread=paused, kind=EventKind.INTERRUPT_VIEWED)
    assert [event.actor_name for event in looks.order_by("seq")] == ["Alice Okafor", "Bob Meyer"]
    assert {event.data["payload_sha256"] for event in looks} == {question.payload_sha256}
    assert findings() == []


def test_the_list_says_how_long_somebody_looked(client: Client, cast: Cast, paused: Thread) -> None:
    question = open_question(paused)
    record_view(cast.alice, question)
    without_rules()
    Event.objects.filter(kind=EventKind.INTERRUPT_VIEWED).update(at=question.created_at - timedelta(seconds=42))
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    decided(cast)
    client.force_login(cast.bob)

    html = text(client, "/decisions/")

    assert re.findall(r"looked ([^<]+)<", html) in (["42 s"], ["43 s"], ["44 s"])


def test_the_list_is_narrowed_by_its_address(client: Client, cast: Cast) -> None:
    first = decided(cast)
    decided(cast, Verdict.REJECT, note="No.")
    client.force_login(cast.bob)
    today = f"{first.created_at:%Y-%m-%d}"

    for query, found in (
        ("", 2), ("?verdict=reject", 1), ("?via=page", 2), ("?via=policy", 0), ("?person=alice", 2), ("?person=bob", 0),
        ("?chain=prompt_chain", 2), ("?chain=other", 0), (f"?thread={first.thread_id}", 1), (f"?from={today}", 2),
        (f"?to={today}&q=marta", 2), ("?from=2999-01-01", 0), ("?to=2001-01-01", 0),
    ):  # fmt: skip
        assert rows(text(client, f"/decisions/{query}")) == found, query
    for nonsense in ("?from=2026-13-01", "?thread=x", "?verdict=withdraw", "?via=%00", "?to=0001-01-01", "?after=x"):
        html = text(client, f"/decisions/{nonsense}")
        assert rows(html) == 2, nonsense
        assert ("narrows nothing" in html) is ("after" not in nonsense), nonsense


def test_the_list_says_when_the_record_was_last_checked(client: Client, cast: Cast) -> None:
    client.force_login(cast.bob)
    assert "Record not checked yet" in text(client, "/decisions/")

    call_command("verify_record")

    assert "Record intact, checked" in text(client, "/decisions/")


def test_looking_changes_nothing_whoever_looks(client: Client, cast: Cast, paused: Thread) -> None:
    question, open_one = decided(cast), open_question(paused)
    paths = ["/decisions/", "/decisions/?person=alice", f"/decisions/{question.id}/", f"/decisions/{open_one.id}/",
             f"/t/{paused.id}/", f"/interrupts/{open_one.id}/viewed/", "/decisions/export/", "/queue/"]  # fmt: skip
    for person in (cast.rita, cast.alice, cast.oscar, cast.mallory, None):
        _be(client, person)
        before = database()
        for path in paths:
            assert client.get(path).status_code in (200, 302, 303, 403, 404), path
            client.head(path)
        assert database() == before, person


def _be(client: Client, person: User | None) -> None:
    if person is None:
        client.logout()
    else:
        client.force_login(person)


def test_a_question_on_screen_for_a_second_was_looked_at(page_for: OpenPageFor, cast: Cast, paused: Thread) -> None:
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/")
    looks = Event.objects.filter(thread=paused, kind=EventKind.INTERRUPT_VIEWED)

    expect(visitor.page.locator("[data-viewed]")).to_be_visible()
    eventually(looks.exists, within=10, what="the look")
    visitor.page.reload()
    visitor.page.wait_for_timeout(1_500)

    assert looks.count() == 1
    assert visitor.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_the_record_has_a_barrier(page_for: OpenPageFor, cast: Cast, paused: Thread, scheme: str) -> None:
    decided(cast)
    question = open_question(paused)
    record_view(cast.bob, question)
    visitor = page_for("oscar", password=PASSWORD, path="/decisions/")
    page = visitor.page
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    for path in ("/decisions/", "/decisions/?from=2026-13-01&person=x", f"/decisions/{question.id}/"):
        for width in (1440, 320):
            page.set_viewport_size({"width": width, "height": 1200})
            page.goto(path)
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(path, width, violation["id"]) for violation in found] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
    assert visitor.complaints == []
