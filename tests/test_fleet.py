"""One person's session behind the proxy survives the kill of any one process, and loses and doubles nothing."""

import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from playwright.sync_api import Browser, Page, expect

from approvals import inspection, threads
from approvals.models import Decision, Event, EventKind, Interrupt, Policy, Run, Thread, ThreadStatus, Vote
from tests.browser import sign_in
from tests.conftest import PASSWORD, REQUEST, Cast, everybody
from tests.fleet import WEBS, WORKERS, Fleet, fleet_in
from tests.proxy import needs_proxy
from tests.waiting import eventually, until_status

pytestmark = needs_proxy
SOON = 15_000  # milliseconds a page may take to follow
EDITED = "Dear Marta,\n\n40 € it is."


@pytest.fixture
def fleet(transactional_db: None, tmp_path: Path) -> Iterator[Fleet]:
    with fleet_in(tmp_path) as made:
        yield made


@pytest.fixture
def cast(transactional_db: None) -> Cast:
    """Alice asks and decides, so that one session does everything."""
    found = everybody()
    found.alice.groups.add(Group.objects.get(name="requesters"))
    Policy.objects.update(four_eyes=False)
    return found


@pytest.fixture
def page(fleet: Fleet, cast: Cast, browser: Browser) -> Iterator[Page]:
    fleet.start(*WEBS, *WORKERS)
    fleet.proxy.start()
    context = browser.new_context(base_url=fleet.url, reduced_motion="reduce")
    opened = context.new_page()
    sign_in(opened, username="alice", password=PASSWORD, path="/new/prompt_chain/")
    yield opened
    context.close()


def test_a_session_survives_the_kill_of_any_one_process(fleet: Fleet, cast: Cast, page: Page, tmp_path: Path) -> None:
    for name in WEBS:
        a_web_process_is_killed(fleet, page, name)
    the_proxy_is_killed(fleet, page)
    killed = {a_worker_is_killed(fleet, cast, page, tmp_path / "first")}
    killed |= {a_worker_is_killed(fleet, cast, page, tmp_path / "second", back=killed.pop())}
    fleet.start(*killed)

    assert Thread.objects.count() == 5
    for thread in Thread.objects.all():
        nothing_is_lost_or_doubled(thread)


def a_web_process_is_killed(fleet: Fleet, page: Page, name: str) -> None:
    """The moment before the verdict is sent."""
    thread = ask(page)
    page.get_by_role("link", name="Edit", exact=False).first.click()
    page.get_by_label("Reply").fill(EDITED)
    fleet.kill(name)
    page.get_by_role("button", name="Approve with changes").click()
    follows_to_the_end(page, thread)
    fleet.start(name)


def the_proxy_is_killed(fleet: Fleet, page: Page) -> None:
    """And comes back; meanwhile the thread goes on, and the page catches up."""
    thread = ask(page)
    fleet.proxy.kill()
    expect(page.locator("[data-connection]").first).to_have_text("Reconnecting", timeout=SOON)
    fleet.proxy.start()
    page.get_by_role("link", name="Edit", exact=False).first.click()
    page.get_by_label("Reply").fill(EDITED)
    page.get_by_role("button", name="Approve with changes").click()
    follows_to_the_end(page, thread)


def a_worker_is_killed(fleet: Fleet, cast: Cast, page: Page, effects: Path, back: str = "") -> str:
    """The one at work. `back`, killed before, is started again only then, so that each has its turn."""
    effects.touch()
    thread = threads.submit(cast.alice, "slow", {"effects": str(effects), "seconds": 1})
    page.goto(f"/t/{thread.id}/")
    eventually(lambda: "work begins" in effects.read_text(), what="a worker at work")
    name = holder(fleet, thread)
    fleet.kill(name)
    if back:
        fleet.start(back)
    expect(page.locator("#main")).to_contain_text("Needs review", timeout=2 * SOON)
    page.get_by_role("button", name="Approve").click()
    follows_to_the_end(page, thread)
    assert effects.read_text().splitlines() == ["work begins", "work begins", "work ends", "act 40"]
    return name


def holder(fleet: Fleet, thread: Thread) -> str:
    owner = Run.objects.get(thread=thread).lease_owner
    return next(name for name in WORKERS if re.search(rf"\b{fleet.number_of(name)}\b|{name}", owner or ""))


def ask(page: Page) -> Thread:
    """A request, whose page then shows by itself what is asked."""
    page.goto("/new/prompt_chain/")
    page.get_by_label("What do you need?").fill(REQUEST)
    page.get_by_role("button", name="Send request").click()
    page.wait_for_url(re.compile("/t/"))
    expect(page.get_by_role("link", name="Edit", exact=False).first).to_be_visible(timeout=SOON)
    return Thread.objects.get(id=page.url.split("/t/")[1].strip("/"))


def follows_to_the_end(page: Page, thread: Thread) -> None:
    """Nobody reloads the page."""
    until_status(thread, ThreadStatus.DONE)
    expect(page.locator("#main")).to_contain_text("Done", timeout=SOON)
    expect(page.locator("[data-connection]").first).to_have_text("Live", timeout=SOON)


def nothing_is_lost_or_doubled(thread: Thread) -> None:
    question = Interrupt.objects.get(thread=thread)
    decision = Decision.objects.get(interrupt=question)
    assert Vote.objects.filter(interrupt=question).count() == 1
    assert decision.applied_at is not None
    assert decision.voided_at is None
    applied = Event.objects.filter(thread=thread, kind=EventKind.DECISION_APPLIED)
    assert applied.count() == 1
    ran = [node for step in inspection.steps_of(thread) for node in step.nodes]
    assert len(ran) == len(set(ran)), ran
    state = inspection.state_of(thread)
    assert state is not None
    if thread.chain == "prompt_chain":
        assert state.values["final_response"] == EDITED


def test_replacing_the_web_processes_one_by_one_costs_no_request(fleet: Fleet, cast: Cast) -> None:
    fleet.start(*WEBS)
    fleet.proxy.start()
    answers: list[int] = []
    ended = threading.Event()

    def keep_asking() -> None:
        while not ended.is_set():
            with urllib.request.urlopen(f"{fleet.url}/accounts/login/", timeout=30) as answer:
                answers.append(answer.status)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    for name in WEBS:
        before = len(answers)
        assert fleet.stop(name)
        eventually(partial(more_than, answers, before + 5), what="answers of the other one")
        fleet.start(name)
        time.sleep(1)  # until the proxy has seen it
    assert asking.is_alive(), "a request failed"
    ended.set()
    asking.join()
    assert set(answers) == {200}


def more_than(answers: list[int], count: int) -> bool:
    return len(answers) > count
