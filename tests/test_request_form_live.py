"""A form with everything in it, in a real browser, on a phone: rows, kinds, a file, and a mistake on the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from approvals.models import Thread
from tests.browser import OpenPageFor, sign_in
from tests.conftest import PASSWORD, Cast
from tests.stack import Stack
from tests.test_pages_live import RULES

PDF = b"%PDF-1.7\nan invoice"


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def has_javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def form(browser: Browser, stack: Stack, cast: Cast, tmp_path: Path, has_javascript: bool) -> Iterator[Page]:
    stack.start_web(HOLDPOINT_FILES=str(tmp_path / "files"))
    context = browser.new_context(
        base_url=stack.url, viewport={"width": 390, "height": 1600}, java_script_enabled=has_javascript
    )
    page = context.new_page()
    sign_in(page, username="rita", password=PASSWORD, path="/new/claims/")
    yield page
    context.close()


def check(page: Page, *, step: str) -> None:
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(step, violation["id"], violation["nodes"][0]["html"]) for violation in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), step


def fill_in_with_two_mistakes(form: Page) -> None:
    form.get_by_label("Invoice").set_input_files({"name": "invoice.pdf", "mimeType": "application/pdf", "buffer": PDF})
    form.get_by_label("Order number").fill("x")
    form.get_by_label("Pin").fill("4711")
    form.get_by_role("button", name="Add line").click()
    form.get_by_label("Sku").fill("LAMP")
    form.get_by_role("button", name="Add line").click()
    form.get_by_role("group", name="Line 2").get_by_label("Sku").fill("VASE")
    form.get_by_role("button", name="Remove Line 1").click()
    expect(form.get_by_label("Sku")).to_have_value("VASE")
    form.get_by_label("Quantity").fill("0")
    form.get_by_label("Card").check()
    form.get_by_role("button", name="Show its fields").click()
    form.get_by_label("Number", exact=True).fill("4242")


def test_a_claim_with_a_file_and_a_mistake_loses_nothing(form: Page, has_javascript: bool) -> None:
    fill_in_with_two_mistakes(form)
    if has_javascript:  # axe is a script
        check(form, step="filled")
    form.get_by_role("button", name="Send request").click()

    expect(form.get_by_text("Two things need fixing")).to_be_visible()
    expect(form.get_by_label("Order number")).to_have_value("x")
    expect(form.get_by_label("Number", exact=True)).to_have_value("4242")
    expect(form.get_by_label("Pin")).to_have_value("")
    expect(form.get_by_text("invoice.pdf", exact=True)).to_be_visible()
    if has_javascript:
        check(form, step="wrong")
    form.get_by_label("Order number").fill("ORD-1")
    form.get_by_label("Quantity").fill("2")
    form.get_by_label("Pin").fill("4711")
    form.get_by_role("button", name="Send request").click()
    form.wait_for_url("**/t/**")

    values = Thread.objects.get().input
    assert {key: values[key] for key in ("order", "lines", "pay", "pin")} == {
        "order": "ORD-1",
        "lines": [{"sku": "VASE", "quantity": 2}],
        "pay": {"kind": "card", "number": "4242"},
        "pin": "4711",
    }
    with form.expect_download() as download:
        form.get_by_role("link", name="invoice.pdf").click()
    assert download.value.path().read_bytes() == PDF


def test_a_page_whose_session_has_ended_keeps_what_was_typed(page_for: OpenPageFor, cast: Cast, paused: Thread) -> None:
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{paused.id}/")
    page, note = visitor.page, visitor.page.get_by_label("Note for the record")
    note.fill("Half a thought")
    visitor.context.clear_cookies(name="sessionid")
    page.evaluate("dispatchEvent(new Event('online'))")

    expect(page.get_by_text("You were signed out.")).to_be_visible()
    expect(note).to_have_value("Half a thought")
    note.fill("")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_url("**/accounts/login/**")
