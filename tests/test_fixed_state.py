"""What cannot be written back as it was stored is shown, and never set; all else of the state is edited as ever."""

from dataclasses import dataclass
from datetime import timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import StateGraph
from pydantic import BaseModel, PrivateAttr
from typing_extensions import TypedDict

from approvals import inspection, threads
from approvals.models import Run, RunKind, Thread
from chains.editing import Edit, edit_state
from chains.forking import fork
from chains.registry import Graph
from chains.runner import Work, advance
from chains.sameness import same
from chains.settable import NOT_AS_IT_WAS, TOO_LONG, BadEdit, editable_schema, plain_values
from tests.conftest import Cast, open_question, work_off
from tests.graphs.filed import MOMENT, Doc, filed
from tests.posting import Page

BYTES = {"name": "other.pdf", "data": "10,000 bytes: 25 50"}


class Desk:
    """A graph that waits in `review`, with bytes, a Decimal, a moment and messages in its state."""

    def __init__(self, **values: Any) -> None:
        self.graph = filed.compile(checkpointer=InMemorySaver())
        self.head = advance(self.graph, "t", Work(run_id="1", first={"talk": 0, **values})).head

    @property
    def state(self) -> dict[str, Any]:
        return dict(self.graph.get_state({"configurable": {"thread_id": "t"}}).values)

    def edit(self, values: dict[str, Any]) -> None:
        edit_state(self.graph, "t", Work(run_id="2"), Edit(values, may_pass=True), expected=self.head.checkpoint_id)

    def replay(self, values: dict[str, Any]) -> None:
        fork(self.graph, "t", Work(run_id="2"), self.head.checkpoint_id, Edit(values, may_pass=True))


def test_only_what_its_json_can_stand_for_is_offered() -> None:
    desk = Desk()

    plain, fixed = plain_values(desk.graph, desk.state)

    assert plain.keys() == {"talk", "price", "due", "messages"}
    assert {one.key: one.why for one in fixed} == {"doc": NOT_AS_IT_WAS, "facts": NOT_AS_IT_WAS}
    assert fixed[0].value["name"] == "bill.pdf"
    schema = editable_schema(desk.graph, plain, without=[one.key for one in fixed])
    assert schema["properties"].keys() == {"talk", "price", "due", "note", "later", "messages"}


@pytest.mark.parametrize("name", ["edit", "replay"])
@pytest.mark.parametrize("values", [{"doc": BYTES}, {"facts": {"total": "13"}}, {"talk": 1, "facts": {}}])
def test_a_value_nobody_saw_whole_is_not_replaced(name: str, values: dict[str, Any]) -> None:
    desk = Desk()
    before = desk.state
    acts = {"edit": desk.edit, "replay": desk.replay}

    with pytest.raises(BadEdit, match="cannot be written back"):
        acts[name](values)

    assert same(desk.state, before)


def test_nothing_but_the_changed_keys_change() -> None:
    desk = Desk()
    before = desk.state
    rows = plain_values(desk.graph, before)[0]["messages"]

    desk.edit({"price": "13.00", "note": "new", "messages": [*rows, {"type": "user", "content": "More."}]})

    after = desk.state
    assert (after["price"], after["note"], after["messages"][3].content) == (Decimal("13.00"), "new", "More.")
    untouched = before.keys() - {"price", "messages"}
    assert untouched == {"talk", "doc", "facts", "due"}
    assert all(same(after[key], before[key]) for key in untouched)
    assert same(after["messages"][:3], before["messages"])
    assert after["messages"][1].usage_metadata["total_tokens"] == 7


def test_a_key_without_a_value_can_be_set_whatever_its_type() -> None:
    desk = Desk()

    desk.edit({"later": {"name": "new.txt", "data": "plain"}})

    assert desk.state["later"] == {"name": "new.txt", "data": b"plain"}


