"""Editing the state: each key whole, whatever its reducer; as the work of a node; past a question only knowingly."""

from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Permission
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.memory import InMemorySaver

from approvals import threads
from approvals.inspection import PassesBy
from approvals.models import InterruptStatus, Thread, ThreadStatus
from approvals.policies import NotAllowed
from chains.editing import Edit, HeadMoved, edit_state, preview_edit
from chains.forking import fork
from chains.graphs import support_agent
from chains.heads import HeadStatus
from chains.registry import ChainContext
from chains.runner import Work, advance
from chains.settable import BadEdit, editable_schema, plain_values
from tests.conftest import Cast, open_question, work_off
from tests.graphs.editable import Bill, editable
from tests.test_main_job import values


class Desk:
    """A graph that waits in `review`, with lists, messages, a model and a router behind `draft`."""

    def __init__(self) -> None:
        self.graph = editable.compile(checkpointer=InMemorySaver())
        self.head = advance(self.graph, "t", Work(run_id="1", first={"amount": 900})).head

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.graph.get_state({"configurable": {"thread_id": "t"}}).values)

    def edit(self, values: dict[str, Any], **options: Any) -> None:
        edit = Edit(values, **options)
        self.head = edit_state(self.graph, "t", Work(run_id="2"), edit, expected=self.head.checkpoint_id).head


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_list_with_a_reducer_is_replaced_by_what_was_on_the_page(desk: Desk) -> None:
    assert desk.state["log"] == ["drafted 900"]

    desk.edit({"log": ["first", "second"]})

    assert desk.state["log"] == ["first", "second"]


def test_messages_are_changed_added_and_removed_as_plain_rows(desk: Desk) -> None:
    rows = plain_values(desk.graph, desk.state)[0]["messages"]
    rows[0]["content"] = "Something else"
    desk.edit({"messages": [rows[0], {"type": "human", "content": "One more"}]})

    found = desk.state["messages"]
    assert [(message.type, message.content) for message in found] == [
        ("human", "Something else"),
        ("human", "One more"),
    ]
    assert found[0].id == rows[0]["id"]
    assert found[1].id


def test_a_value_of_a_model_is_stored_as_that_model(desk: Desk) -> None:
    desk.edit({"bill": {"total": "12.50"}})

    assert desk.state["bill"] == Bill(total="12.50")


@pytest.mark.parametrize(
    "values",
    [
        {"amount": "many"},
        {"log": "not a list"},
        {"messages": [{"content": "from nobody"}]},
        {"messages": [{"type": "tool", "content": "of no call"}]},
        {"messages": "hello"},
        {"bill": {"total": "none"}},
        {"no such key": 1},
        {"log": {"__overwrite__": []}},
        {"bill": {"lc": 1, "total": "1"}},
        {},
    ],
)
def test_an_edit_that_does_not_fit_is_refused_and_nothing_is_stored(desk: Desk, values: dict[str, Any]) -> None:
    before = list(desk.graph.get_state_history({"configurable": {"thread_id": "t"}}))

    with pytest.raises(BadEdit):
        desk.edit(values)

    assert list(desk.graph.get_state_history({"configurable": {"thread_id": "t"}})) == before


def test_an_edit_that_takes_another_way_is_refused_unless_that_is_meant(desk: Desk) -> None:
    """Under 100 the router behind `draft` goes straight to `send`."""
    with pytest.raises(PassesBy):
        desk.edit({"amount": 1})

    preview = preview_edit(desk.graph, "t", Edit({"amount": 1}, may_pass=True), expected=desk.head.checkpoint_id)
    assert (preview.next, preview.skipped) == (("send",), ("review",))
    desk.edit({"amount": 1}, may_pass=True)
    assert desk.head.next == ("send",)


def test_an_edit_can_count_as_the_work_of_a_node(desk: Desk) -> None:
    desk.edit({"log": ["as if reviewed"]}, as_node="review", may_pass=True)

    assert (desk.head.status, desk.head.next) == (HeadStatus.UNFINISHED, ("send",))


def test_the_form_knows_every_key_and_messages_are_rows(desk: Desk) -> None:
    schema = editable_schema(desk.graph)

    assert list(schema["properties"]) == ["amount", "log", "messages", "bill"]
    assert schema["properties"]["messages"]["items"]["properties"].keys() == {"type", "content"}


@pytest.mark.parametrize("act", ["edit", "replay"])
def test_a_clock_that_is_behind_is_told_instead_of_a_change_that_nobody_sees(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    """LangGraph orders checkpoints by their ids, and these by the writer's clock."""
    behind = uuid6(clock_seq=0).hex.replace(uuid6().hex[:8], "00000000", 1)
    for place in ("langgraph.pregel._checkpoint.uuid6", "chains.forking.uuid6"):
        monkeypatch.setattr(place, lambda **_: UUID(behind))

    work = Work(run_id="2")
    acts = {
        "edit": lambda: edit_state(desk.graph, "t", work, Edit({"log": ["late"]}), expected=desk.head.checkpoint_id),
        "replay": lambda: fork(desk.graph, "t", work, desk.head.checkpoint_id),
    }
    with pytest.raises(HeadMoved, match="newest"):
        acts[act]()
    assert desk.state["log"] == ["drafted 900"]


def test_what_a_router_raises_at_an_edit_on_the_way_back_is_told_and_nothing_is_stored(desk: Desk) -> None:
    before = list(desk.graph.get_state_history({"configurable": {"thread_id": "t"}}))

    with pytest.raises(BadEdit, match="refused"):
        fork(desk.graph, "t", Work(run_id="2"), desk.head.checkpoint_id, Edit({"amount": -1}, may_pass=True))

    assert list(desk.graph.get_state_history({"configurable": {"thread_id": "t"}})) == before


@pytest.fixture
def waiting(cast: Cast) -> Thread:
    thread = threads.submit(cast.rita, "editable", {"amount": 900})
    work_off(thread)
    thread.refresh_from_db()
    return thread


def test_past_a_question_goes_only_who_has_the_permission_and_says_so(waiting: Thread, cast: Cast) -> None:
    question = open_question(waiting)
    wanted = {"seen_checkpoint_id": question.checkpoint_id, "reason": "It is small."}

    with pytest.raises(PassesBy):
        threads.edit_state(cast.oscar, waiting.id, {"amount": 1}, **wanted)
    with pytest.raises(NotAllowed):
        threads.edit_state(cast.alice, waiting.id, {"amount": 1}, may_pass=True, **wanted)
    cast.alice.user_permissions.add(Permission.objects.get(codename="may_reroute"))
    alice = type(cast.alice).objects.get(id=cast.alice.id)
    threads.edit_state(alice, waiting.id, {"amount": 1}, may_pass=True, **wanted)
    work_off(waiting)

    question.refresh_from_db()
    waiting.refresh_from_db()
    assert (question.status, waiting.status) == (InterruptStatus.SUPERSEDED, ThreadStatus.PAUSED)
    threads.carry_on(cast.alice, waiting.id)
    work_off(waiting)
    assert values(waiting)["log"] == ["drafted 900", "sent 1"]


def test_what_a_middleware_keeps_for_itself_cannot_be_set() -> None:
    """LangChain keeps there which call a reviewer put in place of the model's: setting it would go past the review."""
    graph = support_agent.chain.build(ChainContext()).compile(checkpointer=InMemorySaver())  # type: ignore[union-attr]

    assert "hitl_edited_tool_calls" in graph.builder.schemas[graph.builder.state_schema]
    assert "hitl_edited_tool_calls" not in editable_schema(graph)["properties"]
