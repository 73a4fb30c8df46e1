"""prepare → ask → act, once for each part its input asks for; every node takes a while and leaves a line in a file."""

import json
import os
import random
import time
from typing import Any

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from chains.asking import Verdict, ask_human
from chains.registry import Chain, ChainContext, Facts

LARGEST_AMOUNT = 10**9


class State(TypedDict, total=False):
    thread: str
    effects: str
    seconds: float
    parts: int
    part: int
    amount: int
    verdict: str
    reviewer: str


def prepare(state: State) -> State:
    """Another amount each time it runs: what a killed worker prepared must never be taken for what was asked."""
    time.sleep(state["seconds"])
    return {"part": state.get("part", 0) + 1, "amount": random.SystemRandom().randrange(LARGEST_AMOUNT)}


def ask(state: State) -> State:
    arguments = {"part": state["part"], "amount": state["amount"]}
    answer = ask_human(action="pay", title=f"Pay part {state['part']}", arguments=arguments)
    return {"verdict": answer.verdict.value, "reviewer": answer.reviewer}


def act(state: State) -> State:
    if state["verdict"] == Verdict.APPROVE:
        _note(state)
    time.sleep(state["seconds"])
    return {}


def goes_on(state: State) -> str:
    return "prepare" if state["part"] < state["parts"] else END


def _note(state: State) -> None:
    """One write to a file opened for appending: whole lines, whoever else writes."""
    line = {key: state[key] for key in ("thread", "part", "amount", "reviewer")}
    descriptor = os.open(state["effects"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{json.dumps(line)}\n".encode())
    finally:
        os.close(descriptor)


def _build(context: ChainContext) -> StateGraph[State]:
    graph = StateGraph(State)
    graph.add_node("prepare", prepare)
    graph.add_node("ask", ask)
    graph.add_node("act", act)
    graph.add_edge(START, "prepare")
    graph.add_edge("prepare", "ask")
    graph.add_edge("ask", "act")
    graph.add_conditional_edges("act", goes_on, ["prepare", END])
    return graph


def _start(values: dict[str, Any], facts: Facts) -> dict[str, Any]:
    return {**values, "thread": facts.thread_id}


payments = Chain(
    name="payments",
    title="Payments in parts",
    build=_build,
    input_schema={
        "type": "object",
        "properties": {
            "request": {"type": "string"},
            "effects": {"type": "string"},
            "seconds": {"type": "number"},
            "parts": {"type": "integer"},
        },
        "required": ["request", "effects", "seconds", "parts"],
    },
    start=_start,
    title_for=lambda values: str(values["request"]),
)
