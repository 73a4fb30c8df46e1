"""What a question and a reply are, whatever format the graph asks in."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from chains.asking import Verdict

LONGEST_TITLE = 200


class Kind(StrEnum):
    BOUND = "bound"
    SCHEMA = "schema"
    OPEN = "open"
    BATCH = "batch"
    CALL = "call"
    LEGACY = "legacy"
    PAUSE = "pause"


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
    # Verdicts whose words stay in the record: the format has no place for them.
    silent: tuple[Verdict, ...] = ()
    # The request as the graph wrote it, where the answer repeats it.
    request: Mapping[str, Any] | None = None
    # How the format spells the part of an edit that holds the new arguments.
    edit_key: str = "edited_action"


@dataclass(frozen=True)
class Question:
    """`answer_schema` is what the whole answer must fit, `tools` the arguments of every tool an edit could name."""

    kind: Kind
    items: tuple[Item, ...]
    answer_schema: dict[str, Any] | None = None
    tools: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def item(self) -> Item:
        return self.items[0]

    @property
    def is_bound(self) -> bool:
        """Whether the graph itself compares what was approved with what it is about to do."""
        return self.kind is Kind.BOUND

    @property
    def title(self) -> str:
        others = len(self.items) - 1
        return f"{self.item.title[: LONGEST_TITLE - 20]} and {others} more" if others else self.item.title


@dataclass(frozen=True)
class Reply:
    """What a person says to one item. `action` names another tool, where the chain lets an edit do that."""

    verdict: Verdict
    arguments: Any = None
    message: str = ""
    action: str = ""


class BadAnswer(ValueError):
    """The replies do not fit the question; `path` names the field, `item` counts its part from 0, None is the whole."""

    def __init__(self, message: str, path: str = "", item: int | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.item = item


class Unreadable(ValueError):
    """A question that begins like a known format and then breaks its rules. The sentence says how."""


def require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Unreadable(otherwise)


def verdicts_of(names: Any, *, known: Mapping[str, Verdict]) -> tuple[Verdict, ...]:
    """In the graph's own order. A name that is not known yet is left out; a list without a known one is unreadable."""
    require(isinstance(names, list), "Its list of allowed decisions is not a list.")
    require(all(isinstance(name, str) for name in names), "One of its allowed decisions is not a word.")
    found = tuple(dict.fromkeys(known[name] for name in names if name in known))
    require(bool(found), "It allows no decision that is known here.")
    return found


def title_of(action: str) -> str:
    """`send_email` reads "Send email"; a sentence stays as it is."""
    line = next(iter(action.strip().splitlines()), "")
    words = line if " " in line else line.replace("_", " ").strip() or line
    return f"{words[:1].upper()}{words[1:]}"
