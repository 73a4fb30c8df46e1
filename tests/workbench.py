"""One web process, one worker and one browser, with a model that fails and waits on command, for tests that walk four
chains through the workbench.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from approvals import inspection, threads
from approvals.models import Interrupt, Thread, ThreadStatus
from tests.browser import Visitor, sign_in
from tests.conftest import PASSWORD, REQUEST, Cast, everybody
from tests.openai_stub import Stub, openai_stub
from tests.stack import Stack
from tests.support_desk import BOTH, MARTA
from tests.waiting import until_status

SOON = 15_000  # milliseconds a page may take to follow
USUAL = 5_000  # what Playwright waits unless it is told otherwise


@dataclass(frozen=True)
class Walked:
    """A chain, and what its pages say of it.

    While its first questions wait: `next` is the node that ran first, `holds` are those that wait, `again` those that
    an edit leaves to run, and an edit that counts as the work of `passing` goes by the questions. `fails` is the node
    that needs the model. With the values `talks` the node `writes` writes a text with `streams` in it at once, and
    counts its work if it `counts`. `more` fills the form of another message.
    """

    chain: str
    channels: tuple[str, ...]
    next: str
    holds: tuple[str, ...]
    again: tuple[str, ...]
    passing: str
    questions: tuple[str, ...]
    fails: str
    writes: str
    streams: str
    counts: bool = True
    values: Mapping[str, Any] = field(default_factory=lambda: {"request": REQUEST})
    talks: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=lambda: {"Request": MORE})

    def __str__(self) -> str:
        return self.chain


MORE = "And one more thing: please refund 10.00 EUR for order ORD-48213."
EDITED = "Customer: Marta Nowak\nOrder: ORD-48213\n\nPlease refund 20.00 EUR, as agreed by phone."
HUMAN = "Human in the loop: after model"
OURS = ("messages", "amount", "letter", "log")
PROMPT_CHAIN = Walked(
    "prompt_chain",
    channels=("messages", "analysis", "processed_content", "final_response"),
    next="analyze",
    holds=("review",),
    again=("Review",),
    passing="analyze",
    questions=("Reply to Marta Nowak about ORD-48213",),
    fails="Analyze",
    writes="Analyze",
    streams="intent",
    counts=False,
    more={"What do you need?": MORE},
)
SUPPORT_AGENT = Walked(
    "support_agent",
    channels=("messages",),
    next="model",
    holds=(HUMAN,),
    again=(HUMAN,),
    passing="tools",
    questions=("Issue refund and 1 more",),
    fails="Model",
    writes="Model",
    streams="ORD-99999",
    counts=False,
    values={**MARTA, "message": BOTH},
    talks={"order_number": "ORD-99999"},
    more={"Customer": "Marta Nowak", "Order number": "ORD-48213", "What does the customer want?": MORE},
)
NESTED = Walked(
    "nested",
    channels=OURS,
    next="prepare",
    holds=("desk",),
    again=("Desk",),
    passing="desk",
    questions=("Send it (desk)?",),
    fails="Desk",
    writes="Write",
    streams="Hello",
)
BESIDE = Walked(
    "beside",
    channels=OURS,
    next="write",
    holds=("left", "right"),
    again=("Left", "Right", "Count"),
    passing="left",
    questions=("Send it (left)?", "Send it (right)?"),
    fails="Write",
    writes="Write",
    streams="Hello",
)
CHAINS = (PROMPT_CHAIN, SUPPORT_AGENT, NESTED, BESIDE)


@dataclass
class Workbench:
    """`shown` are threads that wait and that tests only look at, one of each chain."""

    stack: Stack
    cast: Cast
    model: Stub
    browser: Browser
    visitors: dict[str, Visitor] = field(default_factory=dict)
    shown: dict[str, Thread] = field(default_factory=dict)

    def page_of(self, username: str) -> Page:
        """Signed in once, and kept."""
        if username not in self.visitors:
            context = self.browser.new_context(
                base_url=self.stack.url, reduced_motion="reduce", viewport={"width": 1440, "height": 900}
            )
            visitor = self.visitors[username] = Visitor(context.new_page(), context)
            visitor.page.set_default_timeout(SOON)
            visitor.watch(visitor.page)
            sign_in(visitor.page, username=username, password=PASSWORD, path="/me/")
        return self.visitors[username].page

    def complaints(self, *but: str) -> list[str]:
        """What browsers held against the pages since this was last asked, except for statuses that were meant."""
        found = [text for visitor in self.visitors.values() for text in visitor.complaints]
        for visitor in self.visitors.values():
            visitor.complaints.clear()
        return [text for text in found if not any(status in text for status in but)]

    def submit(self, walked: Walked, **values: Any) -> Thread:
        return threads.submit(self.cast.rita, walked.chain, {**walked.values, **values})

    def waiting(self, walked: Walked) -> Thread:
        """A new one, whose questions wait."""
        thread = self.submit(walked)
        until_status(thread, ThreadStatus.PAUSED)
        return thread

    def to_look_at(self, walked: Walked) -> Thread:
        if walked.chain not in self.shown:
            self.shown[walked.chain] = self.waiting(walked)
        return self.shown[walked.chain]

    def failed(self, walked: Walked) -> Thread:
        """One that the model turned away for good; it answers again afterwards."""
        self.model.status = 400
        thread = self.submit(walked)
        until_status(thread, ThreadStatus.FAILED)
        self.model.status = 0
        return thread


def edit(page: Page, *, as_node: str = "") -> None:
    """As far as the page that shows what would come of it."""
    page.get_by_label("Text", exact=True).first.fill(EDITED)
    page.get_by_label("Where the request stands after the edit").select_option(as_node)
    page.get_by_role("button", name="Look at the change").click()
    expect(page.get_by_role("region", name="Old and new values")).to_contain_text(EDITED)


def give_word(page: Page, label: str, button: str) -> None:
    page.get_by_label(label).fill("They called.")
    page.get_by_role("button", name=button).click()
    page.wait_for_url(re.compile(r"/t/[\w-]+/$"))


def titles(thread: Thread) -> list[str]:
    """Of the open questions."""
    return sorted(Interrupt.objects.open().filter(thread=thread).values_list("title", flat=True))


def checkpoint_before(thread: Thread, node: str) -> str:
    """The newest step from which this node ran next."""
    for step in inspection.steps_of(thread):
        state = inspection.state_of(thread, checkpoint_id=step.checkpoint_id)
        if state is not None and node in state.next:
            return step.checkpoint_id
    raise LookupError(node)


@pytest.fixture(scope="module")
def bench(lasting_database: None, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    directory = tmp_path_factory.mktemp("bench")
    stack = Stack(directory)
    try:
        with openai_stub() as model:
            cast = everybody()
            options = {"support_agent": {"shop": str(directory / "shop.sqlite3")}}
            environment = {
                "HOLDPOINT_MODEL": "openai:gpt-5-mini",
                "HOLDPOINT_CHAIN_OPTIONS": json.dumps(options),
                "OPENAI_API_KEY": "sk-of-the-test",
                "OPENAI_BASE_URL": model.url,
            }
            stack.start_web(**environment)
            stack.start_worker(concurrency=4, **environment)
            expect.set_options(timeout=SOON)
            yield Workbench(stack, cast, model, browser)
            model.gate.set()
    finally:
        expect.set_options(timeout=USUAL)
        stack.stop()
