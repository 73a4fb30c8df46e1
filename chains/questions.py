"""An interrupt's value to a Question, and a verdict to the answer in the shape the graph expects. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from chains.asking import MARK, Verdict


class Kind(StrEnum):
    BOUND = "bound"
    SCHEMA = "schema"
    OPEN = "open"


@dataclass(frozen=True)
class Item:
    """One thing to decide: what would be done, with which exact arguments, and which verdicts the graph takes."""

    action: str
    title: str
    description: str
    arguments: Any
    allowed: tuple[Verdict, ...]
    # JSON Schema of edited arguments, or of the answer where the graph asked for one; None: any JSON.
    schema: dict[str, Any] | None


@dataclass(frozen=True)
class Question:
    kind: Kind
    items: tuple[Item, ...]

    @property
    def item(self) -> Item:
        return self.items[0]

    @property
    def is_bound(self) -> bool:
        """Whether the graph itself compares what was approved with what it is about to do."""
        return self.kind is Kind.BOUND


class BadAnswer(ValueError):
    """The verdict does not fit the question; `path` names the field, empty for the whole."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.path = path


def read_question(value: Any, response_schema: Mapping[str, Any] | None, *, node: str) -> Question:
    """`value` is what the graph passed to interrupt(); `response_schema` is what it wants back, if it said so."""
    if isinstance(value, Mapping) and value.get(MARK) == 1:
        return _bound(value)
    if response_schema:
        return Question(Kind.SCHEMA, (_schema_item(value, dict(response_schema), node),))
    return Question(Kind.OPEN, (_open_item(value, node),))


def build_answer(
    question: Question,
    *,
    verdict: Verdict,
    payload_sha256: str,
    arguments: Any = None,
    message: str = "",
    reviewer: str = "",
) -> Any:
    """The value to resume with. Raises BadAnswer, before anything is stored, when it would not fit."""
    item = question.item
    if verdict not in item.allowed:
        words = ", ".join(allowed.value for allowed in item.allowed)
        raise BadAnswer(f"This question cannot be answered with {verdict.value}. It takes: {words}.")
    if verdict is Verdict.EDIT and question.kind is Kind.BOUND:
        _check(arguments, item.schema)
    if question.kind is Kind.BOUND:
        return _bound_answer(verdict, payload_sha256, arguments, message, reviewer)
    if question.kind is Kind.SCHEMA:
        _check(arguments, item.schema)
        return arguments
    return _open_answer(verdict, message)


def _bound(value: Mapping[str, Any]) -> Question:
    item = Item(
        action=str(value.get("action") or ""),
        title=str(value.get("title") or value.get("action") or ""),
        description=str(value.get("description") or ""),
        arguments=value.get("arguments") or {},
        allowed=tuple(Verdict(verdict) for verdict in value.get("allowed") or ()),
        schema=dict(value["arguments_schema"]) if value.get("arguments_schema") else None,
    )
    return Question(Kind.BOUND, (item,))


def _schema_item(value: Any, schema: dict[str, Any], node: str) -> Item:
    return Item("", _title(value, node), "", value, (Verdict.RESPOND,), schema)


def _open_item(value: Any, node: str) -> Item:
    return Item("", _title(value, node), "", value, (Verdict.APPROVE, Verdict.REJECT, Verdict.RESPOND), None)


def _title(value: Any, node: str) -> str:
    """The first text a person would read in it; else the node that asks."""
    if isinstance(value, str) and value.strip():
        return value.strip().splitlines()[0][:200]
    if isinstance(value, Mapping):
        for key in ("title", "question", "message", "prompt", "instruction", "description"):
            if isinstance(value.get(key), str) and value[key].strip():
                return _title(value[key], node)
    return f"{node.replace('_', ' ').capitalize()} asks"


def _bound_answer(verdict: Verdict, sha256: str, arguments: Any, message: str, reviewer: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "verdict": verdict.value,
        "sha256": sha256,
        "message": message,
        "reviewer": reviewer,
    }
    return {**answer, "arguments": arguments} if verdict is Verdict.EDIT else answer


def _open_answer(verdict: Verdict, message: str) -> Any:
    """What LangGraph's own examples expect of a free question: true, false, or the words (JSON where they are JSON)."""
    if verdict is Verdict.RESPOND:
        try:
            return json.loads(message)
        except ValueError:
            return message
    return verdict is Verdict.APPROVE


def _check(value: Any, schema: Mapping[str, Any] | None) -> None:
    if not isinstance(value, dict) and (schema is None or schema.get("type") == "object"):
        raise BadAnswer("Give the arguments as a set of named values.")
    if schema is None:
        return
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise BadAnswer(f"The graph asks with a broken schema: {error.message}. Tell its author.") from error
    first = next(iter(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(value)), None)
    if first is not None:
        path = ".".join(str(part) for part in first.absolute_path)
        raise BadAnswer(f"{path or 'The answer'}: {first.message}.", path)
