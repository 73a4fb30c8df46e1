"""A graph without a question: it was compiled to stop before it publishes."""

import os

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict


class Topic(TypedDict):
    topic: str


class State(Topic, total=False):
    draft: str
    published: str


def write(state: State) -> State:
    return {"draft": f"News about {state['topic']}, by {os.environ['ASSISTANTS_SENDER']}."}


def publish(state: State) -> State:
    return {"published": state["draft"].upper()}


def make_graph(config: RunnableConfig) -> CompiledStateGraph:
    builder = StateGraph(State, input_schema=Topic)
    builder.add_node("write", write)
    builder.add_node("publish", publish)
    builder.add_edge(START, "write")
    builder.add_edge("write", "publish")
    builder.add_edge("publish", END)
    return builder.compile(interrupt_before=["publish"])
