"""Chains by name: from import paths to graphs that can be compiled on any saver. Names are append-only."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, TypeAdapter

Graph = CompiledStateGraph[Any, Any, Any, Any]
Builder = StateGraph[Any, Any, Any, Any]


@dataclass(frozen=True)
class ChainContext:
    """What a chain is built with: the model's name and the chain's own options (settings of the project)."""

    model: str = "offline"
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Facts:
    """Who started a thread, for the chain's first state."""

    thread_id: str
    user_id: str
    user_name: str


def _as_input(values: dict[str, Any], facts: Facts) -> dict[str, Any]:
    return values


def _first_text(values: dict[str, Any]) -> str:
    texts = (value.strip() for value in values.values() if isinstance(value, str) and value.strip())
    return next(texts, "").splitlines()[0][:80] if values else ""


@dataclass(frozen=True)
class Chain:
    """A named graph: how to build it, what its form asks for, and how a form's values become its first state.

    `start` and `next_turn` take the validated form values (JSON types) and return LangGraph input.
    """

    name: str
    title: str
    build: Callable[[ChainContext], Builder]
    description: str = ""
    version: str = "1"
    input_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    input_model: type[BaseModel] | None = None
    start: Callable[[dict[str, Any], Facts], dict[str, Any]] = _as_input
    title_for: Callable[[dict[str, Any]], str] = _first_text
    multi_turn: bool = False
    next_turn: Callable[[dict[str, Any], Facts], dict[str, Any]] | None = None


class UnknownChain(LookupError):
    """No chain of that name is registered."""


class BrokenChain(ValueError):
    """The chain cannot be imported or compiled; the sentence says which and why."""


class Registry:
    """Chains by name, each imported once and its builder kept, so that compiling on a saver stays cheap."""

    def __init__(self, paths: Mapping[str, str], contexts: Mapping[str, ChainContext]) -> None:
        self._contexts = contexts
        self._chains: dict[str, Chain] = {}
        self._builders: dict[str, Builder] = {}
        self.broken: dict[str, BrokenChain] = {}
        for name, path in paths.items():
            try:
                self._chains[name] = load_chain(name, path)
            except BrokenChain as error:
                self.broken[name] = error

    def names(self) -> list[str]:
        """The chains that can be used; one that is broken does not keep the others from working."""
        return list(self._chains)

    def get(self, name: str) -> Chain:
        """Raises UnknownChain, or BrokenChain with what is wrong."""
        if name in self.broken:
            raise self.broken[name]
        if name not in self._chains:
            known = ", ".join(self._chains) or "none"
            raise UnknownChain(f"No chain is called {name!r}. Registered: {known}.")
        return self._chains[name]

    def context(self, name: str) -> ChainContext:
        return self._contexts.get(name, ChainContext())

    def compile(self, name: str, checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
        """The chain's graph on a saver. Compiling gives the saver the graph's own types as its allow-list."""
        chain = self.get(name)
        if name not in self._builders:
            self._builders[name] = chain.build(self.context(name))
        return self._builders[name].compile(checkpointer=checkpointer, name=name)


def load_chain(name: str, path: str) -> Chain:
    """`path` is `module:attribute`: a Chain, a StateGraph, a compiled graph, or a function that returns one."""
    module_name, _, attribute = path.partition(":")
    if not attribute:
        raise BrokenChain(f"Chain {name!r}: write its path as module:attribute, not {path!r}.")
    try:
        found = getattr(importlib.import_module(module_name), attribute)
    except (ImportError, AttributeError, SyntaxError) as error:
        raise BrokenChain(f"Chain {name!r}: {path} cannot be imported: {error}.") from error
    return _as_chain(name, path, found)


def _as_chain(name: str, path: str, found: Any) -> Chain:
    if isinstance(found, Chain):
        if found.name != name:
            raise BrokenChain(f"Chain {name!r}: {path} calls itself {found.name!r}; use one name.")
        return found
    if callable(found) and not isinstance(found, StateGraph | CompiledStateGraph):
        found = found()
    if isinstance(found, CompiledStateGraph):
        _refuse_breakpoints(name, found)
        found = found.builder
    if not isinstance(found, StateGraph):
        raise BrokenChain(f"Chain {name!r}: {path} is neither a Chain nor a LangGraph graph.")
    return _bare(name, found)


def _refuse_breakpoints(name: str, graph: Graph) -> None:
    if graph.interrupt_before_nodes or graph.interrupt_after_nodes:
        raise BrokenChain(
            f"Chain {name!r} stops at static breakpoints, which carry no question. "
            "Ask with interrupt() or ask_human() instead."
        )


def _bare(name: str, builder: Builder) -> Chain:
    """A graph without a description of its own: its input schema makes the form, its name the title."""
    schema = TypeAdapter(cast(Any, builder.input_schema)).json_schema()
    return Chain(
        name=name,
        title=name.replace("_", " ").replace("-", " ").capitalize(),
        build=lambda context: builder,
        input_schema=schema,
    )
