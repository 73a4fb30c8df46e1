"""Nodes written as one should not: what `manage.py chain check` has to find, and what it must leave alone."""

import random
import time
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from chains.asking import ask_human
from chains.effects import effect


class State(TypedDict, total=False):
    order: str
    done: list[str]


def charge(order: str) -> str:
    return order


def question(order: str) -> Any:
    """A helper that asks."""
    return interrupt(f"Send {order}?")


def charges_first(state: State) -> State:
    receipt = charge(state["order"])
    return {"done": [receipt, question(state["order"])]}


def sleeps_first(state: State) -> State:
    time.sleep(0)
    return {"done": [str(interrupt("Go on?"))]}


def asks_twice(state: State) -> State:
    return {"done": [interrupt("First?"), interrupt("Second?")]}


def swallows(state: State) -> State:
    try:
        return {"done": [interrupt("Sure?")]}
    except Exception:
        return {}


def careful(state: State) -> State:
    """Plain values, types, an effect, and what is only defined here: nothing to remark."""
    words = sorted(str(word).strip() for word in state.get("done", []))
    effect("note", lambda key: charge(key))

    def later() -> str:
        return charge("later")

    answer = ask_human(action="send", title=" ".join(words) or "Send", arguments={"order": state["order"]})
    return {"done": [answer.verdict.value, later(), charge("after")]}


def changeful(state: State) -> State:
    return {"done": [str(interrupt({"amount": random.random()}))]}


def after(state: State) -> State:
    raise LookupError("no such order")


def chain_of(*nodes: Any) -> StateGraph[State]:
    builder = StateGraph(State)
    for before, node in zip((None, *nodes), nodes, strict=False):
        builder.add_node(node.__name__, node)
        builder.add_edge(before.__name__ if before else START, node.__name__)
    builder.add_edge(nodes[-1].__name__, END)
    return builder


careless = chain_of(charges_first, sleeps_first, asks_twice, swallows)
careful_chain = chain_of(careful)
changing = chain_of(changeful)
breaking = chain_of(careful, after)
