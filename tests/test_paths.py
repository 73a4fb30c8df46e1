"""Which way a thread went: the edges a picture may claim were taken."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from langgraph.cache.memory import InMemoryCache
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import NodeError
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Command

from chains.drawing import draw
from chains.registry import Graph
from chains.snapshots import Path, path, paths, steps
from chains.snapshots.records import Saver
from tests.snapshot_graphs import SAVERS, Desk, Log, ask, everything, linear, node, opened


@pytest.fixture(params=SAVERS)
def saver(request: pytest.FixtureRequest) -> Iterator[Saver]:
    with opened(request.param) as saver:
        yield saver


def way(desk: Desk) -> Path:
    return path(desk.graph, desk.thread_id)


def test_a_thread_that_waits_is_lit_where_it_waits(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})

    assert way(desk) == Path(
        done=("draft",),
        current=("ask",),
        waiting=("ask",),
        taken=frozenset({(START, "draft"), ("draft", "ask")}),
    )


def test_a_finished_thread_went_to_the_end(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))

    found = way(desk)

    assert (found.done, found.current, found.waiting) == (("draft", "ask", "send"), (), ())
    assert ("send", END) in found.taken


def test_parallel_nodes_sends_joins_and_loops_leave_exactly_their_edges(saver: Saver) -> None:
    desk = Desk(everything(saver))
    desk.run({"log": ["in"]})

    found = way(desk)

    assert found.done == ("plan", "left", "right", "work", "work", "after", "join", "again", "again", "again")
    assert found.taken == {
        (START, "plan"),
        ("plan", "left"),
        ("plan", "right"),
        ("left", "work"),
        ("work", "after"),
        ("right", "join"),
        ("after", "join"),
        ("join", "again"),
        ("again", "again"),
        ("again", "ask"),
    }


def crossroads(saver: Saver) -> Graph:
    """Two parallel nodes that may both go to the question or to the end; only one of them asks."""
    builder = StateGraph(Log)
    for name in ("one", "two"):
        builder.add_node(name, node(name))
        builder.add_edge(START, name)
    builder.add_node("ask", ask)
    builder.add_conditional_edges("one", lambda state: "ask", ["ask", END])
    builder.add_conditional_edges("two", lambda state: END, ["ask", END])
    return builder.compile(checkpointer=saver)


def test_of_two_parallel_nodes_only_the_one_that_led_on_has_an_edge(saver: Saver) -> None:
    desk = Desk(crossroads(saver))
    desk.run({"log": ["in"]})

    assert way(desk).taken == {(START, "one"), (START, "two"), ("one", "ask"), ("two", END)}


def test_a_finished_neighbour_of_a_waiting_node_is_done(saver: Saver) -> None:
    builder = StateGraph(Log)
    builder.add_node("ask", ask)
    builder.add_node("quick", node("quick"))
    desk = Desk(builder.add_edge(START, "ask").add_edge(START, "quick").compile(checkpointer=saver))
    desk.run({"log": ["in"]})

    assert (way(desk).done, way(desk).current) == (("quick",), ("ask",))


def test_a_node_that_failed_beside_a_question_does_not_wait(saver: Saver) -> None:
    def breaks(state: Log) -> Log:
        raise ValueError("no such order")

    builder = StateGraph(Log)
    builder.add_node("ask", ask)
    builder.add_node("break", breaks)
    desk = Desk(builder.add_edge(START, "ask").add_edge(START, "break").compile(checkpointer=saver))
    with contextlib.suppress(ValueError):
        desk.run({"log": ["in"]})

    found = way(desk)
    assert (found.failed, "break" in found.waiting) == (("break",), False)
    drawn = draw(desk.graph, path=found, title="Graph")
    assert "Failed at break." in drawn.sentence
    assert '<g class="g-node todo failed current"><title>break</title>' in drawn.svg


def test_an_abandoned_branch_is_not_on_the_path(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))
    start = next(step for step in steps(desk.graph, desk.thread_id) if step.step == 0)
    desk.run(None, at=start.checkpoint_id)

    assert (way(desk).done, way(desk).current) == (("draft",), ("ask",))
    assert way(desk).taken == {(START, "draft"), ("draft", "ask")}


def rerouted(saver: Saver) -> Graph:
    builder = StateGraph(Log)
    builder.add_node("price", node("price"))
    builder.add_node("small", ask)
    builder.add_node("big", ask)
    builder.add_edge(START, "price").add_edge("small", "big").add_edge("big", END)
    builder.add_conditional_edges(
        "price", lambda state: "big" if state.get("round", 0) > 9 else "small", ["small", "big"]
    )
    return builder.compile(checkpointer=saver)


def test_an_edit_that_goes_another_way_takes_its_edge_back(saver: Saver) -> None:
    desk = Desk(rerouted(saver))
    desk.run({"log": ["in"]})
    assert ("price", "small") in way(desk).taken

    desk.edit({"round": 50})

    assert (way(desk).done, way(desk).current) == (("price",), ("big",))
    assert way(desk).taken == {(START, "price")}


def test_what_an_edit_called_off_is_not_taken_when_its_node_runs_for_another_reason(saver: Saver) -> None:
    desk = Desk(rerouted(saver))
    desk.run({"log": ["in"], "round": 50})
    assert ("price", "big") in way(desk).taken

    desk.edit({"round": 3})
    desk.run(None)
    desk.run(Command(resume="yes"))

    assert way(desk).current == ("big",)
    assert ("small", "big") in way(desk).taken
    assert ("price", "big") not in way(desk).taken


def test_an_edit_leaves_a_join_what_it_had(saver: Saver) -> None:
    builder = StateGraph(Log)
    for name in ("early", "middle", "join"):
        builder.add_node(name, node(name))
    builder.add_node("ask", ask)
    builder.add_edge(START, "early").add_edge(START, "middle").add_edge("middle", "ask")
    builder.add_edge(["early", "ask"], "join")
    desk = Desk(builder.compile(checkpointer=saver))
    desk.run({"log": ["in"]})

    desk.edit({"log": ["edited"]}, as_node="middle")
    desk.run(None)
    desk.run(Command(resume="yes"))

    assert {("early", "join"), ("ask", "join")} <= way(desk).taken


def test_an_edit_that_changes_nothing_of_the_way_leaves_the_path_as_it_was(saver: Saver) -> None:
    desk = Desk(rerouted(saver))
    desk.run({"log": ["in"]})
    before = way(desk)
    assert before.waiting == ("small",)

    desk.edit({"round": 3})
    assert (way(desk).taken, way(desk).waiting) == (before.taken, ())

    desk.run(None)
    assert way(desk) == before


def test_only_the_last_turn_of_a_conversation_is_the_path(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))
    desk.run({"log": ["and another thing"]})

    assert (way(desk).done, way(desk).current) == (("draft",), ("ask",))
    assert ("send", END) not in way(desk).taken


def test_a_result_out_of_a_cache_leaves_its_edges_too() -> None:
    builder = StateGraph(Log)
    builder.add_node("slow", node("slow"), cache_policy=CachePolicy())
    builder.add_node("ask", ask)
    builder.add_edge(START, "slow").add_edge("slow", "ask")
    graph = builder.compile(checkpointer=InMemorySaver(), cache=InMemoryCache())
    Desk(graph).run({"log": ["in"]})
    desk = Desk(graph)
    desk.run({"log": ["in"]})

    assert way(desk).taken == {(START, "slow"), ("slow", "ask")}


def fail(state: Log) -> Log:
    raise ValueError("no")


def rescue(state: Log, error: NodeError) -> Command[Any]:
    return Command(update={"log": ["rescued"]}, goto="ask")


def test_a_node_whose_error_was_handled_did_not_go_to_the_end(saver: Saver) -> None:
    builder = StateGraph(Log)
    builder.add_node("fail", fail, error_handler=rescue)
    builder.add_node("side", node("side"))
    builder.add_node("ask", ask)
    builder.add_edge(START, "fail").add_edge(START, "side").add_edge("side", "ask")
    desk = Desk(builder.compile(checkpointer=saver))
    desk.run({"log": ["in"]})

    assert way(desk).done == ("fail", "side")
    assert way(desk).taken == {(START, "fail"), (START, "side"), ("side", "ask")}


def test_a_path_longer_than_what_is_read_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "MOST", 3)
    desk = Desk(everything(InMemorySaver()))
    desk.run({"log": ["in"]})

    assert (way(desk).done, way(desk).current, way(desk).cut) == (("again", "again"), ("ask",), True)


def test_what_a_graph_cannot_read_is_not_claimed() -> None:
    desk = Desk(crossroads(InMemorySaver()))
    desk.run({"log": ["in"]})
    builder: StateGraph[Any, Any, Any, Any] = StateGraph(Log)
    builder.add_node("other", node("other"))
    today = builder.add_edge(START, "other").compile(checkpointer=desk.graph.checkpointer)

    found = path(today, desk.thread_id)

    assert (found.done, found.current) == (("one", "two"), ("ask",))
    assert found.taken == {(START, "one"), (START, "two")}
