"""Several questions at once: parallel nodes, Send, subgraphs, and subgraphs side by side."""

from collections.abc import Callable
from typing import Annotated, Any, cast

from langgraph.graph import END, START, StateGraph
from langgraph.types import Send, interrupt
from typing_extensions import TypedDict

from tests.graphs.formats import REQUEST, SNAKE

ITEMS = ("lamp", "desk", "chair")


class State(TypedDict, total=False):
    log: Annotated[list[Any], lambda old, new: [*old, *new]]


def _asks(name: str, value: Any) -> Callable[[State], State]:
    return lambda state: {"log": [[name, interrupt(value)]]}


def _ask_about(sent: Any) -> State:
    return {"log": [[sent["item"], interrupt({"question": f"Send the {sent['item']}?"})]]}


def _parallel(*nodes: tuple[str, Any]) -> StateGraph[State]:
    builder = StateGraph(State)
    for name, node in nodes:
        builder.add_node(name, node)
        builder.add_edge(START, name)
        builder.add_edge(name, END)
    return builder


parallel_formats = _parallel(
    ("batch", _asks("batch", SNAKE)),
    ("legacy", _asks("legacy", [REQUEST])),
    ("plain", _asks("plain", "Go on?")),
)

fan_out = StateGraph(State)
fan_out.add_node("ask_about", cast(Any, _ask_about))
fan_out.add_conditional_edges(START, lambda state: [Send("ask_about", {"item": item}) for item in ITEMS], ["ask_about"])
fan_out.add_edge("ask_about", END)

_inner = _parallel(("ask", _asks("inner", [REQUEST])))
in_subgraph = _parallel(("inside", _inner.compile()))

_left, _right = (_parallel(("ask", _asks(side, f"The {side}?"))) for side in ("left", "right"))
in_subgraphs = _parallel(("left", _left.compile()), ("right", _right.compile()), ("outer", _asks("outer", "Outside?")))
