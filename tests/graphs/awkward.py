"""Graphs that misbehave on purpose: they fail, change their question, or ask twice in one node or at once."""

import itertools
from pathlib import Path
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from chains.asking import ask_human


class State(TypedDict, total=False):
    effects: str
    weather: str
    log: Annotated[list[Any], lambda old, new: [*old, *new]]


_counter = itertools.count()


def _fail_until_told(state: State) -> State:
    """Fails for as long as the file its input names does not exist."""
    with open(state["effects"]) as file:
        return {"log": [file.read()]}


def _call_out(state: State) -> State:
    """Like a line that is down until the file its input names says "good"."""
    if Path(state["weather"]).read_text() != "good":
        raise ConnectionError("The line is down.")
    return {}


def _ask_then_call_out(state: State) -> State:
    answer = interrupt("Call?")
    _call_out(state)
    return {"log": [answer]}


def _restless(state: State) -> State:
    """Computes its arguments in the asking node: each run asks about another amount."""
    answer = ask_human(action="pay", title="Pay", arguments={"amount": next(_counter)})
    return {"log": [answer.arguments["amount"]]}


def _restless_raw(state: State) -> State:
    """As above, without anything that compares."""
    return {"log": [interrupt({"amount": next(_counter)})]}


def _two_in_one(state: State) -> State:
    first = interrupt("First?")
    second = interrupt("Second?")
    return {"log": [first, second]}


def _wants_a_number(state: State) -> State:
    return {"log": [int(interrupt("How many?"))]}


def _left(state: State) -> State:
    return {"log": [["left", interrupt("Left?")]]}


def _right(state: State) -> State:
    return {"log": [["right", interrupt("Right?")]]}


def one_node(node: Any, state: Any = State) -> StateGraph[Any]:
    builder = StateGraph(state)
    builder.add_node("only", node)
    builder.add_edge(START, "only")
    builder.add_edge("only", END)
    return builder


failing = one_node(_fail_until_told)
shaky = one_node(_call_out)
shaky_beside_asking = StateGraph(State)
shaky_beside_asking.add_node("call", _call_out)
shaky_beside_asking.add_node("left", _left)
shaky_beside_asking.add_edge(START, "call")
shaky_beside_asking.add_edge(START, "left")
shaky_after_asking = one_node(_ask_then_call_out)
restless = one_node(_restless)
restless_raw = one_node(_restless_raw)
twice = one_node(_two_in_one)
picky = one_node(_wants_a_number)

parallel = StateGraph(State)
parallel.add_node("left", _left)
parallel.add_node("right", _right)
parallel.add_edge(START, "left")
parallel.add_edge(START, "right")
parallel.add_edge("left", END)
parallel.add_edge("right", END)
