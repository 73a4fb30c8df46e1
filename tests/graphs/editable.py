"""draft → (review) → send: lists, messages and a model in the state, and a router that small amounts take around the
review.
"""

import operator
from decimal import Decimal
from typing import Annotated

from langchain_core.messages import AnyMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from pydantic import BaseModel
from typing_extensions import TypedDict


class Bill(BaseModel):
    total: Decimal


class State(TypedDict, total=False):
    amount: int
    log: Annotated[list[str], operator.add]
    messages: Annotated[list[AnyMessage], add_messages]
    bill: Bill


def draft(state: State) -> State:
    said = [("human", f"Pay {state['amount']}"), ("ai", "Here is the bill.")]
    return {"log": [f"drafted {state['amount']}"], "messages": said, "bill": Bill(total=Decimal(state["amount"]))}  # type: ignore[typeddict-item]


def review(state: State) -> State:
    return {"log": [f"reviewed: {interrupt({'amount': state['amount']})}"]}


def send(state: State) -> State:
    return {"log": [f"sent {state['amount']}"]}


def way(state: State) -> str:
    if state["amount"] < 0:
        raise ValueError("There is no way for what is owed to nobody.")
    return "review" if state["amount"] >= 100 else "send"


editable = StateGraph(State)
editable.add_node("draft", draft)
editable.add_node("review", review)
editable.add_node("send", send)
editable.add_edge(START, "draft")
editable.add_conditional_edges("draft", way, ["review", "send"])
editable.add_edge("review", "send")
editable.add_edge("send", END)
