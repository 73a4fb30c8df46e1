"""An agent whose refunds and messages wait for a person."""

import os

from langchain.agents import create_agent
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.tools import tool

from src.rehearsed import RehearsedModel

CURRENCY = os.environ["ASSISTANTS_CURRENCY"]


@tool
def find_order(order_id: str) -> str:
    """Find an order by its id."""
    return f"Order {order_id}: two lamps, 80 {CURRENCY}, delivered."


@tool
def refund(order_id: str, amount: int) -> str:
    """Pay an amount back for an order."""
    return f"Paid back {amount} {CURRENCY} for {order_id}."


@tool
def tell_customer(text: str) -> str:
    """Send the customer a message."""
    return f"Told the customer: {text}"


refund_agent = create_agent(
    model=RehearsedModel(),
    tools=[find_order, refund, tell_customer],
    system_prompt="You handle refunds.",
    middleware=[
        HumanInTheLoopMiddleware(
            interrupt_on={
                "refund": {"allowed_decisions": ["approve", "edit", "reject"]},
                "tell_customer": True,
                "find_order": False,
            }
        )
    ],
)
