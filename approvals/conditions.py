"""Conditions of policies: CEL, a small language without loops or side effects, over what a question is about.

The language is that of https://cel.dev, evaluated by the library common-expression-language. It cannot be interrupted,
so what could take long is refused when a policy is saved, or told to be unclear when a question is too large.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import cel

from approvals.models.policy import LONGEST_CONDITION

NAMES = ("args", "action", "node", "chain", "requester", "groups", "input")
FUNCTIONS = {
    "size", "contains", "startsWith", "endsWith", "matches", "type", "dyn",
    "int", "uint", "double", "string", "bytes", "timestamp", "duration",
    "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
    "getHours", "getMinutes", "getSeconds", "getMilliseconds",
}  # fmt: skip
_TYPES = {"int", "uint", "double", "string", "bytes", "bool", "list", "map", "null_type"}
_TEXT = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"")
# One walk costs as much as the list is long; walks within walks, and a list looked up in each step, the square of it.
_WALK = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne)\s*\(\s*(\w+)?")
# These copy what they have found so far for every value: 15 s for a list of 5,000.
_COPYING = re.compile(r"\.\s*(?:map|filter)\s*\(")
_TOO_WIDE = re.compile(r"\b(?:args|input|matches)\b")  # matches reads its pattern anew each time
_PATTERN = re.compile(r"\bmatches\s*\(")
# What the parser says, without everything it would have taken instead.
_PARSER = re.compile(r"ERROR: <input>:1:(\d+): (?:Syntax error: )?(.*?)(?: expecting .*)?$")
MOST_WALKS = 1
MOST_VALUES = 10_000
DEEPEST = 200
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
    _check_cost(condition)
    try:
        _check_names(condition)
        found = cel.evaluate(condition, dict(_PLAIN))
    except BadCondition:
        raise
    except (ValueError, SyntaxError, RuntimeError) as error:
        raise BadCondition(f"This is not a condition: {_first_line(error)}") from error
    except _UNCLEAR:
        return  # fits no empty question, which says nothing about real ones
    if not isinstance(found, bool):
        raise BadCondition("This is neither true nor false. Compare it with something, such as args.amount > 500.")


def holds(condition: str, facts: Mapping[str, Any]) -> bool:
    """`facts` by NAMES. Raises Unclear."""
    if _is_too_much(facts, most=MOST_VALUES if _WALK.search(condition) else None):
        raise Unclear("There is too much to go through.")
    try:
        found = _compiled(condition).execute(dict(facts))
    except (*_UNCLEAR, ValueError, RuntimeError, SyntaxError) as error:
        raise Unclear(_first_line(error)) from error
    if not isinstance(found, bool):
        raise Unclear("It is neither true nor false.")
    return found


def _check_cost(condition: str) -> None:
    """What could not be told apart by looking, and what could take longer than a page may."""
    if not condition.isprintable():
        raise BadCondition("Write it on one line, without tabs.")
    bare = _TEXT.sub("''", condition)
    if "//" in bare or "'''" in bare or '"' in bare or re.search(r"\b[rRbB]+'", bare):
        raise BadCondition("Write text in plain quotes, and no comments.")
    if _COPYING.search(bare):
        raise BadCondition("Go over a list with exists, exists_one or all.")
    walks = list(_WALK.finditer(bare))
    if len(walks) > MOST_WALKS:
        raise BadCondition("Go over a list once at most: all, exists or exists_one.")
    for walk in walks:
        if _TOO_WIDE.search(_inside(bare, walk.end())):
            raise BadCondition("Inside exists, exists_one and all speak of the value alone, without args and input.")
    if len(_PATTERN.findall(bare)) != len(re.findall(r"\bmatches\s*\(\s*''\s*\)", bare)):
        raise BadCondition("Write the pattern of matches in quotes.")


def _inside(bare: str, start: int) -> str:
    """Up to the parenthesis that closes the one before `start`."""
    open_ = 1
    for place, letter in enumerate(bare[start:], start):
        open_ += (letter == "(") - (letter == ")")
        if not open_:
            return bare[start:place]
    return bare[start:]


def _check_names(condition: str) -> None:
    """Even those that evaluating might not reach, and patterns that are none."""
    found = _compiled(condition).references()
    own = {name for name in _WALK.findall(_TEXT.sub("''", condition)) if name}
    for name in set(found["variables"]) - own - set(NAMES) - _TYPES:
        raise BadCondition(f"There is no {name}. Known are: {', '.join(NAMES)}.")
    for name in found["functions"]:
        if name.isidentifier() and not name.startswith("_") and name not in FUNCTIONS:
            raise BadCondition(f"There is no function {name}. Known are: {', '.join(sorted(FUNCTIONS))}.")
    for call in _PATTERN.finditer(condition):
        pattern = _TEXT.match(condition[call.end() :].lstrip())
        if pattern:
            cel.evaluate(f"''.matches({pattern.group()})", {})


def _is_too_much(facts: Mapping[str, Any], *, most: int | None) -> bool:
    """Deeper than any question is, or with more values than can be gone over while somebody waits."""
    left: list[tuple[Any, int]] = [(value, 1) for value in facts.values()]
    seen = 0
    while left:
        value, depth = left.pop()
        seen += 1
        if depth > DEEPEST or (most is not None and seen > most):
            return True
        if isinstance(value, dict):
            left.extend((part, depth + 1) for part in value.values())
        elif isinstance(value, list | tuple):
            left.extend((part, depth + 1) for part in value)
    return False


@lru_cache(maxsize=500)
def _compiled(condition: str) -> Any:
    return cel.compile(condition)


def _first_line(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"there is no {error.args[0]}"
    line = (str(error).strip().splitlines() or ["it cannot be read"])[0]
    told = _PARSER.search(line)
    if told and "<EOF>" in told[2]:
        return "it ends too early."
    return f"character {told[1]}: {told[2]}."[:200] if told else line[:200]
