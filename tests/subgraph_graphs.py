"""Graphs that are nodes of other graphs, as pictures and paths have to show them."""

from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from chains.registry import Graph
from tests.snapshot_graphs import Log, ask, node


def review(*, checkpointer: Any = None) -> Graph:
    """Checks and fixes in a loop, then asks; signs after that."""
    builder = StateGraph(Log)
    for name in ("check", "fix", "sign"):
        builder.add_node(name, node(name))
    builder.add_node("ask", ask)
    builder.add_edge(START, "check").add_edge("fix", "check").add_edge("ask", "sign").add_edge("sign", END)
    builder.add_conditional_edges("check", _fix_twice, ["fix", "ask"])
    return builder.compile(checkpointer=checkpointer)


def around(inner: Any, *, name: str = "review", saver: Any = None) -> Graph:
    """draft, then the inner graph, then send."""
    builder = StateGraph(Log)
    builder.add_node("draft", node("draft"))
    builder.add_node(name, inner)
    builder.add_node("send", node("send"))
    builder.add_edge(START, "draft").add_edge("draft", name).add_edge(name, "send").add_edge("send", END)
    return builder.compile(checkpointer=saver)


def quick() -> Graph:
    builder = StateGraph(Log)
    for name in ("look", "mark"):
        builder.add_node(name, node(name))
    return builder.add_edge(START, "look").add_edge("look", "mark").add_edge("mark", END).compile()


def repeated(saver: Any) -> Graph:
    """A subgraph that runs three times, then a question."""
    builder = StateGraph(Log)
    builder.add_node("work", quick())
    builder.add_node("ask", ask)
    builder.add_conditional_edges("work", _work_thrice, ["work", "ask"])
    return builder.add_edge(START, "work").add_edge("ask", END).compile(checkpointer=saver)


def fanned_out(saver: Any) -> Graph:
    """The same subgraph twice at once."""
    builder = StateGraph(Log)
    builder.add_node("review", review())
    builder.add_conditional_edges(START, _twice, ["review"])
    return builder.add_edge("review", END).compile(checkpointer=saver)


def _fix_twice(state: Log) -> str:
    return "fix" if state["log"].count("fix") < 2 else "ask"


def _work_thrice(state: Log) -> str:
    return "work" if state["log"].count("mark") < 6 else "ask"  # the log doubles: the subgraph gives all of it back


def _twice(state: Log) -> list[Send]:
    return [Send("review", {"log": ["one"]}), Send("review", {"log": ["two"]})]
