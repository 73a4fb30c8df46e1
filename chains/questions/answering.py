"""Replies to the value a graph is resumed with, in the shape and the spelling in which it asked."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from chains.asking import Verdict
from chains.questions import bound, free, legacy
from chains.questions.checking import require_fit, sendable
from chains.questions.decided import decision
from chains.questions.shapes import BadAnswer, Item, Kind, Question, Reply

RENAMABLE = frozenset({Kind.BATCH, Kind.LEGACY})


def build_answer(
    question: Question,
    replies: Sequence[Reply],
    *,
    payload_sha256: str,
    reviewer: str,
    may_rename: bool = False,
    is_by_policy: bool = False,
) -> Any:
    """The value to resume with: one reply for each item, in order. `may_rename` lets an edit name another tool;
    `is_by_policy`: no person gave it.

    Raises BadAnswer when it would not fit, before anything is stored.
    """
    if len(replies) != len(question.items):
        said = f"This asks {len(question.items)} things and {len(replies)} were answered. Decide each of them."
        raise BadAnswer(said)
    facts = {"payload_sha256": payload_sha256, "reviewer": reviewer, "is_by_policy": is_by_policy}
    answers = []
    for number, (item, reply) in enumerate(zip(question.items, replies, strict=True)):
        with _blaming(number):
            checked = _checked(question, item, reply, may_rename=may_rename)
            answers.append(_answer(question, item, checked, facts))
    with _blaming(None if answers[1:] else 0):
        return _whole(question, answers)


@contextmanager
def _blaming(item: int | None) -> Iterator[None]:
    try:
        yield
    except BadAnswer as error:
        error.item = item
        raise


def _whole(question: Question, answers: list[Any]) -> Any:
    answer = sendable(_assembled(question.kind, answers))
    if question.answer_schema is not None:
        require_fit(answer, question.answer_schema)
    return answer


def _checked(question: Question, item: Item, reply: Reply, *, may_rename: bool) -> Reply:
    """What holds in every format."""
    if reply.verdict not in item.allowed:
        words = ", ".join(allowed.value for allowed in item.allowed)
        raise BadAnswer(f"This question cannot be answered with {reply.verdict}. It takes: {words}.")
    renames = may_rename and question.kind in RENAMABLE and reply.verdict == Verdict.EDIT
    if reply.action not in ("", item.action) and not renames:
        raise BadAnswer(f"An edit cannot turn {item.action or 'this'} into {reply.action}.", "action")
    sendable(reply.message)
    return replace(reply, verdict=Verdict(reply.verdict), arguments=sendable(reply.arguments))


def _answer(question: Question, item: Item, reply: Reply, facts: dict[str, Any]) -> Any:
    match question.kind:
        case Kind.BOUND:
            return bound.answer(item, reply, **facts)
        case Kind.BATCH | Kind.CALL:
            return decision(item, reply, tools=question.tools)
        case Kind.LEGACY:
            return legacy.answer(item, reply)
        case Kind.SCHEMA:
            return reply.arguments
        case Kind.OPEN:
            return free.answer(reply)
        case Kind.PAUSE:
            return True


def _assembled(kind: Kind, answers: list[Any]) -> Any:
    if kind is Kind.BATCH:
        return {"decisions": answers}
    return answers if kind is Kind.LEGACY else answers[0]
