"""A graph that says what it was asked on every way out there is: printed, logged, raised."""

import logging
import sys
import warnings

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict


class State(TypedDict):
    request: str
    answer: str


class Asked(TypedDict):
    request: str


def tell(state: State) -> dict[str, str]:
    said = state["request"]
    print("printed", said)
    print("to stderr", said, file=sys.stderr)
    logging.getLogger("somebody.elses").error("logged %s", said)
    logging.getLogger("celery.worker").error("as if by a framework: %s", {"request": said})
    logging.getLogger("asyncio").error(f"Exception in callback {said!r}")
    warnings.warn(f"warned {said}", stacklevel=2)
    try:
        raise ValueError(f"raised {said}")
    except ValueError:
        logging.getLogger("django.request").exception("Internal Server Error: %s", f"/search?q={said}")
    return {}


def ask(state: State) -> dict[str, str]:
    return {"answer": str(interrupt({"question": state["request"]}))}


def fail(state: State) -> dict[str, str]:
    raise ValueError(f"cannot go on with {state['request']}")


graph = StateGraph(State, input_schema=Asked)
graph.add_node("tell", tell)
graph.add_node("ask", ask)
graph.add_node("fail", fail)
graph.add_edge(START, "tell")
graph.add_edge("tell", "ask")
graph.add_edge("ask", "fail")
graph.add_edge("fail", END)
