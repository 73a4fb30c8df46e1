"""ask_human(): the bound question. What was approved is compared, byte for byte, with what is asked on resume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from langgraph.types import interrupt

from chains.canonical import digest

# Marks an interrupt value as ours, and names the version of its shape.
MARK = "holdpoint"
VERSION = 1


class Verdict(StrEnum):
    APPROVE = "approve"
    EDIT = "edit"
    REJECT = "reject"
    RESPOND = "respond"


@dataclass(frozen=True)
class Answer:
    """What was decided. `arguments` are the approved or edited ones; `message` the words of a respond or reject.

    `is_by_policy`: no person decided. Either the time limit passed, or the policy approves such a thing without asking;
    `reviewer` then names the policy. A person's name cannot make it so.
    """

    verdict: Verdict
    arguments: dict[str, Any]
    message: str
    reviewer: str
    is_by_policy: bool = False


class NotAnAnswer(ValueError):
    """The graph was resumed with something that is not an answer to ask_human()."""


def ask_human(
    *,
    action: str,
    title: str,
    arguments: Mapping[str, Any],
    description: str = "",
    allowed: Sequence[Verdict] = tuple(Verdict),
    arguments_schema: Mapping[str, Any] | None = None,
) -> Answer:
    """Pause until people decide on exactly these arguments; call it in a node of its own, with nothing before it.

    LangGraph runs the node again from its top on resume. When the question has changed by then, the old answer is void
    and the new question is asked, showing what the old one was bound to.
    """
    question = _question(action, title, description, arguments, allowed, arguments_schema)
    replaces: str | None = None
    while True:
        asked = question if replaces is None else {**question, "replaces": replaces}
        answer = interrupt(asked)
        if not isinstance(answer, Mapping) or "verdict" not in answer:
            raise NotAnAnswer("Resume ask_human() with the answer Holdpoint builds for it, not with a plain value.")
        if answer.get("sha256") == digest(asked):
            return _answer(answer, arguments)
        replaces = str(answer.get("sha256"))


def _question(
    action: str,
    title: str,
    description: str,
    arguments: Mapping[str, Any],
    allowed: Sequence[Verdict],
    schema: Mapping[str, Any] | None,
) -> dict[str, Any]:
    question: dict[str, Any] = {
        MARK: VERSION,
        "action": action,
        "title": title,
        "description": description,
        "arguments": dict(arguments),
        "allowed": [Verdict(verdict).value for verdict in allowed],
    }
    return question if schema is None else {**question, "arguments_schema": dict(schema)}


def _answer(answer: Mapping[str, Any], arguments: Mapping[str, Any]) -> Answer:
    verdict = Verdict(answer["verdict"])
    edited = answer.get("arguments") if verdict is Verdict.EDIT else None
    return Answer(
        verdict=verdict,
        arguments=dict(arguments if edited is None else edited),
        message=str(answer.get("message") or ""),
        reviewer=str(answer.get("reviewer") or ""),
        is_by_policy=answer.get("by_policy") is True,
    )
