"""State, history and comparison in a real browser, on every width and in both themes."""

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from approvals.models import Thread
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast
from tests.test_evidence import edit, paused_in
from tests.test_pages_live import RULES


@pytest.fixture
def written(paused: Thread) -> Thread:
    """With more steps than one page of its history holds."""
    for number in range(30):
        edit(paused, {"final_response": f"The answer in version {number} is long enough to be read."})
    return paused


def sound(page: Page) -> None:
    for theme in ("light", "dark"):
        page.evaluate("theme => document.documentElement.dataset.theme = theme", theme)
        for width, height in ((1440, 900), (390, 844)):
            page.set_viewport_size({"width": width, "height": height})
            found = Axe().run(page, options=RULES).response["violations"]
            assert [(one["id"], [node["html"][:160] for node in one["nodes"]][:3]) for one in found] == [], (
                theme,
                width,
            )
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    page.set_viewport_size({"width": 1440, "height": 900})


def test_history_is_paged_searched_and_compared(page_for: OpenPageFor, cast: Cast, written: Thread) -> None:
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{written.id}/history/")
    page = visitor.page
    expect(page.locator(".steps .sn")).to_have_count(25)
    sound(page)

    page.get_by_role("link", name="Older steps").click()
    expect(page.locator(".steps a", has_text="process").first).to_be_visible()
    page.get_by_role("link", name="Newest").click()

    page.get_by_role("searchbox").fill("version 29")
    page.get_by_role("searchbox").press("Enter")
    expect(page.locator("mark")).to_have_text("version 29")
    sound(page)

    page.get_by_label("Before: step", exact=False).nth(3).check()
    page.get_by_role("button", name="Compare the two marked steps").click()
    page.wait_for_url(re.compile(r"/compare/\?\w+=[\w-]+&\w+=[\w-]+$"))
    expect(page.locator(".diff del")).to_have_text("26 ")
    expect(page.locator(".diff ins")).to_have_text("29 ")
    sound(page)
    assert visitor.complaints == []


def test_the_evidence_of_a_subgraph_is_sound(page_for: OpenPageFor, cast: Cast) -> None:
    thread = paused_in(cast, "in_subgraph")
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{thread.id}/?tab=state")
    sound(visitor.page)

    visitor.page.get_by_role("link", name="State of this subgraph").click()
    expect(visitor.page.get_by_role("heading", name="State of a subgraph")).to_be_visible()
    sound(visitor.page)
    assert visitor.complaints == []
