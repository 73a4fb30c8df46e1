"""Working the queue in a real browser: claim, take over, snooze, talk, be told, stand in; by keys, without barriers."""

import re
from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page, expect

from approvals import delegations, queueing
from approvals.models import Comment, Delegation, Draft, Interrupt, Notice, NoticeKind, Snooze, Thread
from tests.browser import OpenPageFor, Visitor
from tests.conftest import PASSWORD, Cast, open_question
from tests.queue_desk import fresh
from tests.test_pages_live import RULES, SOON

SETTLED = 500  # milliseconds after which keys count on a page that was just drawn


@pytest.fixture
def question(paused: Thread) -> Interrupt:
    return open_question(paused)


def visit(page_for: OpenPageFor, name: str, path: str) -> Visitor:
    visitor = page_for(name, password=PASSWORD, path=path)
    visitor.page.set_viewport_size({"width": 1440, "height": 900})
    visitor.page.reload()
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible(timeout=SOON)
    visitor.page.wait_for_timeout(SETTLED)
    return visitor


def test_claim_take_over_snooze_talk_and_stand_in(page_for: OpenPageFor, cast: Cast, question: Interrupt) -> None:
    alice, bob = visit(page_for, "alice", "/queue/"), visit(page_for, "bob", f"/t/{question.thread_id}/")

    alice.page.keyboard.press("i")
    expect(alice.page.locator(".work .who")).to_contain_text("Yours until", timeout=SOON)
    expect(bob.page.locator(".work .who")).to_contain_text("Alice Okafor has claimed this", timeout=SOON)
    bob.page.get_by_role("button", name="Take over").click()
    expect(bob.page.locator(".work .who")).to_contain_text("Yours until", timeout=SOON)
    expect(alice.page.locator("[data-row]")).to_have_count(0, timeout=SOON)
    expect(alice.page.locator("#notices-badge")).to_have_text(re.compile("^1"), timeout=SOON)

    bob.page.wait_for_timeout(SETTLED)
    bob.page.keyboard.press("h")
    bob.page.get_by_role("button", name="Until something changes").click()
    expect(bob.page.locator(".work .who")).to_contain_text("Snoozed until something changes", timeout=SOON)
    assert fresh(question).claimed_by is None

    alice.page.goto(f"/t/{question.thread_id}/")
    alice.page.get_by_placeholder("Comment; @name tells somebody").fill("@bob, is the amount right?")
    alice.page.get_by_role("button", name="Comment", exact=True).click()
    expect(alice.page.locator(".talk")).to_contain_text("told Bob Meyer", timeout=SOON)
    expect(bob.page.locator(".work .who")).to_contain_text("Returned: commented by Alice Okafor", timeout=SOON)
    expect(bob.page.locator(".talk")).to_contain_text("is the amount right?", timeout=SOON)

    bob.page.goto("/notices/")
    expect(bob.page.locator(".unread")).to_have_count(1)
    bob.page.get_by_role("button", name=re.compile("^Mark as read")).click()
    expect(bob.page.locator(".unread")).to_have_count(0)

    bob.page.goto("/me/delegations/")
    bob.page.get_by_label("Who").fill("mallory")
    bob.page.get_by_label("Until").fill((timezone.localtime() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M"))
    bob.page.get_by_role("button", name="Let them stand in").click()
    expect(bob.page.get_by_text("In force now")).to_be_visible()
    assert Delegation.objects.get().taker == cast.mallory
    assert alice.complaints == bob.complaints == []


def test_keys_claim_and_assign_the_question_on_screen_and_never_while_typing(
    page_for: OpenPageFor, question: Interrupt
) -> None:
    page = visit(page_for, "alice", f"/t/{question.thread_id}/").page

    page.get_by_label("Note for the record").press_sequentially("him")
    page.wait_for_timeout(300)
    assert fresh(question).claimed_by is None
    page.get_by_label("Note for the record").blur()
    page.keyboard.press("i")
    expect(page.locator(".work .who")).to_contain_text("Yours until", timeout=SOON)
    expect(page.get_by_label("Note for the record")).to_have_value("him")
    page.wait_for_timeout(SETTLED)
    page.keyboard.press("m")
    page.get_by_label("To", exact=True).select_option("bob")
    page.get_by_role("button", name="Assign it").click()
    expect(page.locator(".work .who")).to_contain_text("Bob Meyer has claimed this", timeout=SOON)
    assert Notice.objects.get(kind=NoticeKind.ASSIGNED).person.username == "bob"


def test_holding_a_key_claims_once(page_for: OpenPageFor, question: Interrupt) -> None:
    page = visit(page_for, "alice", "/queue/").page

    for _ in range(40):
        page.keyboard.down("i")
        page.wait_for_timeout(40)
    page.keyboard.up("i")

    expect(page.locator(".work .who")).to_contain_text("Yours until", timeout=SOON)


def test_what_is_typed_is_kept_and_there_again_elsewhere(page_for: OpenPageFor, question: Interrupt) -> None:
    first = visit(page_for, "alice", f"/t/{question.thread_id}/").page
    first.get_by_label("Note for the record").press_sequentially("The order is a duplicate")
    expect(first.get_by_label("Note for the record")).to_have_value("The order is a duplicate")
    first.wait_for_timeout(2_800)
    assert Draft.objects.get().query.startswith("note=The+order")

    second = visit(page_for, "alice", "/queue/").page
    expect(second.get_by_label("Note for the record")).to_have_value("The order is a duplicate")
    second.get_by_role("button", name="Discard draft").click()
    expect(second.get_by_label("Note for the record")).to_have_value("")
    assert not Draft.objects.exists()


def test_a_snoozed_question_comes_back_on_an_open_page(page_for: OpenPageFor, cast: Cast, question: Interrupt) -> None:
    page = visit(page_for, "alice", "/queue/").page
    queueing.snooze(cast.alice, question.id, until=timezone.now() + timedelta(seconds=10))
    expect(page.locator("[data-row]")).to_have_count(0, timeout=SOON)

    expect(page.locator("[data-row]")).to_have_count(1, timeout=2 * SOON)
    expect(page.get_by_text("Returned: the time you chose has come").first).to_be_visible()


@pytest.fixture
def furnished(cast: Cast, question: Interrupt) -> Interrupt:
    """Something of everything on its pages."""
    delegations.give(cast.alice, cast.mallory, ends_at=timezone.now() + timedelta(days=3), reason="On leave")
    queueing.claim(cast.bob, question.id)
    queueing.take_over(cast.alice, question.id)
    said = {"author": cast.bob, "author_name": "Bob Meyer", "told": ["Alice Okafor"]}
    Comment.objects.create(thread=question.thread, text="@alice, is the amount right?\nIt reads high.", **said)
    Notice.tell([cast.alice], NoticeKind.MENTIONED, question.thread, by=cast.bob)
    Draft.objects.create(person=cast.alice, interrupt=question, query="note=Hm")
    return question


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_of_it_has_a_barrier_that_axe_knows(
    page_for: OpenPageFor, cast: Cast, furnished: Interrupt, scheme: str
) -> None:
    visitor = page_for("alice", password=PASSWORD, path="/queue/")
    page, thread = visitor.page, f"/t/{furnished.thread_id}/"
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    for path in ("/queue/", "/queue/?split=claimed", thread, f"/interrupts/{furnished.id}/assignment/", "/notices/",
                 "/me/delegations/", f"{thread}comments/?all=1"):  # fmt: skip
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 1400})
            page.goto(path)
            _open_menus(page)
            page.wait_for_timeout(200)
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(path, width, violation["id"]) for violation in found] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
    assert visitor.complaints == []
    assert not Snooze.objects.exists()


def _open_menus(page: Page) -> None:
    page.evaluate("document.querySelectorAll('.work details').forEach((menu) => { menu.open = true })")
