"""prompt_chain: reads a request, drafts a reply, has it reviewed, sends exactly what was approved."""

from chains.graphs.prompt_chain.form import RequestForm, title_for, turn
from chains.graphs.prompt_chain.graph import build
from chains.registry import Chain

chain = Chain(
    name="prompt_chain",
    title="Answer a request",
    description="Reads a request, drafts a reply and sends it once a reviewer approves it.",
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
