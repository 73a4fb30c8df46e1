"""Graphs whose nodes, routers and tools are only async run on the same workers as all others."""

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from approvals import decisions, threads
from approvals.models import Thread, ThreadStatus, Verdict
from chains.heads import HeadStatus
from chains.registry import Graph
from chains.registry.compiling import on_saver
from chains.runner import Work, advance
from tests.conftest import Cast, open_question, work_off
from tests.graphs.asynchronous import calls, graph
from tests.test_main_job import ballot, values


@pytest.fixture
def compiled() -> Graph:
    return on_saver(graph, "asynchronous", InMemorySaver())


def test_async_nodes_routers_and_tools_run_to_the_question_and_on(compiled: Graph) -> None:
    waiting = advance(compiled, "t", Work(run_id="1", first={"messages": []}))
    (question,) = waiting.head.pending
    ended = advance(compiled, "t", Work(run_id="2", answers={question.key: "yes"}))

    assert (waiting.failure, ended.failure, ended.head.status) == (None, None, HeadStatus.FINISHED)
    said = compiled.get_state({"configurable": {"thread_id": "t"}}).values["messages"]
    assert [message.content for message in said] == ["", "seen 3", "answered yes"]


def test_what_an_async_node_raises_is_the_failure(compiled: Graph) -> None:
    outcome = advance(compiled, "t", Work(run_id="1", first={"messages": ["fail"]}))

    assert outcome.failure is not None
    assert (outcome.failure.error_class, outcome.failure.message) == ("ValueError", "told to fail")


def test_all_calls_share_one_loop_so_their_clients_stay_usable(compiled: Graph) -> None:
    calls.clear()
    advance(compiled, "a", Work(run_id="1", first={"messages": []}))
    advance(compiled, "b", Work(run_id="2", first={"messages": []}))

    assert len(calls) == 2
    assert len(set(calls)) == 1


def test_a_request_goes_through_one(cast: Cast) -> None:
    thread = threads.submit(cast.rita, "asynchronous", {"messages": "Hello"})
    work_off(thread)
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)

    assert Thread.objects.get(id=thread.id).status == ThreadStatus.DONE
    assert values(thread)["messages"][-1]["content"] == "answered True"  # type: ignore[index]
