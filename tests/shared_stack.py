"""One web process, one worker and one signed-in browser for a whole module of tests, on a database left as it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connections
from playwright.sync_api import Browser, Page

from approvals.models import Interrupt
from tests.browser import Visitor, sign_in
from tests.conftest import PASSWORD, Cast, everybody
from tests.stack import Stack


@dataclass
class Office:
    """Alice at her browser, and a real worker behind it."""

    stack: Stack
    cast: Cast
    visitor: Visitor

    @property
    def page(self) -> Page:
        return self.visitor.page

    def look_at(self, question: Interrupt, *, editing: bool = False) -> None:
        self.page.goto(f"/t/{question.thread_id}/" + (f"?edit={question.id}" if editing else ""))


@contextmanager
def office(browser: Browser, logs: Path) -> Iterator[Office]:
    stack = Stack(logs)
    try:
        yield _open(stack, browser)
    finally:
        stack.stop()


@contextmanager
def database(blocker: Any) -> Iterator[None]:
    """Open for longer than one test; every table is emptied at the end, as a test with its own database would do."""
    with blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()  # beside Playwright's event loop Django keeps other connections than without it


def _open(stack: Stack, browser: Browser) -> Office:
    cast = everybody()
    stack.start_web()
    stack.start_worker()
    context = browser.new_context(base_url=stack.url, reduced_motion="reduce", viewport={"width": 1280, "height": 1000})
    visitor = Visitor(context.new_page(), context)
    visitor.watch(visitor.page)
    sign_in(visitor.page, username="alice", password=PASSWORD, path="/queue/")
    return Office(stack, cast, visitor)
