"""Editing, going back and retrying in a real browser, with a real worker."""

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from approvals import inspection, threads
from approvals.models import Interrupt, Thread, ThreadStatus
from tests.browser import OpenPageFor, sign_in
from tests.conftest import PASSWORD, REQUEST, Cast, open_question, work_off
from tests.stack import Stack
from tests.test_main_job import values
from tests.test_pages_live import RULES
from tests.waiting import eventually, until_status

SOON = 15_000  # milliseconds a page may take


@pytest.fixture
def worker(stack: Stack) -> None:
    stack.start_worker()


def step_before(thread: Thread, node: str) -> str:
    """The newest step from which this node ran next."""
    for step in inspection.steps_of(thread):
        state = inspection.state_of(thread, checkpoint_id=step.checkpoint_id)
        if state is not None and node in state.next:
            return step.checkpoint_id
    raise LookupError(node)


def replace_question(page: Page, thread: Thread) -> Interrupt:
    """Resume, and wait for the question that is asked anew."""
    until_status(thread, ThreadStatus.PAUSED)
    page.goto(f"/t/{thread.id}/")
    page.get_by_role("button", name="Resume").click()
    eventually(lambda: Interrupt.objects.open().filter(thread=thread).exists(), what="the new question")
    return open_question(thread)


def test_a_support_request_is_edited_as_rows_of_messages(
    worker: None, cast: Cast, page_for: OpenPageFor, tmp_path: Path
) -> None:
    thread = threads.submit(cast.rita, "agent_batched", {"messages": "Please."})
    until_status(thread, ThreadStatus.PAUSED)
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{thread.id}/state/")
    page = visitor.page

    page.get_by_label("Text").first.fill("Please, and quickly.")
    page.get_by_role("button", name="Look at the change").click()
    expect(page.get_by_role("region", name="Old and new values")).to_contain_text("Please, and quickly.")
    page.get_by_label("Why you change it").fill("They called.")
    page.get_by_role("button", name="Store the edit").click()
    eventually(lambda: not Interrupt.objects.open().exists(), what="the old question replaced")

    assert replace_question(page, thread).is_open
    assert "Please, and quickly." in str(values(thread)["messages"])
    assert visitor.complaints == []


def test_a_request_goes_back_with_an_edit_and_asks_anew(worker: None, cast: Cast, page_for: OpenPageFor) -> None:
    thread = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    until_status(thread, ThreadStatus.PAUSED)
    old = open_question(thread)
    visitor = page_for("alice", password=PASSWORD, path=f"/t/{thread.id}/replay/{step_before(thread, 'review')}/")
    page = visitor.page

    page.get_by_role("link", name="Edit the state first").click()
    page.get_by_label("Content").first.fill("Written on the way.")
    page.get_by_role("button", name="Look at the change").click()
    page.get_by_label("Why you change it").fill("The draft missed the point.")
    page.get_by_role("button", name="Go back and run again").click()

    eventually(lambda: Interrupt.objects.open().exclude(id=old.id).exists(), what="the new question")
    expect(page.locator("[data-payload]")).to_contain_text("Written on the way.", timeout=SOON)
    assert visitor.complaints == []


def test_failed_requests_are_chosen_and_retried_together(
    worker: None, cast: Cast, page_for: OpenPageFor, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    made = [threads.submit(cast.rita, "failing", {"effects": str(missing)}) for _ in range(3)]
    for thread in made:
        until_status(thread, ThreadStatus.FAILED)
    missing.write_text("there")
    visitor = page_for("oscar", password=PASSWORD, path="/failed/")
    page = visitor.page

    for thread in made[:2]:
        page.locator(f"#pick-{thread.id}").check()
    page.get_by_label("Reason, optional").fill("The file is there.")
    page.get_by_role("button", name="Retry what is chosen").click()

    expect(page.get_by_role("heading", name="2 retried")).to_be_visible()
    for thread in made[:2]:
        until_status(thread, ThreadStatus.DONE)
    page.goto("/failed/")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.locator("[data-row] a").click()
    page.get_by_role("button", name="Retry").click()
    until_status(made[2], ThreadStatus.DONE)
    assert visitor.complaints == []


def test_without_javascript_an_edit_goes_past_the_question(stack: Stack, cast: Cast, browser: Browser) -> None:
    thread = threads.submit(cast.rita, "editable", {"amount": 900})
    work_off(thread)
    context = browser.new_context(base_url=stack.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, username="oscar", password=PASSWORD, path=f"/t/{thread.id}/state/")

    page.get_by_role("button", name="Add to log").click()
    page.locator("[name='state.log.1']").fill("by hand")
    page.get_by_role("link", name="JSON").click()
    box = page.get_by_label("The whole editable state")
    box.fill(json.dumps({**json.loads(box.input_value()), "amount": 5}))
    page.get_by_role("button", name="Look at the change").click()
    expect(page.locator("#main")).to_contain_text("Nobody is asked")
    page.get_by_label("Why you change it").fill("It is small.")
    page.get_by_role("button", name="Store the edit").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick that a step is passed by")
    page.get_by_label("Yes, take it past Review").check()
    page.get_by_role("button", name="Store the edit").click()
    work_off(thread)
    page.goto(f"/t/{thread.id}/")
    page.get_by_role("button", name="Resume").click()
    work_off(thread)

    assert values(thread)["log"] == ["drafted 900", "sent 5"]
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_has_a_barrier_that_axe_knows(
    page_for: OpenPageFor, cast: Cast, paused: Thread, tmp_path: Path, scheme: str
) -> None:
    broken = threads.submit(cast.rita, "failing", {"effects": str(tmp_path / "missing")})
    work_off(broken)
    back = f"/t/{paused.id}/replay/{step_before(paused, 'review')}/"
    visitor = page_for("oscar", password=PASSWORD, path="/failed/")
    visitor.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]

    for path in ("/failed/", f"/t/{broken.id}/", f"/t/{paused.id}/state/", f"/t/{paused.id}/state/?view=json", back):
        for width in (1440, 390, 320):
            visitor.page.set_viewport_size({"width": width, "height": 1400})
            visitor.page.goto(path)
            for summary in visitor.page.locator(".failure details > summary").all():
                summary.click()
            look(visitor.page, f"{path} at {width}")
    visitor.page.goto(f"/t/{paused.id}/state/")
    visitor.page.get_by_label("Content").first.fill("Written by a person.")
    visitor.page.get_by_role("button", name="Look at the change").click()
    look(visitor.page, "the confirmation")
    visitor.page.get_by_role("button", name="Store the edit").click()
    look(visitor.page, "the confirmation without a reason")
    assert [text for text in visitor.complaints if "422" not in text] == []


def look(page: Page, where: str) -> None:
    page.wait_for_timeout(150)
    found = Axe().run(page, options=RULES).response["violations"]
    assert [(where, violation["id"]) for violation in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), where
