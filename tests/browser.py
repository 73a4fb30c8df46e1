"""A real Chromium, and people signed in with it through the real sign-in page."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, sync_playwright

from tests.stack import Stack

UNPACKED = Path(__file__).resolve().parent.parent / "var" / "chromium" / "run"  # put there by tests/machine.py
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
APPLICATIONS = ("Google Chrome", "Chromium")
# By pages that were already on their way, before one goes where one wants to.
INTERRUPTIONS = 5
OVERTAKEN = ("interrupted by another navigation", "net::ERR_ABORTED")
QUIET = [
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Visitor:
    """One person's own browser profile, on one page, and everything the browser held against that page."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("console", self._note_console)
        page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))

    def _note_console(self, message: ConsoleMessage) -> None:
        """Chromium reports what a Content-Security-Policy blocks here too, as an error."""
        if message.type in ("error", "warning"):
            self.complaints.append(f"console {message.type}: {message.text} ({message.location.get('url')})")


class OpenPageFor(Protocol):
    def __call__(self, username: str, *, password: str, path: str = "/") -> Visitor: ...


def find_browser() -> Path | None:
    """The CHROMIUM variable, then what the system has, then what tests/machine.py has unpacked."""
    named = os.environ.get("CHROMIUM")
    installed = [shutil.which(name) for name in ([named] if named else NAMES)]
    applications = [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in APPLICATIONS]
    candidates = [*(Path(path) for path in installed if path), *(Path(path) for path in applications), UNPACKED]
    return next((path for path in candidates if path.exists()), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Playwright keeps an event loop running in this thread, which Django would take for an async view's."""
    executable = find_browser()
    assert executable, "No Chromium was found: run the tests with python3 run.py test, which sees to it."
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        patch.setattr(Page, "goto", _patiently(Page.goto))
        started = playwright.chromium.launch(executable_path=executable, args=[*QUIET, *sandbox])
        yield started
        started.close()


@pytest.fixture
def page_for(browser: Browser, stack: Stack) -> Iterator[OpenPageFor]:
    """Opens a page as somebody, in a browser profile of their own; the first use starts the web process."""
    contexts: list[BrowserContext] = []

    def open_page(username: str, *, password: str, path: str = "/") -> Visitor:
        context = browser.new_context(
            base_url=stack.url, reduced_motion="reduce", viewport={"width": 1280, "height": 900}
        )
        contexts.append(context)
        visitor = Visitor(context.new_page(), context)
        visitor.watch(visitor.page)
        sign_in(visitor.page, username=username, password=password, path=path)
        return visitor

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.close()
        context.close()


def _patiently(goto: Callable[..., object]) -> Callable[..., object]:
    """As somebody who types an address: they get there although the answer to a form they have just sent still comes in
    between. Playwright gives up then, be it for the page that comes or for its own navigation of before.
    """

    def patient(page: Page, url: str, **options: object) -> object:
        for _ in range(INTERRUPTIONS):
            try:
                return goto(page, url, **options)
            except Error as error:
                if not any(words in error.message for words in OVERTAKEN):
                    raise
            page.wait_for_timeout(200)  # for what is on its way to arrive
        return goto(page, url, **options)

    return patient


def sign_in(page: Page, *, username: str, password: str, path: str) -> None:
    page.goto(f"/accounts/login/?next={path}")
    page.fill("input[name=username]", username)
    page.fill("input[name=password]", password)
    page.press("input[name=password]", "Enter")
    page.wait_for_url(lambda url: "/accounts/login/" not in url)
