"""support_agent: a LangChain agent that looks up orders, and asks before it refunds money or sends an e-mail."""

from chains.graphs.support_agent.form import RequestForm, title_for, turn
from chains.graphs.support_agent.graph import build
from chains.registry import Chain

chain = Chain(
    name="support_agent",
    title="Handle an order",
    description="An agent looks the order up, and refunds money or writes to the customer once a reviewer approves it.",
    version="1",
    build=build,
    input_schema=RequestForm.model_json_schema(),
    input_model=RequestForm,
    start=turn,
    title_for=title_for,
    multi_turn=True,
    next_turn=turn,
)

__all__ = ["chain"]
