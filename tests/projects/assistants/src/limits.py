"""A graph that asks a typed question, and acts on exactly the answer."""

from typing import Annotated

from langgraph.graph import END, START, StateGraph
from langgraph.types import interrupt
from pydantic import BaseModel, Field
from typing_extensions import TypedDict


class Limit(BaseModel):
    """The credit limit a customer gets."""

    amount: Annotated[int, Field(ge=0, le=10_000, description="In whole euros.")]
    comment: str = ""


class Wish(TypedDict):
    customer: str
    wanted: int


class State(Wish, total=False):
    outcome: str


def ask(state: State) -> State:
    question = {"question": f"Which limit for {state['customer']}?", "wanted": state["wanted"]}
    answer = Limit.model_validate(interrupt(question, response_schema=Limit))
    return {"outcome": f"{state['customer']} has {answer.amount} EUR. {answer.comment}".strip()}


builder = StateGraph(State, input_schema=Wish)
builder.add_node("ask", ask)
builder.add_edge(START, "ask")
builder.add_edge("ask", END)
graph = builder.compile()
