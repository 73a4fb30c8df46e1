"""A chain to begin from: one node works out what would be done, the next one asks, the third one does it."""

import os
from typing import Any

from langgraph.graph import END, START, StateGraph
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from chains.asking import Verdict, ask_human
from chains.effects import effect
from chains.registry import Chain, ChainContext

# Set by langgraph.json, unless the environment says otherwise.
LIMIT = int(os.environ.get("REFUND_LIMIT", "100"))


class Request(BaseModel):
    """The form. Its fields become the first state."""

    order: str = Field(title="Order", pattern="^ORD-[0-9]+$", description="For example ORD-48213.")
    amount: int = Field(title="Amount in EUR", ge=1)


class State(TypedDict, total=False):
    order: str
    amount: int
    payment: dict[str, Any]
    outcome: str


def prepare(state: State) -> State:
    """Everything that takes a model, a clock or a look at another system belongs here: it runs once."""
    return {"payment": {"order": state["order"], "amount": min(state["amount"], LIMIT)}}


def ask(state: State) -> State:
    """Nothing but the question: this node runs again from its top when it is answered."""
    payment = state["payment"]
    answer = ask_human(
        action="refund",
        title=f"Refund {payment['amount']} EUR for {payment['order']}",
        arguments=payment,
        allowed=[Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT],
        arguments_schema=Request.model_json_schema(),
    )
    if answer.verdict is Verdict.REJECT:
        return {"outcome": f"Not paid: {answer.message}"}
    return {"payment": answer.arguments}


def route(state: State) -> str:
    return END if "outcome" in state else "pay"


def pay(state: State) -> State:
    """The only node that does anything outside, and it does so once."""
    receipt = effect("refund", lambda key: send_money(state["payment"], idempotency_key=key))
    return {"outcome": f"Paid, receipt {receipt}"}


def send_money(payment: dict[str, Any], *, idempotency_key: str) -> str:
    """Where your payment system would be called. Hand the key on: it is the same if this is ever called again."""
    return f"{payment['order']}-{idempotency_key[:8]}"


def build(context: ChainContext) -> StateGraph[State, Any, State, State]:
    """`context.model` is the model this chain should use, `context.options` its part of HOLDPOINT_CHAIN_OPTIONS."""
    builder = StateGraph(State)
    builder.add_node("prepare", prepare)
    builder.add_node("ask", ask)
    builder.add_node("pay", pay)
    builder.add_edge(START, "prepare")
    builder.add_edge("prepare", "ask")
    builder.add_conditional_edges("ask", route, ["pay", END])
    builder.add_edge("pay", END)
    return builder


chain = Chain(
    name="refunds",
    title="Refund an order",
    description="Pays a customer back once somebody has approved the amount.",
    version="1",
    build=build,
    input_schema=Request.model_json_schema(),
    input_model=Request,
    example={"order": "ORD-48213", "amount": 40},
)
