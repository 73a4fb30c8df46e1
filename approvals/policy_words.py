"""Policies in words, for the people who are asked and for those who write them."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from approvals.models import AtLimit, Policy

UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
OTHERWISE = {
    AtLimit.HOLD: "else it stays open and is marked overdue",
    AtLimit.REJECT: "else it is rejected",
    AtLimit.APPROVE: "else it is approved",
}
_COMPARED = {
    ">": "is more than", ">=": "is at least", "<": "is less than", "<=": "is at most", "==": "is", "!=": "is not",
}  # fmt: skip
_NAME = r"args\.(?P<{0}>[A-Za-z]\w*)"
_SIMPLE = re.compile(
    rf"(?:{_NAME.format('plain')}|(?:int|double)\(\s*{_NAME.format('made')}\s*\))"
    r"\s*(?P<sign>>=|<=|==|!=|>|<)\s*"
    r"(?:(?P<number>-?\d+(?:\.\d+)?)|'(?P<one>[^'\\&]*)'|\"(?P<two>[^\"\\&]*)\")"
)
_LONGEST_WHY = 400


def why(policy: Policy) -> str:
    """Why this policy and no other, as a sentence."""
    if policy.condition:
        words = condition_in_words(policy.condition)
        is_code = words == f"{policy.condition} holds"
        return f"{words if is_code else _capital(words)}."
    return f"It covers {policy.action or policy.chain or 'every question'}."


def why_unclear(policy: Policy, problem: str) -> str:
    said = problem.rstrip(".")
    return f"Nobody can tell whether {condition_in_words(policy.condition)}: {said}."[:_LONGEST_WHY]


def sentence(policy: Policy, *, groups: Sequence[str], people: Sequence[str], chain_title: str = "") -> str:
    """The whole rule, in one sentence."""
    parts = [f"{_occasion(policy, chain_title)}: {_asked(policy, groups, people)}"]
    if policy.decide_within:
        parts.append(f"within {duration_in_words(policy.decide_within)}, {OTHERWISE[AtLimit(policy.at_limit)]}")
    said = ", ".join(parts)
    if policy.auto_condition:
        said += f"; approved without asking when {condition_in_words(policy.auto_condition)}"
        said += f", of which people decide {policy.sampled_percent} % all the same" if policy.sampled_percent else ""
    return f"{said}."


def condition_in_words(condition: str) -> str:
    """Comparisons joined by && read as words; everything else stays as it is written."""
    clauses = [_SIMPLE.fullmatch(clause.strip()) for clause in condition.split("&&")]
    if not all(clauses):
        return f"{condition} holds"
    return " and ".join(_clause(clause) for clause in clauses if clause)


def duration_in_words(seconds: int) -> str:
    """In the largest unit that it is a whole number of, as it is entered."""
    number, unit = as_entered(seconds)
    return f"{number} {unit}{'' if number == 1 else 's'}"


def as_entered(seconds: int) -> tuple[int, str]:
    """7200 is 2 hours, 5400 is 90 minutes."""
    return next((seconds // size, unit) for unit, size in UNITS if seconds % size == 0)


def told(field: str, value: Any) -> str:
    """A value of a policy's content, for comparing two versions."""
    if field == "escalation":
        steps = [f"{', '.join(step['groups'])} after {duration_in_words(step['after'])}" for step in value or []]
        return "; ".join(steps) or "none"
    if field == "remind_after":
        return ", ".join(duration_in_words(seconds) for seconds in value or []) or "none"
    if isinstance(value, list):
        return ", ".join(str(part) for part in value) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.endswith("_within"):
        return duration_in_words(value) if value else "no limit"
    return "none" if value in (None, "") else str(value)


def who_in_words(policy: Policy, groups: Sequence[str], people: Sequence[str]) -> str:
    return " or ".join([*groups, *people, *(["the requester’s manager"] if policy.asks_manager else [])])


def asked_in_words(groups: Iterable[str], people: Iterable[tuple[int, str]]) -> str:
    names = ", ".join(groups)
    members = [f"members of {names}"] if names else []
    return " and ".join([*members, *(name for _, name in people)]) or "members of no group"


def _occasion(policy: Policy, chain_title: str) -> str:
    subject = policy.action or "anything"
    asker = f" by {chain_title or policy.chain}" if policy.chain else ""
    when = f" and {condition_in_words(policy.condition)}" if policy.condition else ""
    return f"When {subject} is asked{asker}{when}"


def _asked(policy: Policy, groups: Sequence[str], people: Sequence[str]) -> str:
    needed = policy.votes_needed
    number = NUMBERS[needed] if needed < len(NUMBERS) else str(needed)
    who = who_in_words(policy, groups, people)
    if not who:
        return "nobody can decide"
    return f"{number} of {who}"


def _clause(clause: re.Match[str]) -> str:
    found = clause.groupdict()
    name = (found["plain"] or found["made"]).replace("_", " ")
    text = found["one"] if found["one"] is not None else found["two"]
    number = (found["number"] or "").removesuffix(".0")
    return f"{name} {_COMPARED[found['sign']]} {number or f'“{text}”'}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
