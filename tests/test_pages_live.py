"""Pages in a real browser: they follow what happens, never under a finger, and keys do no harm."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from approvals import decisions, threads
from approvals.ballots import Ballot, Seen
from approvals.models import Decision, Interrupt, Thread, Verdict
from tests.asked import ask, rest
from tests.browser import OpenPageFor, Visitor
from tests.conftest import PASSWORD, REQUEST, Cast, open_question, work_off

SOON = 15_000  # milliseconds a live page may take to follow
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


@pytest.fixture
def waiting(cast: Cast) -> list[Interrupt]:
    """Questions of six requests, in the order of the queue."""
    return [_one_more(cast, number) for number in range(6)]


def _one_more(cast: Cast, number: int) -> Interrupt:
    thread = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    question = ask(thread, number)
    rest(thread)
    return question


@pytest.fixture
def alice(page_for: OpenPageFor, cast: Cast, waiting: list[Interrupt]) -> Visitor:
    visitor = page_for("alice", password=PASSWORD, path="/queue/")
    visitor.page.set_viewport_size({"width": 1440, "height": 900})
    visitor.page.reload()
    expect(visitor.page.get_by_text("Live", exact=True)).to_be_visible(timeout=SOON)
    return visitor


def approve(cast: Cast, question: Interrupt) -> None:
    seen = Seen(question.interrupt_id, question.checkpoint_id, question.payload_sha256)
    decisions.decide(cast.bob, question.id, Ballot(Verdict.APPROVE, seen))


def rows(page: Page) -> int:
    return page.locator("[data-row]").count()


def test_holding_the_approve_key_decides_one_at_most(alice: Visitor) -> None:
    alice.page.wait_for_timeout(500)
    for _ in range(60):
        alice.page.keyboard.down("a")
        alice.page.wait_for_timeout(50)
    alice.page.keyboard.up("a")

    assert Decision.objects.count() == 1
    expect(alice.page.locator("[data-row]")).to_have_count(5)
    assert alice.complaints == []


def test_a_key_right_after_another_question_came_up_decides_nothing(alice: Visitor, waiting: list[Interrupt]) -> None:
    alice.page.wait_for_timeout(500)
    alice.page.keyboard.press("j")
    alice.page.locator(f".pane[data-selected='{waiting[1].id}']").wait_for()
    alice.page.keyboard.press("a")
    alice.page.wait_for_timeout(300)

    assert not Decision.objects.exists()
    assert alice.page.locator("[data-row]").nth(1).get_attribute("aria-current") == "true"


def test_typing_is_never_a_decision(alice: Visitor) -> None:
    alice.page.wait_for_timeout(500)
    alice.page.get_by_label("Note for the record").press_sequentially("a fair review, extra")
    alice.page.keyboard.press("Enter")
    alice.page.wait_for_timeout(300)

    assert not Decision.objects.exists()


def test_a_row_arrives_by_itself_but_never_under_the_pointer(alice: Visitor, cast: Cast) -> None:
    threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    work_off(Thread.objects.order_by("-created_at")[0])
    expect(alice.page.locator("[data-row]")).to_have_count(7, timeout=SOON)
    expect(alice.page).to_have_title(re.compile(r"^\(7\)"))

    alice.page.locator("[data-row]").first.hover()
    threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    work_off(Thread.objects.order_by("-created_at")[0])

    before = alice.page.locator("[data-row]").first.bounding_box()
    expect(alice.page.get_by_role("button", name="1 new")).to_be_visible(timeout=SOON)
    assert rows(alice.page) == 7
    assert alice.page.locator("[data-row]").first.bounding_box() == before
    alice.page.keyboard.press("n")
    expect(alice.page.locator("[data-row]")).to_have_count(8, timeout=SOON)


def test_a_decision_of_another_closes_the_form_and_keeps_the_note(
    page_for: OpenPageFor, cast: Cast, paused: Thread
) -> None:
    page = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/").page
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=SOON)
    page.get_by_label("Note for the record").fill("Half a thought")

    approve(cast, open_question(paused))

    expect(page.locator("#news")).to_contain_text("Bob Meyer decided this", timeout=SOON)
    expect(page.get_by_role("button", name="Approve")).to_be_disabled()
    expect(page.get_by_label("Note for the record")).to_have_value("Half a thought")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier_that_axe_knows(page_for: OpenPageFor, cast: Cast, paused: Thread, scheme: str) -> None:
    visitor = page_for("alice", password=PASSWORD, path="/queue/")
    page, thread = visitor.page, f"/t/{paused.id}/"
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    for path in ("/queue/", "/threads/", "/decisions/", "/me/", thread, f"{thread}?edit=1", f"{thread}history/",
                 f"{thread}state/", "/nowhere/"):  # fmt: skip
        for width in (1440, 320):
            page.set_viewport_size({"width": width, "height": 1400})
            page.goto(path)
            page.wait_for_timeout(200)
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(path, width, violation["id"]) for violation in found] == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, width)
    assert [text for text in visitor.complaints if "404" not in text] == []
