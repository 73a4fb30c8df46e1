"""A run's progress reaches those who may see its thread, whenever they come, and holds up nobody."""

import asyncio
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from approvals import broadcasts, threads
from approvals.consumers import MOST_BATCHES_KEPT, ProgressConsumer
from approvals.execution.progress import MOST_BARS, MOST_NODES, MOST_TEXT, Feed, Shown
from approvals.models import Run, Thread, ThreadStatus
from chains.progress import LONGEST_TEXT, NodeEnded, NodeStarted, Progress, Text
from chains.progress import Ending as NodeEnding
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast
from tests.stack import Stack
from tests.test_pages_live import RULES
from tests.test_socket import headers_of
from tests.waiting import until_status

SOON = 15_000
HOSTILE = '<img src=x onerror="window.owned=1"><script>window.owned=1</script> \u202egnp.exe\u200b\x1b[31m &amp; end'


@pytest.fixture
def gates(tmp_path: Path) -> Path:
    directory = tmp_path / "gates"
    directory.mkdir()
    return directory


def submit(cast: Cast, gates: Path | str, pieces: list[str], **more: Any) -> Thread:
    return threads.submit(cast.rita, "streaming", {"gates": str(gates), "pieces": pieces, **more})


def open_gate(gates: Path, name: str) -> None:
    (gates / name).touch()


@contextmanager
def follower(stack: Stack, person: User | None, thread: Thread, *, max_queue: int = 16) -> Iterator[ClientConnection]:
    address = f"{stack.url.replace('http', 'ws')}/t/{thread.id}/progress/"
    headers = headers_of(person)
    with connect(address, additional_headers=headers, origin=Origin(stack.url), max_queue=max_queue) as socket:
        yield socket


def batch_with(socket: ClientConnection, text: str, *, within: float = 15) -> dict[str, Any]:
    """The first one that has the text in it."""
    deadline = time.monotonic() + within
    while True:
        batch = json.loads(socket.recv(timeout=max(deadline - time.monotonic(), 0.01)))
        if text in json.dumps(batch, ensure_ascii=False):
            return dict(batch)


def close_code(socket: ClientConnection, *, within: float = 10) -> tuple[int | None, str]:
    """Why it was closed, and all that was said before."""
    said = ""
    deadline = time.monotonic() + within
    try:
        while True:
            said += str(socket.recv(timeout=max(deadline - time.monotonic(), 0.01)))
    except ConnectionClosed as closed:
        return (closed.rcvd.code if closed.rcvd else None), said


def test_a_page_shows_bar_and_text_before_the_run_ends_and_again_after_a_reload(
    page_for: OpenPageFor, stack: Stack, cast: Cast, gates: Path
) -> None:
    stack.start_worker()
    thread = submit(cast, gates, ["Dear Marta, ", HOSTILE, " Kind regards"], label=f"Pages {HOSTILE}")
    visitor = page_for("rita", password=PASSWORD, path=f"/t/{thread.id}/")
    page = visitor.page

    for _ in range(2):
        expect(page.locator("#follow progress")).to_have_attribute("value", "2", timeout=SOON)
        expect(page.locator("#follow .nodes li.at_work")).to_contain_text("Count")
        page.reload()
    open_gate(gates, "count")
    for _ in range(2):
        expect(page.locator("#follow .log")).to_contain_text("Dear Marta,", timeout=SOON)
        expect(page.locator("#follow .nodes li.done")).to_contain_text("Count")
        page.reload()
    expect(page.locator("#follow .log")).to_contain_text("Dear Marta,", timeout=SOON)
    assert [found["id"] for found in Axe().run(page, options=RULES).response["violations"]] == []
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.RUNNING
    open_gate(gates, "write")

    expect(page.locator("#follow")).to_have_count(0, timeout=SOON)
    expect(page.locator("#thread")).to_contain_text("Kind regards")
    assert page.evaluate("window.owned") is None
    assert visitor.complaints == []


def test_hostile_text_is_shown_as_text_with_marks_for_what_cannot_be_seen(
    page_for: OpenPageFor, stack: Stack, cast: Cast, gates: Path
) -> None:
    stack.start_worker()
    thread = submit(cast, gates, [HOSTILE, "x"], label=HOSTILE)
    open_gate(gates, "count")
    page = page_for("rita", password=PASSWORD, path=f"/t/{thread.id}/").page

    log = page.locator("#follow .log")
    expect(log).to_contain_text("<script>window.owned=1</script>", timeout=SOON)
    assert page.evaluate("[window.owned, document.querySelectorAll('#follow img, #follow script').length]") == [None, 0]
    assert not {"\u202e", "\u200b", "\x1b"} & set(log.inner_text())
    _morph(page)
    expect(log).to_contain_text("&amp; end")
    open_gate(gates, "write")


def _morph(page: Page) -> None:
    """What the page does whenever something changed: it fetches itself and keeps what it was shown."""
    with page.expect_response(lambda response: "tab=" in response.url):
        page.evaluate("document.querySelector('#thread').dispatchEvent(new Event('changed'))")
    page.wait_for_timeout(100)


def test_whoever_comes_late_gets_all_there_is_so_far(stack: Stack, cast: Cast, gates: Path) -> None:
    stack.start_worker()
    thread = submit(cast, gates, [f"{number:04} " for number in range(2_000)])
    open_gate(gates, "count")
    with follower(stack, cast.alice, thread) as early:
        batch_with(early, "0999 ")
        time.sleep(1)
        with follower(stack, cast.rita, thread) as late:
            batch = batch_with(late, "0999 ", within=5)

    assert batch["whole"]
    assert "0000 0001" in batch["texts"][0]["text"]
    open_gate(gates, "write")


