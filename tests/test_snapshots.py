"""State and steps of a thread, as LangGraph's savers really keep them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal, Optional

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command
from pydantic import BaseModel
from typing_extensions import TypedDict

from chains.registry import Graph
from chains.snapshots import Message, NoCheckpoints, Step, ToolCall, path, state_at, steps
from chains.snapshots.errors import safe_error
from chains.snapshots.records import Saver
from chains.snapshots.states import type_name
from tests.snapshot_graphs import SAVERS, Desk, Log, ask, everything, linear, node, opened


class Loose(BaseModel):
    amount: Any = None


class Strict(BaseModel):
    amount: int
    currency: str


@pytest.fixture(params=SAVERS)
def saver(request: pytest.FixtureRequest) -> Iterator[Saver]:
    with opened(request.param) as saver:
        yield saver


@pytest.fixture
def memory() -> InMemorySaver:
    return InMemorySaver()


def made_by(found: Sequence[Step]) -> list[tuple[str, str]]:
    """Oldest first."""
    return [(step.source, step.node) for step in reversed(found)]


# State


def test_a_thread_that_does_not_exist_has_no_state_and_no_steps(saver: Saver) -> None:
    desk = Desk(linear(saver))

    assert state_at(desk.graph, desk.thread_id) is None
    assert steps(desk.graph, desk.thread_id) == []
    assert path(desk.graph, desk.thread_id).done == ()


@pytest.mark.parametrize("odd", ["00000000-0000-0000-0000-000000000000", "\x00", "'; --", "", "x" * 500])
def test_a_checkpoint_that_does_not_exist_has_no_state_whatever_it_is_called(saver: Saver, odd: str) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})

    assert state_at(desk.graph, desk.thread_id, checkpoint_id=odd) is None


def test_a_state_tells_values_types_sizes_and_what_is_next(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"], "round": 7})

    state = state_at(desk.graph, desk.thread_id)

    assert state is not None
    assert state.values == {"log": ["in", "draft"], "round": 7}
    described = [(channel.name, channel.type, channel.size) for channel in state.channels]
    assert described == [("log", "list[str]", len('["in", "draft"]')), ("round", "int", 1)]
    assert (state.step, state.source, state.next, state.errors) == (1, "loop", ("ask",), ())
    assert state.created_at.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        (Annotated[list[str], "how to add"], "list[str]"),
        (Strict | None, "Strict | None"),
        (Optional[Strict], "Strict | None"),  # noqa: UP045 (as graph authors write it)
        (dict[str, list[int]], "dict[str, list[int]]"),
        (Literal["a", "b"], "Literal['a', 'b']"),
        (list[AnyMessage], "list[…]"),
        (Any, "what it is"),
        (None, "what it is"),
    ],
)
def test_the_type_of_a_channel_is_told_as_it_was_written(declared: Any, name: str) -> None:
    assert type_name(declared, default="what it is") == name


def test_a_finished_thread_has_nothing_next(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))

    state = state_at(desk.graph, desk.thread_id)

    assert state is not None
    assert state.next == ()
    assert state.values == {"log": ["in", "draft", "answer yes", "send"]}


def test_a_thread_whose_last_step_was_not_stored_to_its_end_is_not_finished(memory: InMemorySaver) -> None:
    """As after a crash between the writes of a node and the checkpoint of its step."""
    desk = Desk(linear(memory))
    desk.run({"log": ["in"]})
    del memory.storage[desk.thread_id][""][steps(desk.graph, desk.thread_id)[0].checkpoint_id]
    assert desk.graph.get_state({"configurable": {"thread_id": desk.thread_id}}).next == ()

    state = state_at(desk.graph, desk.thread_id)

    assert state is not None
    assert state.next == ("draft",)
    assert path(desk.graph, desk.thread_id).current == ("draft",)


def test_the_live_head_has_what_finished_neighbours_wrote_and_the_record_has_not(saver: Saver) -> None:
    builder = StateGraph(Log)
    builder.add_node("ask", ask)
    builder.add_node("quick", node("quick"))
    builder.add_edge(START, "ask").add_edge(START, "quick")
    desk = Desk(builder.compile(checkpointer=saver))
    desk.run({"log": ["in"]})

    live = state_at(desk.graph, desk.thread_id)
    assert live is not None
    record = state_at(desk.graph, desk.thread_id, checkpoint_id=live.checkpoint_id)

    assert record is not None
    assert (live.values, live.next) == ({"log": ["in", "quick"]}, ("ask",))
    assert (record.values, record.next) == ({"log": ["in"]}, ("ask", "quick"))


class Talk(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]


def test_a_conversation_is_a_transcript(saver: Saver) -> None:
    call = {"name": "refund", "args": {"amount": 40}, "id": "call-1"}
    broken = {"name": "refund", "args": '{"amount": ', "id": "call-2", "error": "cut off"}
    blocks: list[str | dict[Any, Any]] = [{"type": "text", "text": "one"}, {"type": "image", "url": "x"}, "two"]
    builder = StateGraph(Talk)
    builder.add_node(
        "talk", lambda state: {"messages": [AIMessage("", tool_calls=[call], invalid_tool_calls=[broken])]}
    )
    builder.add_edge(START, "talk")
    desk = Desk(builder.compile(checkpointer=saver))
    desk.run(
        {
            "messages": [
                SystemMessage("be kind"),
                HumanMessage(blocks, name="marta"),
                ToolMessage("ok", name="look", tool_call_id="1"),
            ]
        }
    )

    state = state_at(desk.graph, desk.thread_id)

    assert state is not None
    assert [(message.role, message.name, message.text) for message in state.messages] == [
        ("system", "", "be kind"),
        ("human", "marta", "one\n[image]\ntwo"),
        ("tool", "look", "ok"),
        ("ai", "", ""),
    ]
    assert state.messages[3].tool_calls == (
        ToolCall(name="refund", arguments={"amount": 40}, id="call-1"),
        ToolCall(name="refund", arguments='{"amount": ', id="call-2", error="cut off"),
    )
    assert all(isinstance(message, Message) and message.id for message in state.messages)


def fail(state: Log) -> Log:
    raise ConnectionError("cannot reach postgres://app:hunter2@db/x\nstate was: secret letter")


def test_an_error_is_shown_as_its_class_and_first_line_without_passwords(saver: Saver) -> None:
    builder = StateGraph(Log)
    builder.add_node("fail", fail)
    builder.add_edge(START, "fail")
    desk = Desk(builder.compile(checkpointer=saver))
    with pytest.raises(ConnectionError):
        desk.run({"log": ["in"]})

    state = state_at(desk.graph, desk.thread_id)

    assert state is not None
    assert state.errors == (("fail", "ConnectionError: cannot reach postgres://…@db/x"),)
    assert state.next == ("fail",)


@pytest.mark.parametrize(
    ("kept", "safe"),
    [
        ("KeyError('amount')", "KeyError: amount"),
        ("OSError(2, 'No such file')", "OSError: No such file"),
        ("Timeout()", "Timeout"),
        ("1 validation error for Refund\namount\n  secret", "1 validation error for Refund"),
        ("Odd(<object at 0x1>\\n secret)", "Odd: <object at 0x1>"),
        (ValueError("one\ntwo"), "ValueError: one"),
        (f"ValueError('{'x' * 5000}')", f"ValueError: {'x' * 200}…"),
    ],
)
def test_errors_as_checkpoints_keep_them(kept: object, safe: str) -> None:
    assert safe_error(kept) == safe


def test_a_state_that_todays_graph_cannot_read_is_still_shown(saver: Saver) -> None:
    desk = Desk(asking_about(Loose, saver))
    desk.run({"amount": "forty"})
    today = asking_about(Strict, saver)

    state = state_at(today, desk.thread_id)

    assert state is not None
    assert state.values == {"amount": "forty"}
    [(who, error)] = state.errors
    assert who == ""
    assert error.startswith("This version of the graph cannot read the state. ValidationError: 2 validation errors")


def asking_about(state: type[BaseModel], saver: Saver) -> Graph:
    builder = StateGraph(state)
    builder.add_node("ask", lambda state: ask({}) and {})
    builder.add_edge(START, "ask")
    return builder.compile(checkpointer=saver)


def test_a_thread_poisoned_by_a_bad_edit_can_still_be_looked_at(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    [interrupt] = desk.graph.get_state({"configurable": {"thread_id": desk.thread_id}}).interrupts
    with pytest.raises(TypeError):
        desk.run(Command(resume={interrupt.id: "yes"}, update={"log": 5}))

    state = state_at(desk.graph, desk.thread_id)

    assert state is not None
    assert state.values == {"log": ["in", "draft"]}
    assert "TypeError" in state.errors[0][1]
    assert made_by(steps(desk.graph, desk.thread_id))[-1] == ("loop", "draft")
    assert path(desk.graph, desk.thread_id).done == ("draft",)


def test_a_graph_without_a_checkpointer_says_what_is_missing() -> None:
    builder = StateGraph(Log)
    builder.add_node("draft", node("draft"))
    graph: Graph = builder.add_edge(START, "draft").compile()

    with pytest.raises(NoCheckpoints, match="bind it to one"):
        state_at(graph, "any")


# Steps


def test_every_step_knows_the_nodes_that_made_it(saver: Saver) -> None:
    desk = Desk(everything(saver))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))

    found = steps(desk.graph, desk.thread_id)

    names = ["", "", "plan", "left, right", "work ×2", "after", "join", "again", "again", "again", "ask"]
    assert [step.node for step in reversed(found)] == names
    assert [step.step for step in reversed(found)] == list(range(-1, 10))
    assert [step.source for step in reversed(found)] == ["input"] + ["loop"] * 10


def test_an_edit_tells_who_and_why_and_the_steps_of_a_run_tell_whose_run_it_was(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]}, holdpoint_by="rita")
    desk.edit({"log": ["edited"]}, holdpoint_by="alice", holdpoint_reason="wrong name")

    head, before, *_ = steps(desk.graph, desk.thread_id)

    assert (head.source, head.node, head.by, head.reason) == ("update", "", "alice", "wrong name")
    assert (before.source, before.node, before.by, before.reason) == ("loop", "draft", "rita", None)


def test_a_duration_is_the_time_since_the_step_before(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})

    newest, *_, oldest = found = steps(desk.graph, desk.thread_id)

    assert newest.parent_id == found[1].checkpoint_id
    assert newest.duration == newest.created_at - found[1].created_at
    assert newest.duration > timedelta(0)
    assert (oldest.parent_id, oldest.duration) == (None, None)


def test_a_fork_leaves_the_old_branch_readable_and_off_the_path(saver: Saver) -> None:
    desk = forked(saver)

    found = steps(desk.graph, desk.thread_id)

    assert [step.is_head for step in found] == [True] + [False] * (len(found) - 1)
    on_path = made_by([step for step in found if step.on_path])
    off_path = made_by([step for step in found if not step.on_path])
    assert on_path == [("input", ""), ("loop", ""), ("fork", ""), ("loop", "draft")]
    assert off_path == [("loop", "draft"), ("loop", "ask"), ("loop", "send")]


def forked(saver: Saver) -> Desk:
    """Run to the end, then started again before the draft."""
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    desk.run(Command(resume="yes"))
    start = next(step for step in steps(desk.graph, desk.thread_id) if step.step == 0)
    desk.run(None, at=start.checkpoint_id)
    return desk


@pytest.mark.parametrize("cursor", ["cursor", "checkpoint_id"])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_pages_put_together_are_the_whole_history(saver: Saver, size: int, cursor: str) -> None:
    desk = forked(saver)
    pages: list[Step] = []
    while page := steps(desk.graph, desk.thread_id, limit=size, before=getattr(pages[-1], cursor) if pages else None):
        assert len(page) <= size
        pages += page

    whole = steps(desk.graph, desk.thread_id)

    assert [told(step) for step in pages] == [told(step) for step in whole]


def told(step: Step) -> tuple[object, ...]:
    return step.checkpoint_id, step.nodes, step.on_path, step.is_head


def test_the_last_step_of_a_page_knows_its_nodes_and_its_duration(saver: Saver) -> None:
    desk = Desk(everything(saver))
    desk.run({"log": ["in"]})
    whole = steps(desk.graph, desk.thread_id)

    alone = [steps(desk.graph, desk.thread_id, limit=1, before=step.cursor)[0] for step in whole[:-1]]

    assert [(step.nodes, step.duration) for step in alone] == [(step.nodes, step.duration) for step in whole[1:]]


@pytest.mark.parametrize("odd", ["\x00", "'; drop", "x" * 500])
def test_nothing_is_older_than_a_cursor_that_is_none(saver: Saver, odd: str) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})

    assert steps(desk.graph, desk.thread_id, before=odd) == []


def test_steps_are_read_by_the_page_however_many_are_wanted(memory: InMemorySaver) -> None:
    desk = Desk(linear(memory))
    for _ in range(60):
        desk.edit({"log": ["x"]}, as_node="draft")

    assert len(steps(desk.graph, desk.thread_id)) == 50
    assert len(steps(desk.graph, desk.thread_id, limit=-5)) == 1


def test_steps_of_a_renamed_node_keep_their_old_name(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    builder = StateGraph(Log)
    builder.add_node("other", node("other"))
    today: Graph = builder.add_edge(START, "other").compile(checkpointer=saver)

    assert made_by(steps(today, desk.thread_id))[-1] == ("loop", "draft")
    assert path(today, desk.thread_id).done == ("draft",)


def test_a_thread_that_waits_at_a_node_of_yesterday_is_not_finished(saver: Saver) -> None:
    desk = Desk(linear(saver))
    desk.run({"log": ["in"]})
    builder = StateGraph(Log)
    builder.add_node("other", node("other"))
    today: Graph = builder.add_edge(START, "other").compile(checkpointer=saver)

    state = state_at(today, desk.thread_id)

    assert state is not None
    assert state.next == ("ask",)
    assert state.errors == (("ask", "The graph no longer has this node, where the thread waits."),)
    assert path(today, desk.thread_id).current == ("ask",)
    assert END not in {target for _, target in path(today, desk.thread_id).taken}


def test_a_step_whose_parent_was_pruned_still_names_its_node(memory: InMemorySaver) -> None:
    desk = Desk(everything(memory))
    desk.run({"log": ["in"]})
    kept = memory.storage[desk.thread_id][""]
    newest = max(kept)
    for checkpoint_id in [checkpoint_id for checkpoint_id in kept if checkpoint_id != newest]:
        del kept[checkpoint_id]

    [step] = steps(desk.graph, desk.thread_id)

    assert (step.node, step.duration, step.on_path) == ("again", None, True)
    assert path(desk.graph, desk.thread_id).cut


# Cost and safety of reading


@dataclass
class Calls:
    reads: int = 0


class Guarded(InMemorySaver):
    """Counts reads; refuses writes once it is armed."""

    calls = Calls()
    armed = False

    def list(self, *args: Any, **options: Any) -> Any:
        self.calls.reads += 1
        return super().list(*args, **options)

    def get_tuple(self, config: Any) -> Any:
        self.calls.reads += 1
        return super().get_tuple(config)

    def put(self, *args: Any, **options: Any) -> Any:
        assert not self.armed, "reading wrote a checkpoint"
        return super().put(*args, **options)

    def put_writes(self, *args: Any, **options: Any) -> None:
        assert not self.armed, "reading wrote to a checkpoint"
        super().put_writes(*args, **options)


def test_reading_takes_one_query_each_and_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = Calls()
    monkeypatch.setattr(Guarded, "calls", calls)
    desk = Desk(everything(Guarded()))
    desk.run({"log": ["in"]})
    monkeypatch.setattr(Guarded, "armed", True)
    calls.reads = 0

    for read in (state_at, steps, path):
        read(desk.graph, desk.thread_id)

    assert calls.reads == 3
