"""Which format a question is in: by what only that format has. One that breaks its own rules is not guessed at."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from chains.questions import batch, bound, calls, free, legacy, pauses
from chains.questions.shapes import LONGEST_TITLE, Item, Question, Unreadable

NO_TOOLS: Mapping[str, dict[str, Any]] = MappingProxyType({})
CHECKED = "This question looks like one of a known format and is not: {problem}"
FREELY = f"{CHECKED} Write the exact value its graph waits for."


def read_question(
    value: Any,
    response_schema: Mapping[str, Any] | None,
    *,
    node: str,
    tools: Mapping[str, dict[str, Any]] = NO_TOOLS,
) -> Question:
    """`value` is what the graph passed to interrupt(), `response_schema` what it wants back, if it said so; `tools`
    are the JSON Schemas of the arguments of the graph's tools, by name. Raises nothing for any JSON value.
    """
    schema = dict(response_schema) if isinstance(response_schema, Mapping) else None
    question = _question(value, schema, node, tools)
    return replace(question, items=tuple(_presentable(item, node) for item in question.items))


def _question(value: Any, schema: dict[str, Any] | None, node: str, tools: Mapping[str, dict[str, Any]]) -> Question:
    try:
        known = _known(value, schema, tools)
    except Unreadable as error:
        if schema is None:
            return free.unreadable(value, node=node, problem=FREELY.format(problem=error))
        return free.with_schema(value, schema, node=node, problem=CHECKED.format(problem=error))
    if known is not None:
        return replace(known, answer_schema=schema)
    return free.without_schema(value, node=node) if schema is None else free.with_schema(value, schema, node=node)


def _known(value: Any, schema: dict[str, Any] | None, tools: Mapping[str, dict[str, Any]]) -> Question | None:
    return (
        bound.read(value)
        or calls.read(value, schema)
        or batch.read(value, tools=tools)
        or legacy.read(value, tools=tools)
        or pauses.read(value)
    )


def _presentable(item: Item, node: str) -> Item:
    """Titles and descriptions are kept in rows, which cannot hold a NUL; the arguments stay as they are."""
    title, description = (text.replace("\x00", "\N{REPLACEMENT CHARACTER}") for text in (item.title, item.description))
    return replace(item, title=(title.strip() or free.asks(node))[:LONGEST_TITLE], description=description)
