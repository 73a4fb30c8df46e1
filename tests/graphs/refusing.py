"""Graphs that ask in each format and then fail on an approval, as only a node that wants more than it said would."""

from typing import Annotated, Any

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from typing_extensions import TypedDict

from tests.graphs.formats import CAMEL, REFUND, REQUEST

DECISIONS = {
    "oneOf": [
        {"type": "object", "properties": {"type": {"const": "approve"}}, "required": ["type"]},
        {
            "type": "object",
            "properties": {"type": {"const": "reject"}, "message": {"type": "string"}},
            "required": ["type"],
        },
    ]
}
CALL = {"type": "tool_approval", "tool_call_id": "1", "name": "issue_refund", "args": REFUND, "description": "Refund."}
APPROVALS = (True, 7, {"type": "approve"}, {"decisions": [{"type": "approve"}] * 2})


class State(TypedDict, total=False):
    log: Annotated[list[Any], lambda old, new: [*old, *new]]


def _picky(value: Any, schema: Any = None) -> StateGraph[State]:
    def ask(state: State) -> State:
        answer = interrupt(value, response_schema=schema) if schema else interrupt(value)
        if answer in APPROVALS or (isinstance(answer, list) and answer[0]["type"] == "accept"):
            raise ValueError("An approval is not enough.")
        return {"log": [answer]}

    return _one_node(ask)


def _one_node(node: Any) -> StateGraph[State]:
    builder = StateGraph(State)
    builder.add_node("ask", node)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    return builder


refusing_open = _picky("Go on?")
refusing_schema = _picky("How many?", {"type": "integer"})
refusing_legacy = _picky([REQUEST])
refusing_batch = _picky(CAMEL)
refusing_call = _picky(CALL, DECISIONS)
