"""One web process, one worker and one signed-in browser for a whole module of tests, on a database left as it is."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
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


@pytest.fixture(scope="module")
def lasting_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """pytest-django's own is for one test; starting web, worker and browser for each would take minutes. Every table is
    emptied at the end, as a test with its own database would do.
    """
    with django_db_blocker.unblock():
        yield
        call_command("flush", verbosity=0, interactive=False)
        connections.close_all()  # beside Playwright's event loop Django keeps other connections than without it


@pytest.fixture(scope="module")
def office(lasting_database: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    stack = Stack(tmp_path_factory.mktemp("office"))
    try:
        yield _open(stack, browser)
    finally:
        stack.stop()


def _open(stack: Stack, browser: Browser) -> Office:
    cast = everybody()
    stack.start_web()
    stack.start_worker()
    context = browser.new_context(base_url=stack.url, reduced_motion="reduce", viewport={"width": 1280, "height": 1000})
    visitor = Visitor(context.new_page(), context)
    visitor.watch(visitor.page)
    sign_in(visitor.page, username="alice", password=PASSWORD, path="/queue/")
    return Office(stack, cast, visitor)
