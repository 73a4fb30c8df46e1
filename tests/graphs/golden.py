"""Graphs with threads in tests/golden/ that wait in them: no node, key or type here may be renamed, as in a graph that
people use. What must change gets another name and another chain.
"""

import operator
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict

from chains.asking import Verdict, ask_human

# Whether the line that `failing` calls on is up.
line = {"up": False}


class Order(BaseModel):
    number: str
    total: Decimal


@dataclass
class Stamp:
    place: str
    count: int


class State(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    order: Order
    stamp: Stamp


def _say(word: str) -> Any:
    return lambda state: {"log": [word]}


def _asks(question: str) -> Any:
    return lambda state: {"log": [f"{question} {interrupt({'question': question})}"]}


def _pay(state: State) -> State:
    answer = ask_human(action="pay", title="Pay the bill", arguments={"amount": 40, "to": "Marta Nowak"})
    paid = answer.arguments if answer.verdict in {Verdict.APPROVE, Verdict.EDIT} else "nothing"
    return {"log": [f"paid {paid}"]}


def _take(state: State) -> State:
    return {"order": Order(number="ORD-48213", total=Decimal("12.50")), "stamp": Stamp(place="Łódź", count=2)}


def _price(state: State) -> State:
    """Works only on the very types that were stored."""
    order, stamp = state["order"], state["stamp"]
    return {"log": [f"{order.number}: {order.total * stamp.count} at {stamp.place}, {interrupt('Is that right?')}"]}


def _call(state: State) -> State:
    if not line["up"]:
        raise LookupError("The line is down.")
    return {"log": ["called"]}


def _line(*nodes: tuple[str, Any]) -> StateGraph[State]:
    """One node after the other."""
    builder = StateGraph(State)
    before = START
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(before, name)
        before = name
    builder.add_edge(before, END)
    return builder


_desk = _line(("write", _say("written")), ("ask", _asks("Send it?")))
nested = _line(("prepare", _say("prepared")), ("desk", _desk.compile()), ("close", _say("closed")))

beside = StateGraph(State)
for _name in ("left", "right"):
    beside.add_node(_name, _asks(f"The {_name}?"))
    beside.add_edge(START, _name)
beside.add_node("count", _say("counted"))
beside.add_node("close", _say("closed"))
beside.add_edge(START, "count")
beside.add_edge(["left", "right", "count"], "close")
beside.add_edge("close", END)

bound = _line(("prepare", _say("prepared")), ("pay", _pay), ("close", _say("closed")))
typed = _line(("take", _take), ("price", _price))
failing = _line(("prepare", _say("prepared")), ("call", _call), ("close", _say("closed")))
