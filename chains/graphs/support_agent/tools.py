"""What the agent can do in the shop. Each call carries its own key, so that a step which runs twice acts once."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated

from langchain.tools import ToolRuntime
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import AfterValidator, Field, WithJsonSchema

from chains.graphs.support_agent.shop import CURRENCY, Shop
from chains.graphs.texts import StorableText

LOOK_UP_ORDER, ISSUE_REFUND, SEND_EMAIL = "look_up_order", "issue_refund", "send_email"


OrderNumber = Annotated[
    StorableText, Field(max_length=20, description="Such as ORD-48213."), AfterValidator(lambda text: text.upper())
]
Amount = Annotated[
    Decimal,
    Field(gt=0, max_digits=9, decimal_places=2, allow_inf_nan=False),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^\d{1,7}(\.\d{1,2})?$",
            "description": f"In {CURRENCY}, such as 12.50.",
            "x-error": f"Give an amount in {CURRENCY}, such as 12.50.",
        }
    ),
]
Reason = Annotated[StorableText, Field(min_length=1, max_length=300, description="Why, in a sentence.")]
Address = Annotated[StorableText, Field(max_length=254, pattern=r"^[^\s@,;<>]+@[^\s@,;<>]+\.[^\s@,;<>]+$")]
Subject = Annotated[StorableText, Field(min_length=1, max_length=150, pattern=r"^[^\r\n]*\S[^\r\n]*$")]
Text = Annotated[StorableText, Field(min_length=1, max_length=10_000, pattern=r"\S")]


def tools_in(shop: Callable[[], Shop]) -> list[BaseTool]:
    """`shop` is called for each use, in the worker that uses it."""

    def look_up_order(order_number: OrderNumber) -> str:
        """Everything the shop knows of one order: customer, items, status, total, and what can still be refunded."""
        order = shop().order(order_number)
        return _result(
            order_number=order.number,
            customer=order.customer,
            email=order.email,
            items=order.items,
            status=order.status,
            placed_on=order.placed_on,
            total=str(order.total),
            refunded=str(order.refunded),
            refundable=str(order.refundable),
            currency=CURRENCY,
        )

    def issue_refund(order_number: OrderNumber, amount: Amount, reason: Reason, runtime: ToolRuntime) -> str:
        """Pay money back for an order, the way it was paid. It cannot be undone."""
        receipt = shop().refund(order_number, amount, reason=reason, key=_key(runtime))
        return _result(receipt=receipt, order_number=order_number, refunded=f"{amount:.2f}", currency=CURRENCY)

    def send_email(to: Address, subject: Subject, text: Text, runtime: ToolRuntime) -> str:
        """Send an e-mail to a customer. It cannot be called back."""
        letter = shop().post(to, subject, text, key=_key(runtime))
        return _result(letter=letter, to=to, subject=subject)

    return [
        StructuredTool.from_function(function, handle_tool_error=True)
        for function in (look_up_order, issue_refund, send_email)
    ]


def _result(**facts: str) -> str:
    return json.dumps(facts, ensure_ascii=False)


def _key(runtime: ToolRuntime) -> str:
    """One call of one thread. A reviewer's edit keeps the call's id, and so does a replay from an older checkpoint."""
    thread_id = runtime.config.get("configurable", {}).get("thread_id")
    if not thread_id or not runtime.tool_call_id:
        raise ToolException("A call without an id, or outside a thread, is not carried out: it could happen twice.")
    return f"{thread_id}:{runtime.tool_call_id}"
