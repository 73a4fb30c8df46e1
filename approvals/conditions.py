"""Conditions of policies: CEL, a small language without loops or side effects, over what a question is about.

The language is that of https://cel.dev, evaluated by the library common-expression-language.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cel

from approvals.models.policy import LONGEST_CONDITION

NAMES = ("args", "action", "node", "chain", "requester", "groups", "input")
# One walk over a list is quick whatever its length; walks within walks are what could take minutes.
_WALK = re.compile(r"\.\s*(all|exists|exists_one|map|filter)\s*\(")
MOST_WALKS = 1
_UNCLEAR = (LookupError, TypeError, ArithmeticError)
_PLAIN: dict[str, Any] = {"args": {}, "action": "", "node": "", "chain": "", "requester": "", "groups": [], "input": {}}


class BadCondition(ValueError):
    """The condition is not one; the sentence says what to change."""


class Unclear(Exception):
    """The condition cannot be told to hold or not, since what it speaks of is not there or of another type."""


def check(condition: str) -> None:
    """Raises BadCondition."""
    if len(condition) > LONGEST_CONDITION:
        raise BadCondition(f"Write at most {LONGEST_CONDITION} characters.")
    if len(_WALK.findall(condition)) > MOST_WALKS:
        raise BadCondition("Go over a list once at most: all, exists, map or filter.")
    try:
        _compiled(condition)
        cel.evaluate(condition, dict(_PLAIN))
    except (ValueError, SyntaxError) as error:
        raise BadCondition(f"This is not a condition: {_first_line(error)}") from error
    except RuntimeError as error:
        raise BadCondition(f"{_first_line(error)} Known are: {', '.join(NAMES)}.") from error
    except _UNCLEAR:
        return  # fits no empty question, which says nothing about real ones


def holds(condition: str, facts: Mapping[str, Any]) -> bool:
    """`facts` by NAMES. Raises Unclear."""
    try:
        found = _compiled(condition).execute(dict(facts))
    except (*_UNCLEAR, ValueError, RuntimeError) as error:
        raise Unclear(_first_line(error)) from error
    if not isinstance(found, bool):
        raise Unclear("It is neither true nor false.")
    return found


@lru_cache(maxsize=500)
def _compiled(condition: str) -> Any:
    return cel.compile(condition)


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]}"
    return (str(error).strip().splitlines() or ["it cannot be read"])[0][:200]
