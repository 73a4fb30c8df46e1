"""A graph on a saver of ours, with everything else as its author compiled it."""

import copy
from collections.abc import Iterator
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph.state import CompiledStateGraph

from chains.registry.awaiting import make_callable
from chains.registry.chain import BrokenChain, Builder, Graph

UNNAMED = "LangGraph"
# LangGraph adds this node to the builder itself when it compiles one, and refuses to do so a second time.
DEFAULT_HANDLER = "__default_error_handler__"


def on_saver(made: Builder | Graph, name: str, saver: BaseCheckpointSaver[Any] | None) -> Graph:
    """Compiling gives the saver the graph's own types as its allow-list; copying a compiled graph would lose them."""
    if not isinstance(made, CompiledStateGraph):
        return _compiled(made, checkpointer=saver, name=name)
    graph = _compiled(
        made.builder,
        checkpointer=saver,
        name=name if made.name == UNNAMED else made.name,
        cache=made.cache,
        store=made.store,
        interrupt_before=_plain(made.interrupt_before_nodes),
        interrupt_after=_plain(made.interrupt_after_nodes),
        debug=made.debug,
        transformers=made.stream_transformers,
    )
    graph.config, graph.step_timeout = made.config, made.step_timeout
    return graph


def refuse_unfit(graph: Graph, name: str) -> None:
    """What a worker could not run, or would run past a breakpoint nobody saw. Raises BrokenChain."""
    stopping = [place for place, part in _parts(graph) if place and _stops(part)]
    if stopping:
        raise BrokenChain(
            f"Chain {name!r} stops at a static breakpoint inside its subgraph {stopping[0].strip()}, where no answer "
            "can be given. Ask with interrupt() there, or put the breakpoint on the graph itself."
        )


def _compiled(builder: Builder, **options: Any) -> Graph:
    fresh = builder
    if DEFAULT_HANDLER in builder.nodes:
        fresh = copy.copy(builder)
        fresh.nodes = {name: node for name, node in builder.nodes.items() if name != DEFAULT_HANDLER}
    graph: Graph = fresh.compile(**options)
    graph.builder = builder
    for _, part in _parts(graph):
        make_callable(part)
    return graph


def _plain(nodes: Any) -> Any:
    return nodes if nodes == "*" else list(nodes) or None


def _parts(graph: Graph) -> Iterator[tuple[str, Any]]:
    yield "", graph
    for place, part in graph.get_subgraphs(recurse=True):
        yield f"{place.replace('|', '.')} ", part


def _stops(part: Any) -> bool:
    return bool(getattr(part, "interrupt_before_nodes", ()) or getattr(part, "interrupt_after_nodes", ()))
