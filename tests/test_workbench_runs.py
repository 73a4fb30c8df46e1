"""Four chains walked in a real browser while they fail, are retried, are written to once more, and are at work."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from approvals import decisions
from approvals.models import Interrupt, Thread, ThreadStatus, Verdict
from tests.test_main_job import ballot
from tests.waiting import eventually, until_status
from tests.workbench import CHAINS, EDITED, SOON, Walked, Workbench, edit, give_word, titles

EACH_CHAIN = pytest.mark.parametrize("walked", CHAINS, ids=str)


@EACH_CHAIN
def test_what_failed_is_listed_retried_edited_and_retried(bench: Workbench, walked: Walked) -> None:
    page = bench.page_of("oscar")
    bench.model.status = 400
    thread = bench.submit(walked)
    until_status(thread, ThreadStatus.FAILED)
    page.goto("/failed/")
    page.locator(f"[data-row='{thread.id}'] a.t").click()
    expect(page.get_by_role("heading", name=re.compile("^It failed at"))).to_contain_text(
        walked.fails, ignore_case=True
    )
    expect(page.locator(".failure .quote")).to_contain_text("400")
    page.get_by_role("button", name="Retry").click()
    eventually(lambda: thread.runs.count() == 2 and not thread.runs.live().exists(), what="the second failure")
    bench.model.status = 0

    page.goto(f"/t/{thread.id}/?tab=state")
    expect(page.locator("#evidence .tasks li", has_text="failed").first).to_contain_text("400")
    page.get_by_role("link", name="Edit and retry").click()
    edit(page)
    give_word(page, "Why you change it", "Go back and run again")
    until_status(thread, ThreadStatus.PAUSED)
    page.goto(f"/t/{thread.id}/?tab=messages")
    expect(page.locator(".msg").first).to_contain_text(EDITED)
    assert titles(thread)
    assert bench.complaints() == []


@EACH_CHAIN
def test_what_failed_is_ended(bench: Workbench, walked: Walked) -> None:
    thread, page = bench.failed(walked), bench.page_of("oscar")
    page.goto(f"/t/{thread.id}/")

    page.get_by_text("End it instead").click()
    page.locator("#end-reason").fill("The customer called it off.")
    page.get_by_role("button", name="End this request").click()

    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    page.goto("/failed/")
    expect(page.locator(f"[data-row='{thread.id}']")).to_have_count(0)
    assert bench.complaints() == []


def test_what_failed_of_every_chain_is_retried_together(bench: Workbench) -> None:
    made = [bench.failed(walked) for walked in CHAINS]
    page = bench.page_of("oscar")
    page.goto("/failed/")
    for thread in made:
        page.locator(f"#pick-{thread.id}").check()
    page.get_by_label("Reason, optional").fill("The model answers again.")
    page.get_by_role("button", name="Retry what is chosen").click()

    expect(page.get_by_role("heading", name=f"{len(made)} retried")).to_be_visible()
    for thread in made:
        until_status(thread, ThreadStatus.PAUSED)
    assert bench.complaints() == []


@EACH_CHAIN
def test_an_error_that_may_pass_is_tried_again_and_the_page_says_when(bench: Workbench, walked: Walked) -> None:
    page = bench.page_of("rita")
    bench.model.status = 503
    thread = bench.submit(walked)
    page.goto(f"/t/{thread.id}/")

    expect(page.get_by_role("heading", name=re.compile(r"Tries again (in|now)"))).to_be_visible()
    expect(page.locator(".progress")).to_contain_text("Retry 1 of 4")
    bench.model.status = 0

    until_status(thread, ThreadStatus.PAUSED)
    for title in walked.questions:
        expect(page.locator("#main")).to_contain_text(title, timeout=SOON)
    assert bench.complaints() == []


@EACH_CHAIN
def test_another_message_asks_about_the_open_question_and_goes_on_after_the_end(
    bench: Workbench, walked: Walked
) -> None:
    thread, page = bench.waiting(walked), bench.page_of("rita")
    old = open_ids(thread)
    page.goto(f"/t/{thread.id}/")
    fill_message(page, walked)
    page.get_by_role("button", name="Send message").click()
    expect(page.get_by_role("alert")).to_contain_text("A question is still open")
    assert open_ids(thread) == old
    page.get_by_label(re.compile("^Discard the open question")).check()
    page.get_by_role("button", name="Send message").click()
    eventually(lambda: titles(thread) and not set(old) & set(open_ids(thread)), what="other questions")

    approve_all(bench, thread)
    page.goto(f"/t/{thread.id}/?tab=messages")
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.locator("#evidence .msg").last).to_be_visible()
    fill_message(page, walked)
    page.get_by_role("button", name="Send message").click()
    eventually(lambda: titles(thread), what="the question of the next message")
    until_status(thread, ThreadStatus.PAUSED)
    page.goto(f"/t/{thread.id}/")
    page.get_by_role("link", name="Since the last decision").click()
    expect(page.locator(".diff .ad").filter(has_text="And one more thing").first).to_be_visible()
    assert bench.complaints("409") == []


def fill_message(page: Page, walked: Walked) -> None:
    """The field for the words, and whatever else the chain's form needs."""
    form = page.get_by_role("form", name="Send another message")
    for label, text in walked.more.items():
        form.get_by_role("textbox", name=label, exact=True).fill(text)


def open_ids(thread: Thread) -> list[Any]:
    return list(Interrupt.objects.open().filter(thread=thread).order_by("id").values_list("id", flat=True))


def approve_all(bench: Workbench, thread: Thread) -> None:
    """Until nothing is asked any more."""

    def is_done() -> bool:
        for question in Interrupt.objects.open().filter(thread=thread, thread__status=ThreadStatus.PAUSED):
            decisions.decide(bench.cast.alice, question.id, ballot(question, Verdict.APPROVE))
        thread.refresh_from_db()
        return thread.status == ThreadStatus.DONE

    eventually(is_done, what="its end")


@EACH_CHAIN
def test_a_page_shows_nodes_bar_and_text_while_it_runs_and_again_after_a_reload(
    bench: Workbench, walked: Walked
) -> None:
    page, follow = bench.page_of("rita"), bench.page_of("rita").locator("#follow")
    bench.model.gate.clear()
    thread = bench.submit(walked, **walked.talks)
    page.goto(f"/t/{thread.id}/")

    for _ in range(2):
        expect(follow.locator(".nodes li.at_work").last).to_contain_text(walked.writes, timeout=SOON)
        expect(follow.locator(".log")).to_contain_text(walked.streams, timeout=SOON)
        if walked.counts:
            expect(follow.get_by_role("progressbar", name="Reading the file")).to_have_attribute("value", "2")
        page.reload()
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.RUNNING
    bench.model.gate.set()

    expect(follow).to_have_count(0, timeout=SOON)
    eventually(lambda: not thread.runs.live().exists(), what="its rest")
    expect(page.get_by_text(re.compile("Needs review|Done")).first).to_be_visible()
    assert bench.complaints() == []
