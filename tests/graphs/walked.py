"""Two graphs that are walked through the whole workbench: one with a subgraph, one with nodes side by side.

Both ask people, talk in several turns, count their work, and write a letter with the installation's model.
"""

from collections.abc import Callable
from typing import Annotated, Any

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from typing_extensions import TypedDict

from chains.chat_models import open_model
from chains.registry import Builder, Chain, ChainContext, Facts

SCHEMA = {
    "type": "object",
    "properties": {"request": {"type": "string", "title": "Request", "minLength": 1}},
    "required": ["request"],
    "additionalProperties": False,
}


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    amount: int
    letter: str
    log: Annotated[list[str], lambda old, new: [*old, *new]]


Node = Any  # LangGraph has no type for a node that mypy takes from a variable


def _turn(values: dict[str, Any], facts: Facts) -> dict[str, Any]:
    return {"messages": [HumanMessage(values["request"], name=facts.user_name)], "amount": 40, "letter": ""}


def _writing(model: str) -> Node:
    def write(state: State) -> State:
        get_stream_writer()({"done": 2, "total": 4, "label": "Reading the file"})
        said = open_model(model).invoke([HumanMessage(str(state["messages"][-1].text))])
        return {"letter": str(said.text), "log": ["written"], "messages": [said]}

    return write


def _asking(name: str) -> Node:
    def ask(state: State) -> State:
        answer = interrupt({"question": f"Send it ({name})?", "amount": state["amount"]})
        return {"log": [f"{name}: {answer}"]}

    return ask


def _counting(state: State) -> State:
    return {"amount": state["amount"] + 1, "log": ["counted"]}


def _close(state: State) -> State:
    return {"log": ["closed"]}


def _nested(context: ChainContext) -> Builder:
    """prepare → desk (write → ask) → close."""
    inner: Builder = StateGraph(State)
    inner.add_node("write", _writing(context.model))
    inner.add_node("ask", _asking("desk"))
    inner.add_edge(START, "write")
    inner.add_edge("write", "ask")
    inner.add_edge("ask", END)
    builder: Builder = StateGraph(State)
    builder.add_node("prepare", lambda state: {"log": ["prepared"]})
    builder.add_node("desk", inner.compile())
    builder.add_node("close", _close)
    builder.add_edge(START, "prepare")
    builder.add_edge("prepare", "desk")
    builder.add_edge("desk", "close")
    builder.add_edge("close", END)
    return builder


def _beside(context: ChainContext) -> Builder:
    """write → left, right and count side by side → close."""
    beside: dict[str, Node] = {"left": _asking("left"), "right": _asking("right"), "count": _counting}
    builder: Builder = StateGraph(State)
    builder.add_node("write", _writing(context.model))
    builder.add_node("close", _close)
    builder.add_edge(START, "write")
    for name, node in beside.items():
        builder.add_node(name, node)
        builder.add_edge("write", name)
    builder.add_edge(list(beside), "close")
    builder.add_edge("close", END)
    return builder


def _chain(name: str, title: str, build: Callable[[ChainContext], Builder]) -> Chain:
    return Chain(name, title, build, input_schema=SCHEMA, start=_turn, next_turn=_turn, multi_turn=True)


nested = _chain("nested", "A desk within", _nested)
beside = _chain("beside", "Side by side", _beside)
