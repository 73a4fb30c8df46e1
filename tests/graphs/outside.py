"""A graph that asks, and then does something in the world: a line in a file, which no database brings back."""

import os

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict, total=False):
    file: str
    name: str
    answer: str


def review(state: State) -> State:
    return {"answer": str(interrupt({"question": f"Send {state['name']}?"}))}


def send(state: State) -> State:
    line = os.open(state["file"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(line, f"{state['name']}\n".encode())
    os.close(line)
    return {}


graph = StateGraph(State)
graph.add_node("review", review)
graph.add_node("send", send)
graph.add_edge(START, "review")
graph.add_edge("review", "send")
graph.add_edge("send", END)
