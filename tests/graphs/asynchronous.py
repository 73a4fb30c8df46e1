"""draft → tools → (router) → ask: everything in it is async and nothing else."""

import asyncio
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode
from langgraph.types import interrupt

# The loop each draft ran on, by its id.
calls: list[int] = []


@tool
async def look(number: int) -> str:
    """Look at a number."""
    await asyncio.sleep(0)
    return f"seen {number}"


async def draft(state: MessagesState) -> dict[str, Any]:
    if any(message.text == "fail" for message in state["messages"]):
        raise ValueError("told to fail")
    calls.append(id(asyncio.get_running_loop()))
    await asyncio.sleep(0)
    return {"messages": [AIMessage("", tool_calls=[{"name": "look", "args": {"number": 3}, "id": "1"}])]}


async def way(state: MessagesState) -> str:
    await asyncio.sleep(0)
    return "ask"


async def ask(state: MessagesState) -> dict[str, Any]:
    await asyncio.sleep(0)
    return {"messages": [("ai", f"answered {interrupt('Go on?')}")]}


graph = StateGraph(MessagesState)
graph.add_node("draft", draft)
graph.add_node("tools", ToolNode([look]))
graph.add_node("ask", ask)
graph.add_edge(START, "draft")
graph.add_edge("draft", "tools")
graph.add_conditional_edges("tools", way, ["ask"])
graph.add_edge("ask", END)
