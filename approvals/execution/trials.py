"""Trying chains out for the command line, in memory: no thread, no row and no checkpoint is stored."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from langgraph.checkpoint.memory import InMemorySaver

from approvals.opened import registry
from chains.asking import Verdict
from chains.chat_models import model_label
from chains.checking import Asked, Outline, Remark, Trial, Twice, outline, remarks
from chains.questions import BadAnswer, Reply, build_answer
from chains.registry import BrokenChain, Chain, ChainContext, Facts, Graph, UnknownChain

__all__ = [
    "Asked",
    "BadAnswer",
    "BadInput",
    "BrokenChain",
    "Outline",
    "Remark",
    "Trial",
    "Twice",
    "UnknownChain",
    "Verdict",
    "answer_to",
    "broken_chains",
    "chain_named",
    "outline_of",
    "remarks_on",
    "try_out",
    "usable_chains",
]


class BadInput(ValueError):
    """The chain's form would not take these values."""


AT_THE_TERMINAL = Facts(thread_id="terminal", user_id="0", user_name="terminal")


def usable_chains() -> list[Chain]:
    return [registry().get(name) for name in registry().names()]


def broken_chains() -> dict[str, str]:
    return {name: str(error) for name, error in registry().broken.items()}


def chain_named(name: str) -> Chain:
    """Raises UnknownChain or BrokenChain."""
    return registry().get(name)


def outline_of(chain: Chain) -> Outline:
    """Raises BrokenChain when it does not compile."""
    return outline(chain, registry().compile(chain.name))


def remarks_on(chain: Chain) -> list[Remark]:
    return remarks(registry().compile(chain.name))


def try_out(chain: Chain, values: Mapping[str, Any], *, model: str) -> tuple[Trial, str]:
    """A trial that has come to its first question, and the name of the model it runs on. Raises BadInput."""
    options = settings.HOLDPOINT_CHAIN_OPTIONS.get(chain.name, {})
    context = ChainContext(model=model, options=options)
    _require_fit(chain, values)
    graph: Graph = registry().compile(chain.name, InMemorySaver(), context=context)
    return Trial(graph, chain.start(dict(values), AT_THE_TERMINAL)), model_label(model)


def answer_to(asked: Asked, replies: list[tuple[str, Any, str]]) -> Any:
    """`replies`: a verdict, its arguments and its message for each part. Raises BadAnswer."""
    said = [Reply(Verdict(verdict), arguments, message) for verdict, arguments, message in replies]
    return build_answer(asked.question, said, payload_sha256=asked.pending.sha256, reviewer="terminal")


def _require_fit(chain: Chain, values: Mapping[str, Any]) -> None:
    error = best_match(Draft202012Validator(dict(chain.input_schema)).iter_errors(dict(values)))
    if error is not None:
        raise BadInput(f"The form of {chain.name} does not take this: {error.message}.")
