"""A project written for LangGraph alone, used as it is: its langgraph.json is all that Holdpoint is told."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from approvals import decisions, inspection, threads
from approvals.ballots import Ballot
from approvals.inspection import BadAnswer, Reply
from approvals.models import Thread, ThreadStatus, Verdict
from approvals.opened import registry
from tests.conftest import Cast, open_question
from tests.stack import ROOT, Stack
from tests.test_main_job import ballot, seen, values
from tests.waiting import until_status

PROJECT = ROOT / "tests" / "projects" / "assistants"


@pytest.fixture(autouse=True)
def _project(stack: Stack, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The worker is started first, so that what it knows of the project it has from the file."""
    stack.start_worker(HOLDPOINT_LANGGRAPH_JSON=str(PROJECT / "langgraph.json"))
    settings.HOLDPOINT_LANGGRAPH_JSON = str(PROJECT / "langgraph.json")
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = {*sys.modules}, {*os.environ}
    registry.cache_clear()
    yield
    registry.cache_clear()
    for name in {*sys.modules} - before[0]:
        if _is_the_projects(sys.modules[name]):
            del sys.modules[name]
    for name in {*os.environ} - before[1]:
        monkeypatch.delenv(name)


def _is_the_projects(module: Any) -> bool:
    return PROJECT in Path(getattr(module, "__file__", None) or "/").parents


def paused(cast: Cast, chain: str, **form: Any) -> Thread:
    thread = threads.submit(cast.rita, chain, form)
    until_status(thread, ThreadStatus.PAUSED)
    return thread


def test_nothing_in_the_project_knows_holdpoint() -> None:
    for file in PROJECT.rglob("*.py"):
        assert not {"holdpoint", "chains", "approvals"} & {*file.read_text().lower().replace(".", " ").split()}, file


def test_an_agent_runs_exactly_the_calls_that_were_decided(cast: Cast) -> None:
    thread = paused(cast, "refund_agent", messages="The lamps of order A-7 are broken.")
    question = open_question(thread)
    assert [call["name"] for call in question.value["action_requests"]] == ["refund", "tell_customer"]

    parts = [
        Reply(Verdict.EDIT, arguments={"order_id": "A-7", "amount": 25}),
        Reply(Verdict.RESPOND, message="I have called her."),
    ]
    decisions.decide(cast.alice, question.id, Ballot.of_parts(parts, seen(question)))
    until_status(thread, ThreadStatus.DONE)

    state = inspection.state_of(thread)
    assert state is not None
    said = state.messages[-1].text
    assert "Paid back 25 EUR for A-7." in said
    assert "I have called her." in said
    assert "Told the customer" not in said


def test_a_typed_question_takes_an_answer_of_its_type_and_no_other(cast: Cast) -> None:
    thread = paused(cast, "credit_limit", customer="Ann", wanted=900)
    question = open_question(thread)
    assert question.response_schema["properties"]["amount"]["maximum"] == 10_000

    with pytest.raises(BadAnswer, match="amount"):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.RESPOND, arguments={"amount": 10_001}))
    answer = {"amount": 300, "comment": "For a start."}
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.RESPOND, arguments=answer))
    until_status(thread, ThreadStatus.DONE)

    assert values(thread)["outcome"] == "Ann has 300 EUR. For a start."


def test_a_graph_that_was_compiled_to_stop_goes_on_once_it_is_approved(cast: Cast) -> None:
    thread = paused(cast, "newsletter", topic="lamps")
    question = open_question(thread)
    assert "published" not in values(thread)

    decisions.decide(cast.bob, question.id, ballot(question, Verdict.APPROVE))
    until_status(thread, ThreadStatus.DONE)

    assert values(thread)["published"] == "NEWS ABOUT LAMPS, BY THE ASSISTANTS."