def test_strangers_and_the_unnamed_are_sent_away_with_a_code(stack: Stack, cast: Cast, gates: Path) -> None:
    stack.start_worker()
    thread = submit(cast, gates, ["confidential ", "x"])
    open_gate(gates, "count")
    with follower(stack, cast.rita, thread) as hers:
        batch_with(hers, "confidential")
        for person, code in ((cast.mallory, 4403), (None, 4401)):
            with follower(stack, person, thread) as socket:
                assert close_code(socket) == (code, "")
    open_gate(gates, "write")


@pytest.mark.parametrize("how", ["removed", "disabled", "signed out"])
def test_a_reviewer_who_may_not_see_it_any_more_gets_nothing_more(
    stack: Stack, cast: Cast, gates: Path, how: str
) -> None:
    stack.start_worker()
    thread = submit(cast, gates, ["early ", *["x "] * 30, *["late "] * 30], pause=0.1)
    open_gate(gates, "count")
    with follower(stack, cast.alice, thread) as socket:
        batch_with(socket, "early")
        if how == "removed":
            cast.alice.groups.clear()
        elif how == "disabled":
            User.objects.filter(id=cast.alice.id).update(is_active=False)
        else:
            Session.objects.all().delete()
        time.sleep(2.5)
        open_gate(gates, "write")
        code, said = close_code(socket)

    assert code == (4403 if how == "removed" else 4401)
    assert "late" not in said
    until_status(thread, ThreadStatus.DONE)


def test_a_socket_that_never_reads_does_not_slow_the_run(stack: Stack, cast: Cast) -> None:
    stack.start_worker()
    pieces = ["word " * 400] * 200
    seconds = []
    for readers in (0, 0, 5):
        thread = submit(cast, "", pieces, pause=0.005)
        following = [follower(stack, cast.alice, thread, max_queue=1) for _ in range(readers)]
        opened = [one.__enter__() for one in following]
        until_status(thread, ThreadStatus.DONE, within=60)
        run = Run.objects.get(thread=thread)
        assert run.started_at
        assert run.finished_at
        seconds.append((run.finished_at - run.started_at).total_seconds())
        for socket in opened:
            socket.socket.close()

    assert seconds[2] < 2 * seconds[1] + 0.5  # the first one paid for the worker's imports


def test_a_socket_that_never_reads_keeps_a_few_batches_only() -> None:
    async def scene() -> int:
        consumer = ProgressConsumer()
        for number in range(1_000):
            async with asyncio.timeout(1):
                await consumer.progress({"type": "progress", "number": number})
        assert consumer.batches[-1] == {"number": 999}
        return len(consumer.batches)

    with ThreadPoolExecutor(1) as beside:  # Playwright keeps a loop running in this thread
        assert beside.submit(lambda: asyncio.run(scene())).result() == MOST_BATCHES_KEPT


def test_a_worker_does_not_wait_for_a_redis_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(groups: list[str], message: Any) -> None:
        await asyncio.sleep(3_600)

    monkeypatch.setattr(broadcasts, "send", never)
    begun = time.monotonic()
    with Feed(Thread()) as feed:
        for number in range(20_000):
            feed.tell(Text(("write",), "m", f"{number} "))
        time.sleep(0.2)
        feed.tell(Text(("write",), "m", "the end"))
        batch = feed._batch()

    assert time.monotonic() - begun < 5
    assert batch["whole"]
    assert batch["texts"][0]["text"].endswith("19999 the end")


def test_what_is_kept_of_a_run_is_bounded_whatever_the_graph_does() -> None:
    shown = Shown()
    for number in range(3_000):
        path = ("\u202e" * 100,)
        shown.add(NodeStarted(path, f"{number}"))
        shown.add(Text(path, f"{number % 50}", "\u200b" * LONGEST_TEXT if number % 100 == 0 else "x" * 500))
        shown.add(Progress((f"{number}",), "\x00" * 200, 1, 2))
        if number % 7 == 0:
            shown.batch(0)
    whole = shown.batch(time.monotonic())

    assert len(json.dumps(whole)) < 250_000
    assert sum(len(text["text"]) for text in whole["texts"]) <= 2 * MOST_TEXT
    assert (len(whole["nodes"]), len(whole["bars"])) == (MOST_NODES, MOST_BARS)


def test_a_batch_continues_the_one_before_until_all_of_it_is_due() -> None:
    shown = Shown()
    shown.add(Text(("write",), "m", "a" * 3_000))
    first = shown.batch(100)
    shown.add(Text(("write",), "m", "b"))
    second = shown.batch(100.1)
    shown.add(Text(("write",), "m", "c"))
    third = shown.batch(103)

    assert [batch["number"] for batch in (first, second, third)] == [1, 2, 3]
    assert [batch["whole"] for batch in (first, second, third)] == [True, False, True]
    assert second["texts"] == [{"id": "m", "node": "Write", "text": "b"}]
    assert third["texts"][0]["text"] == "a" * 3_000 + "bc"


def test_a_bar_goes_with_the_node_it_belongs_to() -> None:
    shown = Shown()
    shown.add(NodeStarted(("count",), "1"))
    shown.add(Progress(("count",), "Pages", 1, 4))
    assert shown.batch(0)["bars"] == [{"label": "Pages", "done": 1, "total": 4}]
    shown.add(NodeEnded(("count",), "1", NodeEnding.DONE))

    assert shown.batch(0)["bars"] == []
    assert shown.batch(0)["nodes"] == [{"name": "Count", "is": "done"}]
