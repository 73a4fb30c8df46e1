"""A graph whose form has everything at once: files, a list, kinds of objects, a secret."""

from typing import Annotated, Literal, Required

from langgraph.graph import END, START, StateGraph
from pydantic import Field
from typing_extensions import TypedDict


class Line(TypedDict):
    sku: str
    quantity: Annotated[int, Field(ge=1)]


class Card(TypedDict):
    kind: Literal["card"]
    number: Annotated[str, Field(min_length=4)]


class Bank(TypedDict):
    kind: Literal["bank"]
    iban: str


class Claim(TypedDict, total=False):
    order: Required[Annotated[str, Field(min_length=3, title="Order number")]]
    invoice: Required[Annotated[str, Field(json_schema_extra={"contentMediaType": "application/pdf"})]]
    photo: Annotated[
        str,
        Field(json_schema_extra={"contentMediaType": "image/png", "contentEncoding": "base64", "x-max-bytes": 1000}),
    ]
    pin: Annotated[str, Field(json_schema_extra={"x-sensitive": True})]
    lines: list[Line]
    pay: Annotated[Card | Bank, Field(discriminator="kind")]
    seen: str


def read(state: Claim) -> Claim:
    return {"order": state["order"], "invoice": state["invoice"], "seen": ", ".join(sorted(state))}


graph = StateGraph(Claim)
graph.add_node("read", read)
graph.add_edge(START, "read")
graph.add_edge("read", END)
