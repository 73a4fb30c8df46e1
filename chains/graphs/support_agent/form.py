"""What a requester fills in, and how it becomes a message to the agent."""

from typing import Annotated, Any

from langchain_core.messages import HumanMessage
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from chains.graphs.texts import on_one_line, one_newline, storable
from chains.registry import Facts

_Storable = BeforeValidator(storable)


class RequestForm(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, title="Request about an order")

    customer: Annotated[
        str,
        _Storable,
        Field(title="Customer", description="The name the order is in.", min_length=1, max_length=100),
    ]
    order_number: Annotated[
        str,
        _Storable,
        Field(
            title="Order number",
            description="As on the confirmation, for example ORD-48213.",
            max_length=20,
            pattern=r"^[A-Za-z]{2,5}-[0-9]{3,12}$",
        ),
    ]
    message: Annotated[
        str,
        _Storable,
        BeforeValidator(one_newline),
        Field(
            title="What does the customer want?",
            description="The customer's message, or what it comes to: what is wrong, which amount, which question.",
            min_length=1,
            max_length=4000,
            json_schema_extra={"x-widget": "textarea"},
        ),
    ]


def turn(values: dict[str, Any], facts: Facts) -> dict[str, Any]:
    """The input of a first or a later request. The first two lines are the form's; the customer's words follow them."""
    customer = on_one_line(str(values["customer"]), limit=100)
    order = str(values["order_number"]).upper()
    text = f"Customer: {customer}\nOrder: {order}\n\n{values['message']}"
    return {"messages": [HumanMessage(text, name=facts.user_name or None)]}


def title_for(values: dict[str, Any]) -> str:
    customer, order, message = (str(values.get(name, "")).strip() for name in ("customer", "order_number", "message"))
    return on_one_line(", ".join(fact for fact in (customer, order.upper(), message) if fact), limit=80) or "Request"
