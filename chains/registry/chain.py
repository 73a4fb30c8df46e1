"""What a chain is: a named graph, and what its forms and pages need to know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel

from chains.retrying import Retry

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
    return next(texts, "").partition("\n")[0][:80]


@dataclass(frozen=True)
class Chain:
    """A named graph: how to build it, what its form asks for, and how a form's values become its first state.

    `start` and `next_turn` take the validated form values (JSON types) and return LangGraph input. `model` names the
    model this chain is built with, whatever the installation uses otherwise. `policy` is what its author advises, as
    fields of a policy; `may_rename` lets an edit name another tool; `retry` is for errors that pass by themselves; `example` are form values to check the chain
    with; `metadata` is anything else, in JSON types.
    """

    name: str
    title: str
    build: Callable[[ChainContext], Builder | Graph]
    description: str = ""
    version: str = "1"
    input_schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})
    input_model: type[BaseModel] | None = None
    start: Callable[[dict[str, Any], Facts], dict[str, Any]] = _as_input
    title_for: Callable[[dict[str, Any]], str] = _first_text
    multi_turn: bool = False
    next_turn: Callable[[dict[str, Any], Facts], dict[str, Any]] | None = None
    model: str = ""
    policy: Mapping[str, Any] = field(default_factory=dict)
    example: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    retry: Retry = field(default_factory=Retry)
    may_rename: bool = False


class UnknownChain(LookupError):
    """No chain of that name is registered."""


class BrokenChain(ValueError):
    """The chain cannot be imported or compiled; the sentence says which and why."""
