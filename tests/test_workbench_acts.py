"""Four chains walked through the workbench in a real browser: edited, taken back, talked to, failed, and at work."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from approvals.models import Interrupt, Run, RunKind, Thread, ThreadStatus
from tests.waiting import eventually, until_status
from tests.workbench import CHAINS, EDITED, SOON, Walked, Workbench, edit, give_word, titles

EACH_CHAIN = pytest.mark.parametrize("walked", CHAINS, ids=str)


def asks_again(thread: Thread, walked: Walked, *, but: set[Any]) -> None:
    """Its questions stand anew, and none of the old ones is open."""
    eventually(lambda: titles(thread) == sorted(walked.questions), what="the questions")
    until_status(thread, ThreadStatus.PAUSED)
    assert not but & set(Interrupt.objects.open().filter(thread=thread).values_list("id", flat=True))


def asked(thread: Thread) -> set[Any]:
    return set(thread.interrupts.values_list("id", flat=True))


def rows_in_queue(page: Page, thread: Thread) -> int:
    page.goto("/queue/")
    return page.locator("[data-row]").filter(has=page.locator(f"a[href*='{thread.id}']")).count()


@EACH_CHAIN
def test_an_edit_is_refused_looked_at_stored_and_resumed(bench: Workbench, walked: Walked) -> None:
    thread, page = bench.waiting(walked), bench.page_of("alice")
    old = asked(thread)
    page.goto(f"/t/{thread.id}/")
    page.goto(f"/t/{thread.id}/state/?view=json")
    page.get_by_label("The whole editable state").fill('{"messages": "nothing"}')
    page.get_by_role("button", name="Look at the change").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was stored")
    assert not Run.objects.filter(thread=thread, kind=RunKind.EDIT).exists()

    page.goto(f"/t/{thread.id}/state/")
    edit(page, as_node=walked.passing)
    expect(page.locator("#main")).to_contain_text("needs a permission of its own")
    expect(page.get_by_role("button", name="Store the edit")).to_have_count(0)
    page.get_by_role("button", name="Change the edit").click()
    edit(page)
    for node in walked.again:
        expect(page.locator(".next3")).to_contain_text(re.compile(f"then next: .*{node}"))
    give_word(page, "Why you change it", "Store the edit")
    expect(page.get_by_role("heading", name="Nothing is asked just now")).to_be_visible()

    page.get_by_role("link", name="Changes").click()
    page.get_by_role("link", name="Since you last looked").click()
    expect(page.locator(".diff")).to_contain_text("20.00")
    page.get_by_role("link", name="History").click()
    expect(page.locator(".steps li").first).to_contain_text(
        re.compile(r"State edited.*Alice Okafor.*They called\.", re.S)
    )
    page.goto(f"/t/{thread.id}/")
    page.get_by_role("button", name="Resume").click()
    asks_again(thread, walked, but=old)
    assert bench.complaints("422") == []


@EACH_CHAIN
def test_going_past_a_question_takes_a_tick_and_leaves_nothing_to_decide(bench: Workbench, walked: Walked) -> None:
    thread, page = bench.waiting(walked), bench.page_of("oscar")
    page.goto(f"/t/{thread.id}/state/")
    edit(page, as_node=walked.passing)

    for title in walked.questions:
        expect(page.locator(".next3")).to_contain_text(f"Nobody is asked “{title}”")
    page.get_by_label("Why you change it").fill("Settled by phone.")
    page.get_by_role("button", name="Store the edit").click()
    expect(page.get_by_role("alert")).to_contain_text("Tick that a step is passed by")
    assert titles(thread) == sorted(walked.questions)
    page.get_by_label(re.compile("^Yes, take it past")).check()
    page.get_by_role("button", name="Store the edit").click()

    eventually(lambda: titles(thread) == [], what="no question left")
    expect(page.get_by_role("heading", name=re.compile("Nothing is asked just now|Result"))).to_be_visible()
    assert rows_in_queue(bench.page_of("alice"), thread) == 0
    assert bench.complaints("422") == []


@EACH_CHAIN
def test_going_back_asks_anew_and_keeps_the_old_branch(bench: Workbench, walked: Walked) -> None:
    thread, page = bench.waiting(walked), bench.page_of("alice")
    old = asked(thread)
    page.goto(f"/t/{thread.id}/history/")
    page.get_by_role("link", name=re.compile(r"^Go back to this step\s*, 0$")).click()
    expect(page.locator("#main")).to_contain_text(f"First: {walked.next.capitalize()}.")
    give_word(page, "Why you take it back", "Go back and run again")

    asks_again(thread, walked, but=old)
    for title in walked.questions:
        expect(page.locator("#main")).to_contain_text(title, timeout=SOON)
    assert rows_in_queue(page, thread) == len(walked.questions)
    page.goto(f"/t/{thread.id}/history/")
    branch = page.locator(".steps li").filter(has_text="Branch")
    expect(branch).to_contain_text(re.compile(r"Goes on from an earlier step.*", re.S))
    aside = page.locator(".steps li.aside")
    expect(aside.first).to_contain_text("not on the way to now")
    aside.first.locator(".nm > a").click()
    expect(page.locator("#state")).to_contain_text("ORD-48213")
    expect(page.locator(".steps li.pick.aside")).to_have_count(1)
    assert bench.complaints() == []


@EACH_CHAIN
def test_going_back_with_an_edit_carries_it_on(bench: Workbench, walked: Walked) -> None:
    thread, page = bench.waiting(walked), bench.page_of("alice")
    old = asked(thread)
    page.goto(f"/t/{thread.id}/history/")
    page.get_by_role("link", name=re.compile(r"^Go back to this step\s*, 0$")).click()
    page.get_by_role("link", name="Edit the state first").click()
    edit(page)
    give_word(page, "Why you change it", "Go back and run again")

    eventually(lambda: titles(thread) and not old & set(open_ids(thread)), what="the new questions")
    until_status(thread, ThreadStatus.PAUSED)
    page.goto(f"/t/{thread.id}/?tab=messages")
    expect(page.locator(".msg").first).to_contain_text(EDITED)
    page.goto(f"/t/{thread.id}/history/")
    expect(page.locator(".steps li").filter(has_text="State edited")).to_contain_text(
        re.compile(r"Alice Okafor.*They called\.", re.S)
    )
    assert bench.complaints() == []


def open_ids(thread: Thread) -> list[Any]:
    return list(Interrupt.objects.open().filter(thread=thread).values_list("id", flat=True))
