"""A graph that asks about something secret."""

from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from chains.asking import ask_human

SCHEMA = {
    "type": "object",
    "properties": {
        "user": {"type": "string"},
        "pin": {"type": "string", "title": "PIN", "x-sensitive": True},
    },
    "required": ["user", "pin"],
}


class Door(TypedDict, total=False):
    user: str
    opened: str


def review(state: Door) -> Door:
    arguments = {"user": state["user"], "pin": "old-0000"}
    answer = ask_human(action="open_door", title="Open the door", arguments=arguments, arguments_schema=SCHEMA)
    return {"opened": str(answer.arguments)}


graph = StateGraph(Door)
graph.add_node("review", review)
graph.add_edge(START, "review")
graph.add_edge("review", END)