def test_a_long_talk_is_too_long_to_edit() -> None:
    desk = Desk(talk=2_000)

    plain, fixed = plain_values(desk.graph, desk.state)

    assert "messages" not in plain
    assert {one.key: one.why for one in fixed}["messages"] == TOO_LONG
    with pytest.raises(BadEdit, match=TOO_LONG):
        desk.edit({"messages": [{"type": "human", "content": "Short."}]})


def test_a_talk_that_fits_is_offered_whole() -> None:
    desk = Desk(talk=200)

    rows = plain_values(desk.graph, desk.state)[0]["messages"]

    assert {len(row["content"]) for row in rows[3:]} == {2_500}


class Loose(TypedDict, total=False):
    score: float
    scores: list[float]
    pair: tuple[int, int]
    doc: Doc
    names: list[str]


@pytest.mark.parametrize(
    ("key", "value", "is_offered"),
    [
        ("score", 1, True),
        ("score", None, True),
        ("scores", [1, 2.5], True),
        ("scores", ["1"], False),
        ("pair", [1, 2], True),
        ("names", None, True),
        ("names", [1], True),
        ("names", (1,), False),
        ("doc", {"name": "a", "data": "b", "more": 1}, False),
    ],
)
def test_json_of_another_type_than_declared_can_be_put_right_unless_something_would_be_lost(
    key: str, value: Any, is_offered: bool
) -> None:
    builder = StateGraph(Loose)
    builder.add_node("wait", lambda state: state)
    builder.add_edge("__start__", "wait")

    plain, fixed = plain_values(builder.compile(), {key: value})

    assert (key in plain, bool(fixed)) == (is_offered, not is_offered)


class Odd:
    """Of no type that pydantic knows."""


class WithOdd(TypedDict, total=False):
    amount: int
    odd: Odd
    talk: list[HumanMessage]


def test_a_key_of_a_type_that_has_no_json_leaves_the_others_editable() -> None:
    builder = StateGraph(WithOdd)
    builder.add_node("wait", lambda state: state)
    builder.add_edge("__start__", "wait")
    graph: Graph = builder.compile(checkpointer=InMemorySaver(), interrupt_before=["wait"])
    head = advance(graph, "t", Work(run_id="1", first={"amount": 1})).head

    assert editable_schema(graph)["properties"]["amount"] == {"type": "integer"}
    assert plain_values(graph, {"amount": 1, "odd": Odd()})[0] == {"amount": 1}
    with pytest.raises(BadEdit, match="odd: no value of this type"):
        edit_state(graph, "t", Work(run_id="2"), Edit({"odd": 1}), expected=head.checkpoint_id)


class Kept(BaseModel):
    total: float = 0
    _line: int = PrivateAttr(0)


@dataclass
class Row:
    number: int


def kept(line: int) -> Kept:
    made = Kept()
    made._line = line
    return made


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        (0.0, -0.0),
        (Decimal("1.0"), Decimal("1.00")),
        ([1], (1,)),
        ([1], [1, 2]),
        ({1: "a"}, {True: "a"}),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({1}, {True}),
        (Row(1), Row(2)),
        (kept(1), kept(2)),
        (MOMENT, MOMENT.astimezone(timezone(timedelta(hours=2)))),
        (AIMessage("a", id="1"), AIMessage("a", id="2")),
        (AIMessage("a"), AIMessage("a", response_metadata={"model": "m"})),
        (AIMessage("a"), HumanMessage("a")),
    ],
)
def test_what_a_graph_can_tell_apart_is_not_the_same(one: Any, other: Any) -> None:
    assert not same(one, other)
    assert same(one, one)


def test_nan_is_the_same_as_itself() -> None:
    assert same({"a": [float("nan")]}, {"a": [float("nan")]})


def waiting(cast: Cast, **values: Any) -> Thread:
    thread = threads.submit(cast.rita, "filed", {"talk": 0, **values})
    work_off(thread)
    thread.refresh_from_db()
    return thread


