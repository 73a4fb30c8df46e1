"""Graphs under fault. Each writes down what it did, and which answer it had for which question."""

import itertools
import operator
import os
import threading
import time
from typing import Annotated, Any

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict

from chains.asking import ask_human

EFFECTS = """
CREATE TABLE IF NOT EXISTS fault_effects
(id bigserial, thread_id text, what text, at timestamptz DEFAULT clock_timestamp())
"""
# Of this process, since none can be carried over a fork: {process: connection}.
_connections: dict[int, psycopg.Connection[Any]] = {}
_connecting = threading.Lock()


class State(TypedDict, total=False):
    """`log` is what was asked beside what was answered: [["First", "First"], ...] when every answer is in its place."""

    name: str
    seconds: float
    amount: int
    approved: int
    parts: list[str]
    rounds: int
    log: Annotated[list[list[str]], operator.add]


class Part(TypedDict, total=False):
    title: str
    log: Annotated[list[list[str]], operator.add]


def effect(config: RunnableConfig, what: str) -> None:
    """Count one thing done to the outside world, over a connection that no crash of the run can roll back."""
    with _connecting:
        if os.getpid() not in _connections:
            _connections.clear()
            _connections[os.getpid()] = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        connection = _connections[os.getpid()]
    thread_id = config["configurable"]["thread_id"]
    connection.execute("INSERT INTO fault_effects (thread_id, what) VALUES (%s, %s)", (thread_id, what))


def raw(config: RunnableConfig, title: str, **more: Any) -> list[str]:
    """A question by interrupt() alone: nothing but Holdpoint keeps its answer from another question."""
    effect(config, f"asks {title}")
    answer = interrupt({"title": title, **more})
    effect(config, f"{title} was answered with {answer['to']}")
    return [title, answer["to"]]


def bound(config: RunnableConfig, title: str) -> list[str]:
    effect(config, f"asks {title}")
    answer = ask_human(action="note", title=title, arguments={"title": title})
    effect(config, f"{title} was answered with {answer.message}")
    return [title, answer.message]


def plan(state: State, config: RunnableConfig) -> State:
    effect(config, "plan")
    return {"amount": state.get("amount", 40)}


def pay(state: State) -> State:
    answer = ask_human(action="pay", title="Pay", arguments={"amount": state["amount"]})
    return {"approved": answer.arguments["amount"], "log": [["Pay", answer.message]]}


def pay_raw(state: State) -> State:
    answer = interrupt({"title": "Pay", "amount": state["amount"]})
    return {"approved": answer["amount"], "log": [["Pay", answer["to"]]]}


def act(state: State, config: RunnableConfig) -> State:
    effect(config, f"pays {state['amount']} where {state['approved']} was approved")
    time.sleep(state.get("seconds", 0))
    return {}


def twice_node(state: State, config: RunnableConfig) -> State:
    return {"log": [raw(config, "First"), raw(config, "Second")]}


def bound_twice_node(state: State, config: RunnableConfig) -> State:
    return {"log": [bound(config, "First"), bound(config, "Second")]}


def thrice_node(state: State, config: RunnableConfig) -> State:
    first = raw(config, "First")
    time.sleep(state.get("seconds", 0))
    return {"log": [first, raw(config, "Second"), raw(config, "Third")]}


def round_node(state: State, config: RunnableConfig) -> State:
    number = state.get("rounds", 0) + 1
    return {"rounds": number, "log": [raw(config, f"Round {number}")]}


def left_node(state: State, config: RunnableConfig) -> State:
    return {"log": [raw(config, "Left")]}


def right_node(state: State, config: RunnableConfig) -> State:
    return {"log": [bound(config, "Right")]}


def part_node(state: Part, config: RunnableConfig) -> Part:
    return {"log": [raw(config, state["title"])]}


_numbers = itertools.count(1)


def restless_node(state: State, config: RunnableConfig) -> State:
    """Asks about another amount each time its body runs, under the same id."""
    amount = next(_numbers)
    answer = interrupt({"title": "Pay", "amount": amount})
    effect(config, f"pays {amount} where {answer['amount']} was approved")
    return {"log": [["Pay", answer["to"]]]}


def _line(*nodes: tuple[str, Any]) -> "StateGraph[State, None, State, State]":
    builder = StateGraph(State)
    names = [START, *(name for name, _ in nodes), END]
    for name, node in nodes:
        builder.add_node(name, node)
    for before, after in itertools.pairwise(names):
        builder.add_edge(before, after)
    return builder


asks = _line(("plan", plan), ("pay", pay), ("act", act))
asks_raw = _line(("plan", plan), ("pay", pay_raw), ("act", act))
twice = _line(("only", twice_node))
bound_twice = _line(("only", bound_twice_node))
thrice = _line(("only", thrice_node))
restless = _line(("only", restless_node))

loop = StateGraph(State)
loop.add_node("round", round_node)
loop.add_edge(START, "round")
loop.add_conditional_edges("round", lambda state: END if state["rounds"] == 2 else "round", ["round", END])

parallel = StateGraph(State)
parallel.add_node("left", left_node)
parallel.add_node("right", right_node)
for side in ("left", "right"):
    parallel.add_edge(START, side)
    parallel.add_edge(side, END)

fan = StateGraph(State)
fan.add_node("plan", plan)
fan.add_node("part", part_node)
fan.add_edge(START, "plan")
fan.add_conditional_edges("plan", lambda state: [Send("part", {"title": f"Part {n}"}) for n in (1, 2, 3)], ["part"])
fan.add_edge("part", END)

nested = StateGraph(State)
nested.add_node("inner", twice.compile())
nested.add_node("after", plan)
nested.add_edge(START, "inner")
nested.add_edge("inner", "after")
nested.add_edge("after", END)
