"""The administration in a real browser: rows are found, lead to their pages, and are acted on with a reason."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from approvals.models import Event, EventKind, Interrupt, Policy, Run, RunStatus, Thread, ThreadStatus
from tests.test_admin_pages import LISTS
from tests.waiting import eventually, until_status
from tests.workbench import CHAINS, PROMPT_CHAIN, Workbench

WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture(scope="module")
def bench(bench: Workbench) -> Workbench:
    """Oscar, who operates, may look at everything."""
    bench.cast.oscar.is_staff = bench.cast.oscar.is_superuser = True
    bench.cast.oscar.save()
    return bench


def test_rows_are_searched_filtered_and_lead_to_the_page(bench: Workbench) -> None:
    threads = [bench.to_look_at(walked) for walked in CHAINS]
    page = bench.page_of("oscar")
    page.goto("/admin/approvals/thread/")
    rows = page.locator("#result_list tbody tr")
    everything = rows.count()

    page.locator("#searchbar").fill("ORD-48213, Both lamps")
    page.get_by_role("button", name="Search").click()
    page.wait_for_url("**q=ORD**")
    expect(rows.get_by_role("link", name="Marta Nowak, ORD-48213, Both lamps")).to_have_count(rows.count())
    assert 0 < rows.count() < everything
    page.goto("/admin/approvals/thread/")
    page.locator("#changelist-filter").get_by_role("link", name="Needs review").click()
    page.wait_for_url("**status**")
    page.locator("#changelist-filter").get_by_role("link", name="beside", exact=True).click()
    page.wait_for_url("**chain=beside**")
    assert 0 < rows.count() < everything
    page.goto(f"/admin/approvals/thread/?q={threads[-1].id}")
    page.get_by_role("link", name="Open").click()
    expect(page).to_have_url(re.compile(f"/t/{threads[-1].id}/$"))
    page.goto(f"/admin/approvals/interrupt/?q={threads[-1].id}")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Send it (left)?").click()
    expect(page.locator("#content")).to_contain_text("Send it (left)?")
    assert bench.complaints() == []


def act(page: Page, name: str, rows: list[Any], action: str) -> None:
    """Without a reason first, which is refused."""
    page.goto(f"/admin/approvals/{name}/")
    for row in rows:
        page.locator(f"input[name=_selected_action][value='{row.pk}']").check()
    page.get_by_label("Action:").select_option(label=action)
    page.get_by_role("button", name="Go").or_(page.get_by_role("button", name="Run")).click()
    page.get_by_role("button", name=action).click()
    expect(page.locator("#reason-error")).to_contain_text("Say why")
    page.get_by_label("Reason, kept in the record with your name").fill("The line was down.")
    page.get_by_role("button", name=action).click()
    expect(page.locator(".messagelist")).to_contain_text(f"done for {len(rows)}")


def told(threads: list[Thread], kind: EventKind) -> int:
    found = Event.objects.filter(thread__in=threads, kind=kind, data__reason="The line was down.")
    return found.filter(actor_name="Oscar Lind").count()


def test_failed_threads_of_every_chain_are_retried_and_ended(bench: Workbench) -> None:
    threads, page = [bench.failed(walked) for walked in CHAINS], bench.page_of("oscar")

    act(page, "thread", threads, "Retry")
    for thread in threads:
        until_status(thread, ThreadStatus.PAUSED)
    assert told(threads, EventKind.RUN_REQUESTED) == len(threads)
    act(page, "thread", threads, "End for good")
    for thread in threads:
        until_status(thread, ThreadStatus.CANCELLED)
    assert told(threads, EventKind.STOP_REQUESTED) == len(threads)
    assert not Interrupt.objects.open().filter(thread__in=threads).exists()
    assert bench.complaints("422") == []


def test_runs_that_wait_are_rung_for_again_and_stopped(bench: Workbench) -> None:
    bench.model.status, page = 503, bench.page_of("oscar")
    threads = [bench.submit(walked) for walked in CHAINS]
    waiting = Run.objects.filter(thread__in=threads, status=RunStatus.PENDING, retries__gt=0)
    eventually(lambda: waiting.count() == len(threads), what="all of them put off")

    act(page, "run", list(Run.objects.filter(thread__in=threads)), "Stop the thread of each")
    for thread in threads:
        until_status(thread, ThreadStatus.CANCELLED)
    bench.model.status = 0
    assert told(threads, EventKind.STOP_REQUESTED) == len(threads)
    assert bench.complaints("422") == []


def is_ours(rule: str, node: dict[str, Any]) -> bool:
    """Not the icons beside the search boxes of a choice of groups: Django's script names them in a way that axe holds
    against them, screen readers pass them by, and each box beside them has a label that says the same.
    """
    return not (rule == "aria-prohibited-attr" and "search-label-icon" in node["html"])


def sound(page: Page, path: str) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (1440, 390):
            page.set_viewport_size({"width": width, "height": 900})
            found = Axe().run(page, options=WCAG).response["violations"]
            wrong = [
                (one["id"], node["html"][:200]) for one in found for node in one["nodes"] if is_ours(one["id"], node)
            ]
            assert wrong == [], (path, scheme, width)
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.parametrize("name", ["", *(f"approvals/{name}/" for name in LISTS)])
def test_no_list_of_the_administration_has_a_barrier_that_axe_knows(bench: Workbench, name: str) -> None:
    bench.to_look_at(PROMPT_CHAIN)
    page = bench.page_of("oscar")
    page.goto(f"/admin/{name}")

    sound(page, name)


@pytest.mark.parametrize("model", [Thread, Run, Interrupt, Event, Policy])
def test_no_row_of_the_administration_has_a_barrier_that_axe_knows(bench: Workbench, model: Any) -> None:
    bench.to_look_at(PROMPT_CHAIN)
    page = bench.page_of("oscar")
    page.goto(f"/admin/approvals/{model._meta.model_name}/{model.objects.values_list('pk', flat=True)[0]}/change/")

    sound(page, model.__name__)


def test_the_page_that_asks_for_a_reason_has_no_barrier_that_axe_knows(bench: Workbench) -> None:
    thread, page = bench.to_look_at(PROMPT_CHAIN), bench.page_of("oscar")
    page.goto("/admin/approvals/thread/")
    page.locator(f"input[name=_selected_action][value='{thread.id}']").check()
    page.get_by_label("Action:").select_option(label="End for good")
    page.get_by_role("button", name="Go").or_(page.get_by_role("button", name="Run")).click()
    page.get_by_role("button", name="End for good").click()
    expect(page.locator("#reason-error")).to_be_visible()

    sound(page, "the reason")
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.PAUSED
