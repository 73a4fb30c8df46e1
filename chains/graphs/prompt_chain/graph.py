"""analyze → process → synthesize, with a review between the last two when the options call for one."""

import functools

from langgraph.graph import END, START, StateGraph

from chains.chat_models import open_model
from chains.graphs.prompt_chain import steps
from chains.graphs.prompt_chain.calls import Model
from chains.graphs.prompt_chain.options import Options, read_options
from chains.graphs.prompt_chain.state import State
from chains.registry import Builder, ChainContext


def build(context: ChainContext) -> Builder:
    """Raises BadOption at once; a model that cannot be opened raises when the first step needs it."""
    model = Model(name=context.model, open=functools.cache(functools.partial(open_model, context.model)))
    return graph_of(model, read_options(context.options))


def graph_of(model: Model, options: Options) -> Builder:
    """The review node is always there, so that changing an option never strands a thread that waits in it."""
    builder: Builder = StateGraph(State)
    builder.add_node("analyze", steps.analyze_with(model))
    builder.add_node("process", steps.process_with(model))
    builder.add_node("review", steps.review_under(options), destinations=("process", "synthesize", END))
    builder.add_node("synthesize", steps.synthesize_with(model))
    builder.add_edge(START, "analyze")
    builder.add_edge("analyze", "process")
    builder.add_conditional_edges("process", steps.route_under(options), ["review", "synthesize"])
    builder.add_edge("synthesize", END)
    return builder
