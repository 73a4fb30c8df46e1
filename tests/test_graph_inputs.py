"""A graph's input as people fill it in: a conversation is one message box."""

from collections.abc import Sequence
from typing import Annotated, Any

import pytest
from langchain_core.messages import AnyMessage, BaseMessage
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.managed import RemainingSteps
from pydantic import BaseModel, TypeAdapter
from typing_extensions import TypedDict

from approvals.schemaforms import schema_form
from chains.inputs import input_form
from tests.posting import page


class OnTopic(MessagesState):
    topic: str
    remaining_steps: RemainingSteps


class Base(TypedDict):
    messages: Annotated[list[BaseMessage], add_messages]


class Model(BaseModel):
    messages: Annotated[Sequence[AnyMessage], add_messages] = []


class NotMessages(TypedDict):
    messages: list[str]


class Order(TypedDict, total=False):
    order: str
    amount: int


def schema_of(kind: Any) -> dict[str, Any]:
    return TypeAdapter(kind).json_schema()


@pytest.mark.parametrize("kind", [MessagesState, Base, Model])
def test_a_conversation_is_asked_for_as_one_message(kind: Any) -> None:
    form = input_form(schema_of(kind))

    assert form.has_message_box
    assert list(form.schema["properties"]) == ["messages"]
    assert "$defs" not in form.schema
    assert "textarea" in page(schema_form(form.schema)).html


def test_a_message_becomes_what_a_graph_of_messages_takes() -> None:
    graph = StateGraph(MessagesState)
    graph.add_node("echo", lambda state: {"messages": [("assistant", state["messages"][-1].text)]})
    graph.add_edge(START, "echo")
    graph.add_edge("echo", END)
    form = input_form(schema_of(MessagesState))
    filled = schema_form(form.schema, data={"messages": "Hello\r\nthere"})

    assert filled.is_valid(), filled.errors
    values = form.start(filled.value)
    assert values == {"messages": [{"role": "user", "content": "Hello\nthere"}]}
    said = graph.compile().invoke(values)["messages"]  # type: ignore[call-overload]
    assert said[-1].text == "Hello\nthere"


def test_what_is_asked_besides_the_message_stays_and_managed_channels_go() -> None:
    builder = StateGraph(OnTopic)
    form = input_form(schema_of(OnTopic), managed=builder.managed)

    assert sorted(form.schema["properties"]) == ["messages", "topic"]
    assert sorted(form.schema["required"]) == ["messages", "topic"]
    assert form.start({"messages": "Hi", "topic": "t"}) == {
        "messages": [{"role": "user", "content": "Hi"}],
        "topic": "t",
    }


@pytest.mark.parametrize("kind", [NotMessages, Order])
def test_everything_else_is_left_as_it_is(kind: Any) -> None:
    form = input_form(schema_of(kind))

    assert (form.schema, form.has_message_box) == (schema_of(kind), False)
    assert form.start({"messages": "x"}) == {"messages": "x"}


def test_only_what_the_schema_requires_must_be_filled_in() -> None:
    form = schema_form(input_form(schema_of(Order)).schema, data={"order": "A", "amount": ""})

    assert form.is_valid(), form.errors
    assert form.value == {"order": "A"}


def test_a_title_is_never_a_secret_or_a_file() -> None:
    hidden = {"pin": {"x-sensitive": True}, "token": {"format": "password"}, "scan": {"contentMediaType": "image/png"}}
    form = input_form({"properties": {**hidden, "order": {"type": "string"}}})

    assert form.title_for({"pin": "4711", "token": "t", "scan": "aGk=", "n": 5, "order": " ORD-1\nmore"}) == "ORD-1"
    assert form.title_for({"pin": "4711"}) == ""


@pytest.mark.parametrize("schema", [{}, {"type": "array"}, {"properties": {"messages": {"$ref": "#/$defs/No"}}}])
def test_a_schema_that_is_no_state_does_no_harm(schema: dict[str, Any]) -> None:
    assert input_form(schema).has_message_box is False
