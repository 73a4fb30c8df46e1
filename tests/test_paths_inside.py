"""Which way a thread went inside of its subgraphs."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.constants import START
from langgraph.types import Command

from chains.registry import Graph
from chains.snapshots import Path, path, paths, steps
from chains.snapshots.records import Saver
from tests.snapshot_graphs import SAVERS, Desk, Log, linear, opened
from tests.subgraph_graphs import around, fanned_out, repeated, review

INTO_ASK = {(START, "check"), ("check", "fix"), ("fix", "check"), ("check", "ask")}


@pytest.fixture(params=SAVERS)
def saver(request: pytest.FixtureRequest) -> Iterator[Saver]:
    with opened(request.param) as saver:
        yield saver


def way(desk: Desk) -> Path:
    return path(desk.graph, desk.thread_id)


def test_a_thread_that_waits_inside_is_lit_there_and_where_it_is_inside(saver: Saver) -> None:
    desk = Desk(around(review(), saver=saver))
    desk.run({"log": ["in"]})

    found = way(desk)

    assert (found.done, found.current, found.waiting) == (("draft",), ("review",), ("review",))
    assert found.inside == {
        "review": Path(
            done=("check", "fix", "check", "fix", "check"),
            current=("ask",),
            waiting=("ask",),
            taken=frozenset(INTO_ASK),
        )
    }


def test_a_subgraph_that_is_passed_keeps_its_path(saver: Saver) -> None:
    desk = Desk(around(around(review()), name="outer", saver=saver))
    desk.run({"log": ["in"]})
    assert way(desk).inside["outer"].inside["review"].waiting == ("ask",)

    desk.run(Command(resume="yes"))

    outer = way(desk).inside["outer"]
    assert (outer.done, outer.current) == (("draft", "review", "send"), ())
    assert outer.inside["review"].done == ("check", "fix", "check", "fix", "check", "ask", "sign")
    assert outer.inside["review"].waiting == ()


def test_executions_of_a_subgraph_add_up(saver: Saver) -> None:
    desk = Desk(repeated(saver))
    desk.run({"log": ["in"]})

    found = way(desk)

    assert found.done == ("work",) * len(found.done)
    assert found.inside["work"].done == ("look", "mark") * len(found.done)
    assert len(found.done) > 1


def test_executions_at_the_same_time_add_up(saver: Saver) -> None:
    desk = Desk(fanned_out(saver))
    desk.run({"log": ["in"]})

    found = way(desk)

    assert found.current == ("review",)
    assert found.inside["review"].done == ("check", "fix", "check", "fix", "check") * 2
    assert found.inside["review"].waiting == ("ask",)


def test_a_subgraph_that_remembers_for_itself_shows_its_last_turn(saver: Saver) -> None:
    desk = Desk(around(review(checkpointer=True), saver=saver))
    desk.run({"log": ["in"]})

    assert way(desk).inside["review"].waiting == ("ask",)


def test_a_subgraph_that_a_function_calls_is_found(saver: Saver) -> None:
    inner = review()

    def call(state: Log) -> Log:
        return Log(log=inner.invoke({"log": state["log"]})["log"])

    desk = Desk(around(call, saver=saver))
    desk.run({"log": ["in"]})

    assert way(desk).inside["review"].waiting == ("ask",)


def test_what_ran_inside_on_an_abandoned_branch_is_not_on_the_path(saver: Saver) -> None:
    desk = Desk(around(review(), saver=saver))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))
    assert "sign" in way(desk).inside["review"].done
    start = next(step for step in steps(desk.graph, desk.thread_id) if step.step == 0)

    desk.run(None, at=start.checkpoint_id)

    assert way(desk).inside["review"].waiting == ("ask",)
    assert "sign" not in way(desk).inside["review"].done


@pytest.mark.parametrize("most", [1, 2])
def test_executions_that_are_not_read_are_not_passed_over_in_silence(
    saver: Saver, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(repeated(saver))
    desk.run({"log": ["in"]})
    assert len(way(desk).done) > 2
    assert way(desk).inside["work"].cut is False
    monkeypatch.setattr(paths, "MOST_INSIDE", most)

    inside = way(desk).inside["work"]

    assert inside.done == ("look", "mark") * most
    assert inside.cut


def test_nothing_is_claimed_of_a_subgraph_of_which_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(repeated(InMemorySaver()))
    desk.run({"log": ["in"]})
    monkeypatch.setattr(paths, "MOST_INSIDE", 0)

    assert way(desk).done
    assert way(desk).inside == {}


@pytest.mark.parametrize(("graph", "queries"), [(linear, 1), (repeated, 4), (fanned_out, 3)])
def test_each_execution_costs_one_query(
    graph: Callable[[Saver], Graph], queries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(graph(InMemorySaver()))
    desk.run({"log": ["in"]})
    asked: list[Any] = []
    original = InMemorySaver.list

    def counting(self: InMemorySaver, *args: Any, **options: Any) -> Iterator[CheckpointTuple]:
        asked.append(args)
        return original(self, *args, **options)

    monkeypatch.setattr(InMemorySaver, "list", counting)

    assert way(desk).waiting
    assert len(asked) == queries
