"""Branches, costs and moves: what the history tells beyond one step after the other."""

from dataclasses import dataclass
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

from chains.drawing.wording import label
from chains.forking import fork
from chains.runner import Work
from chains.snapshots import Lane, lanes, path, state_at, steps, words
from chains.snapshots.lean import lean
from chains.snapshots.records import newest
from tests.snapshot_graphs import SAVERS, Desk, Log, linear, opened


@dataclass(frozen=True)
class At:
    checkpoint_id: str
    origin_id: str | None
    on_path: bool = True


def test_a_straight_history_is_one_lane() -> None:
    assert lanes([At("c", "b"), At("b", "a"), At("a", None)], is_newest=True) == [
        Lane(at=0, above=(), below=True, past=()),
        Lane(at=0, above=(0,), below=True, past=()),
        Lane(at=0, above=(0,), below=False, past=()),
    ]


def test_an_abandoned_branch_runs_beside_the_way_to_now_and_meets_it_where_it_left() -> None:
    told = [At("e", "b"), At("d", "c", False), At("c", "b", False), At("b", "a"), At("a", None)]

    assert lanes(told, is_newest=True) == [
        Lane(at=0, above=(), below=True, past=()),
        Lane(at=1, above=(), below=True, past=(0,)),
        Lane(at=1, above=(1,), below=True, past=(0,)),
        Lane(at=0, above=(0, 1), below=True, past=()),
        Lane(at=0, above=(0,), below=False, past=()),
    ]


def test_on_a_later_page_the_way_to_now_comes_from_above() -> None:
    told = lanes([At("x", "b", False), At("b", "a"), At("a", None)], is_newest=False)

    assert [lane.at for lane in told] == [1, 0, 0]
    assert told[0].past == (0,)


def test_many_branches_share_the_last_lane() -> None:
    told = lanes([At(f"{number:02}", "00", number == 30) for number in range(30, 0, -1)], is_newest=True)

    assert max(lane.width for lane in told) == 6


@pytest.mark.parametrize("kind", SAVERS)
def test_a_replay_hangs_on_the_step_it_goes_on_from(kind: str) -> None:
    with opened(kind) as saver:
        desk = Desk(linear(saver))
        desk.run({"log": ["in"]})
        asked = steps(desk.graph, desk.thread_id)[0]
        desk.run(Command(resume="yes"))
        fork(desk.graph, desk.thread_id, Work(run_id="r", by="oscar", reason="again"), asked.checkpoint_id)

        found = steps(desk.graph, desk.thread_id)

        assert (found[0].source, found[0].copied_from, found[0].by) == ("fork", asked.checkpoint_id, "oscar")
        assert [step.on_path for step in found] == [True, False, False, True, True, True]
        drawn = lanes(found, is_newest=True)
        assert [lane.at for lane in drawn] == [0, 1, 1, 0, 0, 0]
        assert path(desk.graph, desk.thread_id).done == ("draft",)
        paged = steps(desk.graph, desk.thread_id, before=found[2].cursor)
        assert [step.on_path for step in paged] == [True, True, True]


class Spending(TypedDict, total=False):
    step_metadata: dict[str, Any]


@pytest.mark.parametrize("kind", SAVERS)
def test_a_step_tells_what_it_added_and_nothing_that_is_no_number(kind: str) -> None:
    entries = {
        "a": {"tokens_in": 10, "tokens_out": 4, "cost": 0.5},
        "odd": {"tokens_in": "many", "tokens_out": True, "cost": -1},
        "worse": ["x"],
    }
    builder = StateGraph(Spending)
    builder.add_node("first", lambda state: {"step_metadata": entries})
    builder.add_node(
        "second", lambda state: {"step_metadata": {**state["step_metadata"], "b": {"tokens_in": 7, "cost": None}}}
    )
    builder.add_edge(START, "first").add_edge("first", "second").add_edge("second", END)
    with opened(kind) as saver:
        desk = Desk(builder.compile(checkpointer=saver))
        desk.run({})

        second, first, *_ = (step.usage for step in steps(desk.graph, desk.thread_id))

    assert (first.tokens_in, first.tokens_out, first.cost) == (10, 4, 0.5)
    assert (second.tokens_in, second.tokens_out, second.cost) == (7, 0, 0)


def test_steps_and_paths_are_read_without_the_bulk_of_the_values() -> None:
    with opened("postgres") as saver:
        desk = Desk(linear(saver))
        desk.run({"log": ["x" * 100_000], "round": 3})
        desk.run(Command(resume="y" * 100_000))

        records = newest(desk.graph, desk.thread_id, limit=50)

        assert isinstance(lean(saver), PostgresSaver)
        assert sum(len(str(record)) for record in records) < 30_000
        assert [step.node for step in steps(desk.graph, desk.thread_id)][:3] == ["send", "ask", "draft"]
        assert path(desk.graph, desk.thread_id).done == ("draft", "ask", "send")
        whole = state_at(desk.graph, desk.thread_id)
        assert whole is not None
        assert len(str(whole.values)) > 200_000


def test_words_are_told_apart_and_put_together_again() -> None:
    old, new = "We refund  620 EUR\ntoday.", "We shall refund  620 USD\ntoday."

    told = words(old, new)

    assert told == [
        ("same", "We "),
        ("new", "shall "),
        ("same", "refund  620 "),
        ("old", "EUR\n"),
        ("new", "USD\n"),
        ("same", "today."),
    ]


def test_texts_with_nothing_in_common_take_no_time_that_grows_with_its_square() -> None:
    old, new = ("a " * 50_000), ("b " * 50_000)

    assert words(old, new) == [("old", old), ("new", new)]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("HumanInTheLoopMiddleware.after_model", "Human in the loop: after model"),
        ("SummarizationMiddleware.before_model", "Summarization: before model"),
        ("human_review", "human_review"),
        ("My.node", "My.node"),
        ("__start__", "start"),
    ],
)
def test_names_that_langchain_made_up_are_told_in_words(name: str, told: str) -> None:
    assert label(name) == told


def test_a_breakpoint_is_where_a_path_waits() -> None:
    builder = StateGraph(Log)
    builder.add_node("draft", lambda state: {"log": ["draft"]})
    builder.add_node("send", lambda state: {"log": ["send"]})
    builder.add_edge(START, "draft").add_edge("draft", "send")
    for options in ({"interrupt_before": ["send"]}, {"interrupt_after": ["draft"]}, {"interrupt_before": "*"}):
        desk = Desk(builder.compile(checkpointer=InMemorySaver(), **options))
        desk.run({"log": ["in"]})

        assert path(desk.graph, desk.thread_id).waiting == (("draft",) if "*" in options.values() else ("send",))
