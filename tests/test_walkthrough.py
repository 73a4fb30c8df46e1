"""The whole way in real browsers: rita asks, alice decides, a real worker does the rest."""

import os
import re
import signal
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from approvals import inspection, threads
from approvals.models import Interrupt, Run, Thread, ThreadStatus
from tests.browser import OpenPageFor, Visitor
from tests.conftest import PASSWORD, REQUEST, Cast
from tests.stack import Stack
from tests.waiting import eventually, until_status

SOON = 15_000  # milliseconds a live page may take to follow


@pytest.fixture
def rita(page_for: OpenPageFor, cast: Cast) -> Visitor:
    return page_for("rita", password=PASSWORD, path="/new/prompt_chain/")


@pytest.fixture
def alice(page_for: OpenPageFor, cast: Cast) -> Visitor:
    return page_for("alice", password=PASSWORD, path="/queue/")


@pytest.fixture
def worker(stack: Stack) -> None:
    stack.start_worker()


def send_request(page: Page) -> Thread:
    page.get_by_label("What do you need?").fill(REQUEST)
    page.get_by_role("button", name="Send request").click()
    page.wait_for_url(re.compile("/t/"))
    return Thread.objects.get()


def open_review(page: Page, thread: Thread) -> None:
    """The row arrives in a queue that was open and empty: nobody reloads it."""
    expect(page.get_by_role("link", name=re.compile("Marta Nowak")).first).to_be_visible(timeout=SOON)
    page.goto(f"/t/{thread.id}/")


def final_response(thread: Thread) -> str:
    state = inspection.state_of(thread)
    assert state is not None
    return str(state.values["final_response"])


def test_approve(worker: None, rita: Visitor, alice: Visitor) -> None:
    thread = send_request(rita.page)
    open_review(alice.page, thread)
    shown = alice.page.locator("[data-payload]").inner_text()
    draft = Interrupt.objects.get().value["arguments"]["content"]
    assert " ".join(draft.split()) in " ".join(shown.split())

    alice.page.get_by_role("button", name="Approve").click()

    until_status(thread, ThreadStatus.DONE)
    assert final_response(thread) == draft
    expect(rita.page.locator("#main")).to_contain_text("Done", timeout=SOON)
    expect(rita.page.locator("#main")).to_contain_text("Alice Okafor", timeout=SOON)
    assert rita.complaints == []
    assert alice.complaints == []


def test_edit_and_approve(worker: None, rita: Visitor, alice: Visitor) -> None:
    thread = send_request(rita.page)
    open_review(alice.page, thread)

    alice.page.get_by_role("link", name="Edit", exact=False).first.click()
    alice.page.get_by_label("Reply").fill("Dear Marta,\n\n40 € it is — “promised”. Ünïcode <b>stays</b>.")
    alice.page.get_by_role("button", name="Approve with changes").click()

    until_status(thread, ThreadStatus.DONE)
    assert final_response(thread) == "Dear Marta,\n\n40 € it is — “promised”. Ünïcode <b>stays</b>."
    expect(rita.page.locator("#main")).to_contain_text("Ünïcode <b>stays</b>", timeout=SOON)
    assert rita.complaints == []


def test_respond_and_then_reject(worker: None, rita: Visitor, alice: Visitor) -> None:
    thread = send_request(rita.page)
    open_review(alice.page, thread)
    first = Interrupt.objects.get()

    alice.page.get_by_label("Note for the record").fill("Please make it shorter.")
    alice.page.get_by_role("button", name="Respond").click()
    eventually(lambda: Interrupt.objects.open().exclude(id=first.id).exists(), what="the second question")
    alice.page.goto(f"/t/{thread.id}/")
    alice.page.get_by_role("button", name="Reject").click()
    alice.page.get_by_label("Note for the record").fill("Not our customer.")
    alice.page.get_by_role("button", name="Reject").click()

    until_status(thread, ThreadStatus.DONE)
    assert "Not our customer." in final_response(thread)
    expect(rita.page.locator("#main")).to_contain_text("Rejected", timeout=SOON)
    expect(rita.page.locator("#main")).to_contain_text("Not our customer.", timeout=SOON)
    state = inspection.state_of(thread)
    assert state is not None
    assert "Please make it shorter." in str(state.values["messages"])


def test_edit_the_state_and_resume(worker: None, rita: Visitor, alice: Visitor) -> None:
    thread = send_request(rita.page)
    open_review(alice.page, thread)

    alice.page.goto(f"/t/{thread.id}/state/")
    alice.page.get_by_label("Content").first.fill("Written by a person.")
    alice.page.get_by_role("button", name="Look at the change").click()
    alice.page.get_by_label("Why you change it").fill("The draft missed the point.")
    alice.page.get_by_role("button", name="Store the edit").click()
    eventually(lambda: not Interrupt.objects.open().exists(), what="the old question replaced")
    until_status(thread, ThreadStatus.PAUSED)
    alice.page.goto(f"/t/{thread.id}/")
    alice.page.get_by_role("button", name="Resume").click()

    eventually(lambda: Interrupt.objects.open().exists(), what="the new question")
    assert Interrupt.objects.open().get().value["arguments"]["content"] == "Written by a person."
    expect(alice.page.locator("[data-payload]")).to_contain_text("Written by a person.", timeout=SOON)
    assert "update" in [step.source for step in inspection.steps_of(thread)]


def test_a_worker_killed_in_the_middle_costs_nothing(
    stack: Stack, cast: Cast, page_for: OpenPageFor, tmp_path: Path
) -> None:
    quick = {"HOLDPOINT_LEASE_SECONDS": "2", "HOLDPOINT_SWEEP_SECONDS": "0.3"}
    effects = tmp_path / "effects"
    effects.touch()
    first = stack.start_worker(**quick)
    thread = threads.submit(cast.rita, "slow", {"effects": str(effects), "seconds": 2})
    rita = page_for("rita", password=PASSWORD, path=f"/t/{thread.id}/")
    eventually(lambda: "work begins" in effects.read_text(), what="the worker at work")

    os.kill(first.pid, signal.SIGKILL)
    stack.start_worker(**quick)

    expect(rita.page.locator("#main")).to_contain_text("Needs review", timeout=30_000)
    alice = page_for("alice", password=PASSWORD, path=f"/t/{thread.id}/")
    alice.page.get_by_role("button", name="Approve").click()
    expect(rita.page.locator("#main")).to_contain_text("Done", timeout=30_000)
    assert effects.read_text().splitlines().count("act 40") == 1
    assert Run.objects.filter(thread=thread).count() == 2


def test_without_javascript_the_whole_way_works_too(worker: None, stack: Stack, cast: Cast, browser) -> None:  # type: ignore[no-untyped-def]
    context = browser.new_context(base_url=stack.url, java_script_enabled=False)
    page = context.new_page()

    def sign_in(username: str, path: str) -> None:
        context.clear_cookies()
        page.goto(f"/accounts/login/?next={path}")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")

    sign_in("rita", "/new/prompt_chain/")
    thread = send_request(page)
    until_status(thread, ThreadStatus.PAUSED)
    sign_in("alice", "/queue/")
    page.get_by_role("link", name=re.compile("Marta Nowak")).first.click()
    page.get_by_role("button", name="Approve").click()
    until_status(thread, ThreadStatus.DONE)
    page.goto(f"/t/{thread.id}/")
    expect(page.locator("#main")).to_contain_text("Done")
    context.close()
