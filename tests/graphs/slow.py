"""work (slow) → ask (bound) → act. Every node leaves a line in the file its input names, to be counted."""

import os
import time

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from chains.asking import Verdict, ask_human


class State(TypedDict, total=False):
    effects: str
    seconds: float
    amount: int
    answer: str


def work(state: State) -> State:
    note(state, "work begins")
    time.sleep(state.get("seconds", 0))
    note(state, "work ends")
    return {"amount": 40}


def ask(state: State) -> State:
    answer = ask_human(action="pay", title="Pay 40 EUR", arguments={"amount": state["amount"]})
    amount = answer.arguments["amount"]
    return {
        "amount": amount if answer.verdict in {Verdict.APPROVE, Verdict.EDIT} else 0,
        "answer": answer.verdict.value,
    }


def act(state: State) -> State:
    note(state, f"act {state['amount']!r}")
    time.sleep(state.get("seconds", 0))
    return {}


def note(state: State, line: str) -> None:
    """One write to a file opened for appending: whole lines, whoever else writes."""
    descriptor = os.open(state["effects"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, f"{line}\n".encode())
    finally:
        os.close(descriptor)


graph = StateGraph(State)
graph.add_node("work", work)
graph.add_node("ask", ask)
graph.add_node("act", act)
graph.add_edge(START, "work")
graph.add_edge("work", "ask")
graph.add_edge("ask", "act")
graph.add_edge("act", END)
