"""A question in no known format: with a schema of its answer, or with nothing at all."""

import json
from collections.abc import Mapping
from typing import Any

from chains.asking import Verdict
from chains.questions.checking import require_words
from chains.questions.jsontext import read_json
from chains.questions.shapes import BadAnswer, Item, Kind, Question, Reply

TITLE_KEYS = ("title", "question", "message", "prompt", "instruction", "description")


def with_schema(value: Any, schema: dict[str, Any], *, node: str, problem: str = "") -> Question:
    item = Item("", _title(value, node), problem, value, (Verdict.RESPOND,), schema)
    return Question(Kind.SCHEMA, (item,), answer_schema=schema)


def without_schema(value: Any, *, node: str) -> Question:
    allowed = (Verdict.APPROVE, Verdict.REJECT, Verdict.RESPOND)
    silent = (Verdict.APPROVE, Verdict.REJECT)
    return Question(Kind.OPEN, (Item("", _title(value, node), "", value, allowed, None, silent),))


def unreadable(value: Any, *, node: str, problem: str) -> Question:
    """A plain true or false would surely be wrong here; who knows the graph can still write what it waits for."""
    return Question(Kind.OPEN, (Item("", _title(value, node), problem, value, (Verdict.RESPOND,), None),))


def answer(reply: Reply) -> Any:
    """What LangGraph's own examples expect of a free question: true, false, or the words (JSON where they are JSON)."""
    if reply.verdict is not Verdict.RESPOND:
        return reply.verdict is Verdict.APPROVE
    if reply.arguments is not None:
        return reply.arguments
    words = require_words(reply.message)
    try:
        return read_json(words)
    except json.JSONDecodeError:
        return words
    except (ValueError, RecursionError) as error:
        raise BadAnswer("This is JSON that nobody could read the same way twice. Put text in quotes.") from error


def asks(node: str) -> str:
    return f"{node.replace('_', ' ').capitalize()} asks"


def _title(value: Any, node: str) -> str:
    """The first text a person would read in it; else the node that asks."""
    texts = [value.get(key) for key in TITLE_KEYS] if isinstance(value, Mapping) else [value]
    for text in texts:
        if isinstance(text, str) and text.strip():
            return text.strip().splitlines()[0]
    return asks(node)
