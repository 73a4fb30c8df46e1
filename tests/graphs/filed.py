"""file → (review): a state that holds what JSON can say and what it cannot, and as long a talk as is asked for."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, NotRequired

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import interrupt
from typing_extensions import TypedDict

MOMENT = datetime(2026, 3, 31, 14, 30, tzinfo=UTC)
LONG = 2_500


class Doc(TypedDict):
    name: str
    data: bytes


class State(TypedDict, total=False):
    talk: int
    doc: Doc
    facts: dict[str, Any]
    price: Decimal
    due: datetime
    note: NotRequired[str]
    later: NotRequired[Doc]
    messages: Annotated[list[AnyMessage], add_messages]


def file(state: State) -> State:
    used = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}
    said: list[AnyMessage] = [
        HumanMessage("Please."),
        AIMessage("", tool_calls=[{"name": "pay", "args": {"sum": 1}, "id": "call"}], usage_metadata=used),
        ToolMessage("Paid.", tool_call_id="call", artifact={"receipt": 1}),
    ]
    said += [HumanMessage(f"{number} ".ljust(LONG, "x")) for number in range(state.get("talk", 0))]
    return {
        "doc": {"name": "bill.pdf", "data": b"%PDF" * 2_500},
        "facts": {"total": Decimal("12.50"), "at": MOMENT},
        "price": Decimal("12.50"),
        "due": MOMENT,
        "messages": said,
    }


def review(state: State) -> State:
    return {"note": f"{interrupt({'talk': state.get('talk', 0)})}"}


filed = StateGraph(State)
filed.add_node("file", file)
filed.add_node("review", review)
filed.add_edge(START, "file")
filed.add_edge("file", "review")
filed.add_edge("review", END)