@pytest.fixture
def alice(client: Client, cast: Cast) -> Client:
    client.force_login(cast.alice)
    return client


def edits(thread: Thread) -> list[dict[str, Any]]:
    return [run.payload for run in Run.objects.filter(thread=thread, kind=RunKind.EDIT)]


@pytest.mark.parametrize("view", ["form", "json"])
def test_the_page_shows_what_it_does_not_offer_and_says_why(alice: Client, cast: Cast, view: str) -> None:
    thread = waiting(cast)

    html = alice.get(f"/t/{thread.id}/state/?view={view}").content.decode()

    assert html.count(NOT_AS_IT_WAS) == 2
    assert "10,000 bytes: 25 50 44 46" in html
    posted = Page(html).posted()
    assert not [name for name in posted if name.startswith(("state.doc", "state.facts"))]
    assert "bill.pdf" not in str(posted.dict())


def test_the_form_changes_one_key_and_leaves_the_bytes_alone(alice: Client, cast: Cast) -> None:
    thread = waiting(cast)
    address = f"/t/{thread.id}/state/"
    fields = {**Page(alice.get(address).content.decode()).posted().dict(), "state.price": "13.00"}

    page = Page(alice.post(address, fields).content.decode()).posted(confirmed="1").dict()
    assert alice.post(address, {**page, "reason": "Wrong."}).status_code == 303

    assert [payload["values"] for payload in edits(thread)] == [{"price": "13.00"}]


@pytest.mark.parametrize("place", ["state", "replay"])
def test_programs_are_told_which_key_cannot_be_set(alice: Client, cast: Cast, place: str) -> None:
    thread = waiting(cast)
    seen = open_question(thread).checkpoint_id
    address = f"/t/{thread.id}/state/" if place == "state" else f"/t/{thread.id}/replay/{seen}/"
    fields = {"view": "json", "values": '{"facts": {"total": "13"}}', "seen_checkpoint": seen, "reason": "Wrong."}

    answer = alice.post(address, fields, HTTP_ACCEPT="application/json")

    assert (answer.status_code, answer.json()["field"]) == (422, "facts")
    assert NOT_AS_IT_WAS in str(answer.json())
    assert Run.objects.filter(thread=thread).exclude(kind=RunKind.START).count() == 0


def test_a_thread_with_a_long_talk_opens(alice: Client, cast: Cast) -> None:
    thread = waiting(cast, talk=2_000)

    for step in inspection.steps_of(thread)[:2]:
        address = f"/t/{thread.id}/replay/{step.checkpoint_id}/"
        assert [alice.get(address + query).status_code for query in ("", "?edit=form", "?edit=json")] == [200] * 3
    for query in ("", "?view=json"):
        answer = alice.get(f"/t/{thread.id}/state/{query}")
        assert (answer.status_code, TOO_LONG in answer.content.decode()) == (200, True)


@pytest.mark.parametrize("text", ["a\\u0000b", "\\ud83d"])
@pytest.mark.parametrize("place", ["state", "replay"])
def test_text_that_the_database_refuses_is_refused_before(alice: Client, cast: Cast, text: str, place: str) -> None:
    thread = waiting(cast)
    seen = open_question(thread).checkpoint_id
    address = f"/t/{thread.id}/state/" if place == "state" else f"/t/{thread.id}/replay/{seen}/"
    fields = {"view": "json", "seen_checkpoint": seen, "reason": "Odd.", "confirmed": "1"}
    fields["values"] = f'{{"messages": [{{"type": "human", "content": "{text}"}}]}}'

    page = alice.post(address, fields)
    assert page.status_code == 422
    assert "messages.0.content: Remove the invisible character" in page.content.decode()
    told = alice.post(address, fields, HTTP_ACCEPT="application/json")
    assert (told.status_code, told.json()["field"]) == (422, "messages")
    assert Run.objects.filter(thread=thread).exclude(kind=RunKind.START).count() == 0
