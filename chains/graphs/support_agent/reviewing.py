"""Which calls wait for a person, with which verdicts, and how each is put in a line."""

from typing import Any

from langchain.agents.middleware import HumanInTheLoopMiddleware, InterruptOnConfig
from langchain_core.messages import ToolCall

from chains.graphs.support_agent.shop import CURRENCY
from chains.graphs.support_agent.tools import ISSUE_REFUND, SEND_EMAIL
from chains.graphs.texts import on_one_line

LINE = 200


def review() -> HumanInTheLoopMiddleware[Any, Any, Any]:
    """A refund has no respond: words cannot stand in for a receipt."""
    return HumanInTheLoopMiddleware(
        {
            ISSUE_REFUND: InterruptOnConfig(allowed_decisions=["approve", "edit", "reject"], description=_refund),
            SEND_EMAIL: InterruptOnConfig(
                allowed_decisions=["approve", "edit", "reject", "respond"], description=_email
            ),
        }
    )


def _refund(tool_call: ToolCall, state: Any, runtime: Any) -> str:
    """Of the call alone, so that it reads the same whenever the question is asked again."""
    given = tool_call["args"]
    return on_one_line(f"Refund {given.get('amount')} {CURRENCY} of order {given.get('order_number')}", limit=LINE)


def _email(tool_call: ToolCall, state: Any, runtime: Any) -> str:
    given = tool_call["args"]
    return on_one_line(f"Send an e-mail to {given.get('to')}: {given.get('subject')}", limit=LINE)
