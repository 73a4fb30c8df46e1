"""Every format a graph can ask in, and every verdict it takes, all the way: browser, worker, and what the node got."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from approvals import inspection, threads
from approvals.models import Decision, Interrupt, Thread, ThreadStatus, Verdict
from chains.canonical import canonical_bytes
from tests.browser import sign_in
from tests.conftest import PASSWORD
from tests.graphs.agents import REFUND as CALLED
from tests.graphs.catalogue import GRAPHS
from tests.graphs.formats import MAIL, OTHER, REFUND, REQUEST
from tests.shared_stack import Office
from tests.test_pages_live import RULES
from tests.waiting import eventually

SLOW = 90  # seconds; other tests may share the machine


@dataclass(frozen=True)
class Say:
    """One item's verdict; `fill` is what to type, by the end of the control's name."""

    verdict: str
    words: str = ""
    fill: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """`says` are the questions in the order they are decided, each with its items."""

    graph: str
    says: list[list[Say]]
    got: Any
    verdicts: list[str] | None = None

    def __str__(self) -> str:
        return f"{self.graph}-{'+'.join('/'.join(one.verdict for one in says) for says in self.says)}"


APPROVE, REJECT = Say("approve"), Say("reject", "Not “ours” <b>at all</b>.\nReally: 0 €.")
RESPOND = Say("respond", "Ask her first — “today”, bitte.\n\tÜ 👋")
NO, WORDS = REJECT.words, RESPOND.words
WHOLE = json.dumps({**REFUND, "amount": 41})
EDITED = {**REFUND, "amount": 41}
AMOUNT = Say("edit", fill={"arguments.amount": "41"})
WHOLE_EDIT = Say("edit", fill={"arguments.value": WHOLE})
ASKED = REQUEST["action_request"]
LEGACY_EDIT = {"type": "edit", "args": {"action": "issue_refund", "args": EDITED}}
REJECTED = {"type": "reject", "message": NO}
CALL_EDIT = Say("edit", fill={"arguments.amount": "41"})


def bound(verdict: str, arguments: Any = REFUND, message: str = "") -> list[Any]:
    return [[verdict, arguments, message, "Alice Okafor"]]


def edited(name: str, arguments: Any, *, key: str = "edited_action") -> dict[str, Any]:
    return {"type": "edit", key: {"name": name, "args": arguments}}


BOUND = [
    Case("bound", [[APPROVE]], bound("approve")),
    Case("bound", [[AMOUNT]], bound("edit", EDITED)),
    Case("bound", [[REJECT]], bound("reject", message=NO)),
    Case("bound", [[RESPOND]], bound("respond", message=WORDS)),
    Case("bound_narrow", [[APPROVE]], bound("approve", MAIL)),
    Case("bound_narrow", [[REJECT]], bound("reject", MAIL, NO)),
]
LEGACY = [
    Case("legacy_object", [[APPROVE]], [[{"type": "accept", "args": ASKED}]]),
    Case("legacy_object", [[WHOLE_EDIT]], [[LEGACY_EDIT]]),
    Case("legacy_object", [[RESPOND]], [[{"type": "response", "args": WORDS}]]),
    Case("legacy_object", [[REJECT]], [[{"type": "ignore", "args": None}]]),
    Case("legacy_list", [[WHOLE_EDIT]], [[LEGACY_EDIT]]),
    Case("legacy_text", [[RESPOND]], [[{"type": "response", "args": WORDS}]]),
    Case("legacy_text_list", [[REJECT]], [[{"type": "ignore", "args": None}]]),
    Case("legacy_text_list", [[APPROVE]], [[{"type": "accept", "args": OTHER["action_request"]}]]),
    Case(
        "legacy_several",
        [[RESPOND, APPROVE]],
        [[{"type": "response", "args": WORDS}, {"type": "accept", "args": OTHER["action_request"]}]],
        ["mixed"],
    ),
    Case("legacy_several", [[REJECT, REJECT]], [[{"type": "ignore", "args": None}] * 2], ["reject"]),
]
BATCHES = [
    Case(
        "batch_snake",
        [[APPROVE, REJECT, WHOLE_EDIT]],
        [{"decisions": [{"type": "approve"}, REJECTED, edited("issue_refund", EDITED)]}],
        ["mixed"],
    ),
    Case(
        "batch_snake",
        [[RESPOND, APPROVE, REJECT]],
        [{"decisions": [{"type": "respond", "message": WORDS}, {"type": "approve"}, REJECTED]}],
        ["mixed"],
    ),
    Case("batch_snake", [[REJECT] * 3], [{"decisions": [REJECTED] * 3}], ["reject"]),
    Case("batch_camel", [[Say("approve all")]], [{"decisions": [{"type": "approve"}] * 2}], ["approve"]),
    Case(
        "batch_camel",
        [[AMOUNT, REJECT]],
        [{"decisions": [edited("issue_refund", EDITED, key="editedAction"), REJECTED]}],
        ["mixed"],
    ),
]
FREE = [
    Case(
        "free",
        [
            *([APPROVE], [REJECT], [Say("respond", "blue")], [Say("respond", '{"a": [1, 2.50, null]}')]),
            *([Say("respond", "007")], [Say("respond", "null")], [RESPOND]),
        ],
        [True, False, "blue", {"a": [1, 2.5, None]}, "007", None, WORDS],
    ),
    Case("batch_broken", [[Say("respond", '{"decisions": []}')]], [{"decisions": []}]),
    Case(
        "schema_dict",
        [[Say("answer", fill={"value.street": "Ünter 5", "value.floor": "3"})]],
        [{"street": "Ünter 5", "floor": 3}],
    ),
    Case("schema_dict", [[Say("answer", fill={"value.street": "Here"})]], [{"street": "Here"}]),
    Case(
        "schema_model",
        [[Say("answer", fill={"value.colour": "green", "value.pieces": "10"})]],
        ["Choice", {"colour": "green", "pieces": 10}],
    ),
    Case("breakpoint_before", [[APPROVE]], ["worked", "worked"]),
    Case("breakpoint_after", [[APPROVE]], ["worked", "worked"]),
]
TOGETHER = [
    Case(
        "parallel_formats",
        [[APPROVE, REJECT, REJECT], [WHOLE_EDIT], [APPROVE]],
        [
            ["batch", {"decisions": [{"type": "approve"}, REJECTED, REJECTED]}],
            ["legacy", [LEGACY_EDIT]],
            ["plain", True],
        ],
        ["mixed", "edit", "approve"],
    ),
    Case("fan_out", [[APPROVE], [REJECT], [RESPOND]], [["lamp", True], ["desk", False], ["chair", WORDS]]),
    Case("in_subgraph", [[WHOLE_EDIT]], [["inner", [LEGACY_EDIT]]]),
    Case("in_subgraphs", [[APPROVE], [REJECT], [RESPOND]], [["left", True], ["outer", WORDS], ["right", False]]),
]


def paid(**changes: Any) -> str:
    """What the refund tool says: the arguments it ran with, as canonical JSON."""
    return canonical_bytes({**CALLED, "urgent": False, **changes}).decode()


def told(name: str) -> str:
    return f"User rejected the tool call for `{name}` with reason: {NO}"


FOUND, DELETED = "found ORD-48213", "deleted /tmp/grüße"
AGENTS = [
    Case("agent_batched", [[Say("approve all")] * 2], {paid(), FOUND, DELETED}, ["approve"]),
    Case("agent_batched", [[CALL_EDIT, REJECT]], {paid(amount=41), FOUND, told("delete_file")}, ["mixed"]),
    Case("agent_batched", [[RESPOND, APPROVE]], {WORDS, FOUND, DELETED}, ["mixed"]),
    Case("agent_per_call", [[APPROVE], [REJECT]], {paid(), FOUND, told("delete_file")}),
    Case("agent_per_call", [[CALL_EDIT], [APPROVE]], {paid(amount=41), FOUND, DELETED}),
    Case("agent_per_call", [[REJECT], [APPROVE]], {told("issue_refund"), FOUND, DELETED}),
    Case("agent_per_call_one_way", [[RESPOND]], {WORDS}),
    Case("agent_per_call_edit", [[CALL_EDIT]], {paid(amount=41)}),
]
CASES = [*BOUND, *LEGACY, *BATCHES, *FREE, *TOGETHER, *AGENTS]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_what_the_reviewer_decides_is_what_the_node_receives(office: Office, case: Case) -> None:
    values = {"messages": [{"role": "user", "content": "Go."}]} if case.graph.startswith("agent") else {"log": []}
    thread = threads.submit(office.cast.rita, case.graph, values)
    decided = [_decide_next(office, thread, number, says) for number, says in enumerate(case.says)]
    _until(lambda: _status(thread) == ThreadStatus.DONE, thread)

    assert _got(thread) == case.got
    verdicts = [Decision.objects.get(interrupt=question).verdict for question in decided]
    assert verdicts == (case.verdicts or [_verdict(says) for says in case.says])
    assert all(decision.applied_at for decision in Decision.objects.filter(interrupt__thread=thread))
    assert office.visitor.complaints == []


def test_every_graph_of_the_catalogue_is_driven() -> None:
    assert {case.graph for case in CASES} == {name for name, _ in GRAPHS}


def _decide_next(office: Office, thread: Thread, number: int, says: list[Say]) -> Interrupt:
    open_ones = Interrupt.objects.open().filter(thread=thread)
    _until(lambda: open_ones.exists() and _status(thread) == ThreadStatus.PAUSED, thread)
    question = _in_order(list(open_ones))[0]
    office.look_at(question, editing=len(_items(question)) == 1 and says[0].verdict == "edit")
    _decide(office.page, question, says)
    _until(lambda: Decision.objects.filter(interrupt=question).exists(), thread, saying=office.page)
    return question


def _decide(page: Page, question: Interrupt, says: list[Say]) -> None:
    bar, form = page.locator(f"[data-bar='{question.id}']"), page.locator(f"#decide-{question.id}")
    if says[0].verdict == "approve all":
        bar.get_by_role("button", name="Approve all").click()
    elif len(_items(question)) > 1:
        for number, say in enumerate(says):
            part = form.locator(f"#item-{number}-{question.id}")
            part.locator(f"[type=radio][value={say.verdict}]").check()
            _fill(part, say)
            if say.words:
                part.locator(f"[name=item-{number}-note]").fill(say.words)
        bar.get_by_role("button", name="Send verdicts").click()
    else:
        _fill(form, says[0])
        if says[0].words:
            bar.locator("[name=note]").fill(says[0].words)
        verdict = "respond" if says[0].verdict == "answer" else says[0].verdict
        bar.locator(f"button[name=verdict][value={verdict}]").click()


def _fill(within: Any, say: Say) -> None:
    for name, text in say.fill.items():
        control = within.locator(f"[name$='{name}']").first
        kind = control.evaluate("element => element.type")
        if kind == "radio":
            within.locator(f"[name$='{name}'][value='{text}']").check()
        elif kind.startswith("select"):
            control.select_option(text)
        else:
            control.fill(text)


def _items(question: Interrupt) -> tuple[Any, ...]:
    return inspection.question_of(question).items


def _in_order(questions: list[Interrupt]) -> list[Interrupt]:
    """Questions asked at once: as their values name them, so that a case can say whose answer is whose."""
    places = ["lamp", "desk", "chair", "left", "right", "Outside", "issue_refund", "delete_file"]
    formats = ["batch", "legacy", "open"]

    def rank(question: Interrupt) -> tuple[int, int]:
        text = bytes(question.payload).decode()
        place = next((n for n, word in enumerate(places) if re.search(rf"\b{word}\b", text)), 0)
        return (formats.index(question.kind) if question.kind in formats else 0, place)

    return sorted(questions, key=rank)


def _verdict(says: list[Say]) -> str:
    return {"approve all": "approve", "answer": "respond"}.get(says[0].verdict, says[0].verdict)


def _status(thread: Thread) -> str:
    return Thread.objects.values_list("status", flat=True).get(id=thread.id)


def _got(thread: Thread) -> Any:
    """What the graph kept of the answers; of an agent, what its tools said."""
    state = inspection.state_of(thread)
    assert state is not None
    if state.messages:
        return {message.text for message in state.messages if message.role == "tool"}
    return state.values["log"]


def _until(is_so: Any, thread: Thread, *, saying: Page | None = None) -> None:
    def check() -> bool:
        assert _status(thread) != ThreadStatus.FAILED, thread.runs.latest("created_at").error_message
        return bool(is_so())

    try:
        eventually(check, within=SLOW, what="the next step")
    except AssertionError:
        print(saying.locator("main").inner_text() if saying else "")
        raise


def test_the_words_of_the_verdicts_are_all_driven() -> None:
    said = {say.verdict for case in CASES for says in case.says for say in says}

    assert {Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT, Verdict.RESPOND} <= said


PAGES = [
    "batch_snake",
    "batch_camel",
    "schema_model",
    "breakpoint_before",
    "parallel_formats",
    "agent_per_call",
    "free",
]


@pytest.mark.parametrize("graph", PAGES)
def test_no_question_has_a_barrier_that_axe_knows_or_is_wider_than_a_phone(office: Office, graph: str) -> None:
    question = _asked(office, graph)
    for width, scheme in ((1440, "light"), (390, "dark"), (320, "light")):
        office.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # Tall enough for all of it: what the bar covers while one scrolls is no target that is too small.
        office.page.set_viewport_size({"width": width, "height": 3600})
        office.look_at(question)
        for radio in office.page.locator("[type=radio][value=edit]").all():
            radio.check()
        assert [found["id"] for found in Axe().run(office.page, options=RULES).response["violations"]] == []
        assert office.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    office.page.set_viewport_size({"width": 1280, "height": 1000})
    assert office.visitor.complaints == []


def test_a_refused_batch_comes_back_with_what_was_typed_and_the_focus_on_what_is_wrong(office: Office) -> None:
    question = _asked(office, "batch_camel")
    office.look_at(question)
    _decide(office.page, question, [Say("edit", fill={"arguments.amount": "-5"}), REJECT])
    summary = office.page.locator(".errs[tabindex]").first
    summary.wait_for()

    assert summary.evaluate("element => element === document.activeElement")
    assert office.page.locator("[name='item-0-arguments.amount']").input_value() == "-5"
    assert office.page.locator("[name='item-1-note']").input_value() == NO
    assert [found["id"] for found in Axe().run(office.page, options=RULES).response["violations"]] == []
    office.visitor.complaints.clear()  # the browser reports the 422 itself
    _decide(office.page, question, [AMOUNT, REJECT])
    _until(lambda: Decision.objects.filter(interrupt=question).exists(), question.thread)


def test_without_javascript_a_batch_is_decided_too(office: Office, browser: Browser) -> None:
    question = _asked(office, "batch_snake")
    context = browser.new_context(base_url=office.stack.url, java_script_enabled=False)
    page = context.new_page()
    sign_in(page, username="alice", password=PASSWORD, path=f"/t/{question.thread_id}/")

    words = page.locator("[name=item-0-note]")
    assert not words.is_visible()
    page.get_by_role("button", name="Send verdicts").click()
    assert page.locator("main").inner_text().count("Choose what to do with it") == 3
    page.locator("[name=item-0-verdict][value=respond]").check()
    assert words.is_visible()
    _decide(page, question, [RESPOND, APPROVE, REJECT])

    _until(lambda: _status(question.thread) == ThreadStatus.DONE, question.thread)
    expected = {"decisions": [{"type": "respond", "message": WORDS}, {"type": "approve"}, REJECTED]}
    assert _got(question.thread) == [expected]
    context.close()


def _asked(office: Office, graph: str) -> Interrupt:
    values = {"messages": [{"role": "user", "content": "Go."}]} if graph.startswith("agent") else {"log": []}
    thread = threads.submit(office.cast.rita, graph, values)
    open_ones = Interrupt.objects.open().filter(thread=thread).select_related("thread")
    _until(lambda: open_ones.exists() and _status(thread) == ThreadStatus.PAUSED, thread)
    return open_ones[0]
