"""From the worker's commit of a question to its row in a reviewer's open queue: milliseconds, p50 and p95.

Both ends are on one machine: the database's clock stamps the row, the browser's stamps its arrival in the page.
"""

import os
import statistics
import time
from datetime import UTC, datetime

from playwright.sync_api import Page, sync_playwright

from approvals import threads
from approvals.models import Event, EventKind, Interrupt, Thread
from bench.desk import PASSWORD, Desk
from bench.people import nobody_waits, person
from tests.browser import QUIET, find_browser, sign_in

TRIALS = 30
TEXT = {"request": "Hello"}
WATCH = """() => {
  window.arrived = {};
  const look = () => document.querySelectorAll('[data-row]').forEach(row => {
    window.arrived[row.dataset.row] ??= Date.now();
  });
  new MutationObserver(look).observe(document.body, {childList: true, subtree: true, attributes: true});
}"""


def measure(desk: Desk) -> None:
    nobody_waits()
    requester = person("bench-requester", "requesters")
    person("bench-reviewer", "reviewers")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # Playwright keeps an event loop running in this thread
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=find_browser(), args=[*QUIET, *sandbox])
        page = browser.new_context(base_url=desk.url).new_page()
        sign_in(page, username="bench-reviewer", password=PASSWORD, path="/queue/")
        page.evaluate(WATCH)
        took = sorted(_one(page, threads.submit(requester, "prompt_chain", TEXT)) for _ in range(TRIALS))
        browser.close()
    print(f"live: worker's commit to row in an open queue, {TRIALS} trials, milliseconds")
    print(f"  p50 {statistics.median(took):.0f}   p95 {took[int(TRIALS * 0.95) - 1]:.0f}   longest {took[-1]:.0f}")


def _one(page: Page, thread: Thread) -> float:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        question = Interrupt.objects.open().filter(thread=thread).first()
        arrived = question and page.evaluate("id => window.arrived[id]", str(question.id))
        if question and arrived:
            committed = Event.objects.get(thread=thread, kind=EventKind.INTERRUPT_RAISED).at
            return (datetime.fromtimestamp(arrived / 1000, UTC) - committed).total_seconds() * 1000
        page.wait_for_timeout(20)
    raise TimeoutError("The row never came.")
