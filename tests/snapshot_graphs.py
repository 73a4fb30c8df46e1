"""Small graphs whose threads go the ways that history has to tell apart, on every kind of saver."""

import operator
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any
from uuid import uuid4

import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send, interrupt
from psycopg.rows import dict_row
from typing_extensions import TypedDict

from chains.registry import Graph
from chains.snapshots.records import Saver

SAVERS = ("memory", "sqlite", "postgres")


class Log(TypedDict, total=False):
    log: Annotated[list[str], operator.add]
    round: int


class Desk:
    """One thread of one graph, run as workers run it."""

    def __init__(self, graph: Graph, thread_id: str | None = None) -> None:
        self.graph = graph
        self.thread_id = thread_id or str(uuid4())

    def run(self, value: Any, *, at: str | None = None, **metadata: str) -> None:
        place = {"thread_id": self.thread_id, "checkpoint_ns": ""} | ({"checkpoint_id": at} if at else {})
        self.graph.invoke(value, {"configurable": place, "metadata": metadata}, durability="sync")

    def edit(self, values: dict[str, Any], *, as_node: str | None = None, **metadata: str) -> None:
        config: Any = {"configurable": {"thread_id": self.thread_id}, "metadata": metadata}
        self.graph.update_state(config, values, as_node=as_node)


def node(name: str) -> Any:
    return lambda state: {"log": [name]}


def ask(state: Log) -> Log:
    return {"log": [f"answer {interrupt('go on?')}"]}


def linear(saver: Saver) -> Graph:
    builder = StateGraph(Log)
    builder.add_node("draft", node("draft"))
    builder.add_node("ask", ask)
    builder.add_node("send", node("send"))
    builder.add_edge(START, "draft").add_edge("draft", "ask").add_edge("ask", "send").add_edge("send", END)
    return builder.compile(checkpointer=saver)


def everything(saver: Saver) -> Graph:
    """Parallel nodes, Sends, a join, a loop by Command(goto), then a question."""
    builder = StateGraph(Log)
    for name in ("plan", "left", "right", "work", "join", "after"):
        builder.add_node(name, node(name))
    builder.add_node("again", again, destinations=("again", "ask"))
    builder.add_node("ask", ask)
    builder.add_edge(START, "plan").add_edge("plan", "left").add_edge("plan", "right")
    builder.add_conditional_edges("left", lambda state: [Send("work", {}), Send("work", {})], ["work"])
    builder.add_edge("work", "after").add_edge(["right", "after"], "join").add_edge("join", "again")
    builder.add_edge("ask", END)
    return builder.compile(checkpointer=saver)


def again(state: Log) -> Command[Any]:
    count = state.get("round", 0) + 1
    return Command(update={"round": count, "log": ["again"]}, goto="again" if count < 3 else "ask")


@contextmanager
def opened(kind: str) -> Iterator[BaseCheckpointSaver[Any]]:
    if kind == "memory":
        yield InMemorySaver()
    elif kind == "sqlite":
        yield SqliteSaver(sqlite3.connect(":memory:", check_same_thread=False))
    else:
        with _schema() as connection:
            saver = PostgresSaver(connection)
            saver.setup()
            yield saver


@contextmanager
def _schema() -> Iterator[psycopg.Connection[Any]]:
    """The tests' own PostgreSQL, but tables of our own."""
    name = f"snapshots_{uuid4().hex}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row) as connection:
        connection.execute(f"CREATE SCHEMA {name}")
        connection.execute(f"SET search_path TO {name}")
        try:
            yield connection
        finally:
            connection.execute(f"DROP SCHEMA {name} CASCADE")
