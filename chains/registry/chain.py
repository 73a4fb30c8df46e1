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


def _whole(least: int, most: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is int and least <= value <= most


# What a chain's author may say of its policy, and which values are possible.
ADVICE: Mapping[str, Callable[[Any], bool]] = {
    "votes_needed": _whole(1, 20),
    "undo_seconds": _whole(0, 60),
    "decide_within": _whole(1, 366 * 86_400),
    "risk": lambda value: value in {"low", "medium", "high", "critical"},
    "at_limit": lambda value: value in {"hold", "reject"},
}


class BrokenChain(ValueError):
    """The chain cannot be imported or compiled; the sentence says which and why."""


@dataclass(frozen=True)
class Chain:
    """A named graph: how to build it, what its form asks for, and how a form's values become its first state.

    `start` and `next_turn` take the validated form values (JSON types) and return LangGraph input. `model` names the
    model this chain is built with, whatever the installation uses otherwise. `policy` is what its author advises, as
    fields of a policy; `may_rename` lets an edit name another tool; `retry` is for errors that pass by themselves;
    `example` are form values to check the chain with; `metadata` is anything else, in JSON types.
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

    def __post_init__(self) -> None:
        """Raises BrokenChain: bad advice would otherwise be found when the first question is asked."""
        for key, value in self.policy.items():
            if key not in ADVICE or not ADVICE[key](value):
                raise BrokenChain(f"Chain {self.name!r}: its policy cannot be advised {key}={value!r}.")


class UnknownChain(LookupError):
    """No chain of that name is registered."""
