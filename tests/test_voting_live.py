"""Two who must approve, and an edit between them, in real browsers: by keys, live, and without a barrier."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from approvals.models import Decision, Edits, Interrupt, Via
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast, open_question
from tests.test_pages_live import RULES, SOON
from tests.test_voting import APPROVE, asked, decide, edit, let_break_glass, reviewer

WIDTHS = (1440, 390)
# Where to leave pictures, for whoever wants to look at them.
PICTURES = os.environ.get("PICTURES", "")


@pytest.fixture
def question(cast: Cast) -> Interrupt:
    reviewer("carol", cast)
    let_break_glass(cast.oscar)
    return asked(cast, votes_needed=3, edits=Edits.SECOND, reject_reasons=["Fraud", "Not ours"], editable=["amount"])


def open_as(page_for: OpenPageFor, name: str, question: Interrupt) -> Page:
    page = page_for(name, password=PASSWORD, path=f"/t/{question.thread_id}/").page
    expect(page.get_by_text("Live", exact=True)).to_be_visible(timeout=SOON)
    page.wait_for_timeout(500)
    return page


def test_a_quorum_with_an_edit_in_between_by_keys(page_for: OpenPageFor, cast: Cast, question: Interrupt) -> None:
    decide(cast.alice, question, APPROVE)
    bob, alice = open_as(page_for, "bob", question), open_as(page_for, "alice", question)

    bob.keyboard.press("e")
    bob.get_by_label("Amount").fill("400")
    bob.get_by_role("button", name="Propose these changes").click()
    expect(bob.locator("[data-toast]")).to_contain_text("waits for somebody else")
    expect(bob.get_by_text("so you cannot be its only approver")).to_be_visible()

    expect(alice.get_by_text("Changed: approving sends this version")).to_be_visible(timeout=SOON)
    expect(alice.get_by_text("1 approval cleared")).to_be_visible()
    expect(alice.locator(".version ins").first).to_have_text("400")
    alice.wait_for_timeout(500)
    alice.keyboard.press("a")
    expect(alice.locator("[data-toast]")).to_contain_text("counts: 2 of 3")
    alice.get_by_role("button", name="Withdraw my vote").click()
    expect(alice.get_by_text("1 of 3 approvals.")).to_be_visible()
    alice.wait_for_timeout(500)
    alice.keyboard.press("a")
    expect(alice.locator("[data-toast]")).to_contain_text("counts: 2 of 3")

    decide(named("carol"), open_question(question.thread), APPROVE)
    assert Decision.objects.get().answer["arguments"]["amount"] == 400


def named(name: str) -> User:
    return User.objects.get(username=name)


def test_the_rare_ways_out_are_one_press_away(page_for: OpenPageFor, cast: Cast, question: Interrupt) -> None:
    alice = open_as(page_for, "alice", question)

    alice.get_by_role("button", name="More", exact=True).click()
    alice.get_by_role("button", name="Abstain").click()

    expect(alice.locator("[data-toast]")).to_contain_text("You abstain")
    expect(alice.get_by_text("Alice Okafor: abstained")).to_be_visible()


def test_glass_is_broken_on_a_page_of_its_own(page_for: OpenPageFor, cast: Cast, question: Interrupt) -> None:
    oscar = open_as(page_for, "oscar", question)

    oscar.get_by_role("link", name="Break glass…").click()
    oscar.get_by_role("button", name="Break glass and approve").click()
    expect(oscar.get_by_text("Say why this cannot wait")).to_be_visible()
    oscar.get_by_label("Reason", exact=True).fill("The bank closes at four.")
    oscar.get_by_role("button", name="Break glass and approve").click()

    expect(oscar.locator(".pill.glass").first).to_be_visible()
    assert Decision.objects.get().decided_via == Via.GLASS


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barrier_on_what_votes_brought(page_for: OpenPageFor, cast: Cast, question: Interrupt, scheme: str) -> None:
    decide(cast.alice, question, APPROVE, note="Seen the photos.")
    version = edit(cast.bob, question, amount=400)
    decide(named("carol"), version, APPROVE)
    cast.bob.groups.clear()
    thread, glass = f"/t/{question.thread_id}/", f"/interrupts/{version.id}/glass/"
    for name, paths in {
        "alice": [thread, f"{thread}?edit=1", "/queue/"],
        "carol": [thread],
        "oscar": [thread, glass, "/queue/?split=others"],
    }.items():
        page = page_for(name, password=PASSWORD, path="/queue/").page if name != "carol" else _as_carol(page_for)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        for path in paths:
            for width in WIDTHS:
                # Tall enough for all of it: what the bar covers while one scrolls is no target that is too small.
                page.set_viewport_size({"width": width, "height": 3600})
                page.goto(path)
                if name == "alice" and path == thread:
                    button = "More" if width > 900 else "More ways to decide"
                    page.get_by_role("button", name=button, exact=True).click()
                _assert_no_barrier(page, f"{scheme}-{width}-{name}{path.replace('/', '_').replace('?', '_')}")


def _as_carol(page_for: OpenPageFor) -> Page:
    person = named("carol")
    person.set_password(PASSWORD)
    person.save()
    return page_for("carol", password=PASSWORD, path="/queue/").page


def _assert_no_barrier(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name[:80]}.png", full_page=True)
    found = Axe().run(page, options=RULES)
    assert found.response["violations"] == [], (name, found.generate_report())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
