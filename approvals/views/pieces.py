"""The parts of a question that asks for several things at once: to be decided one by one, and as they were decided."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals import inspection, showing
from approvals.inspection import Item
from approvals.models import Edits, Interrupt, Verdict
from approvals.views.ballot_forms import LABELS
from approvals.views.unfinished import PartDraft

WORDY = frozenset({Verdict.REJECT.value, Verdict.RESPOND.value})
# For a part that another reviewer made something of.
AS_CHANGED = "As it stands now"


@dataclass(frozen=True)
class Part:
    """One of several things a question asks for, with its share of the form; `name` begins those of its controls."""

    interrupt_id: uuid.UUID
    number: int
    item: Item
    verdicts: list[str]
    draft: PartDraft
    # What approving sends; another reviewer may have made it of what was asked.
    arguments: Any
    is_changed: bool = False

    @property
    def name(self) -> str:
        return f"item-{self.number - 1}"

    @property
    def anchor(self) -> str:
        return f"{self.name}-{self.interrupt_id}"

    @property
    def choices(self) -> list[tuple[str, str]]:
        labels = {**LABELS, Verdict.APPROVE.value: AS_CHANGED} if self.is_changed else LABELS
        return [(verdict, labels[verdict]) for verdict in self.verdicts]

    @property
    def takes_words(self) -> bool:
        return bool(WORDY & set(self.verdicts))

    @property
    def words_wanted(self) -> str:
        words = {Verdict.RESPOND.value: "your answer", Verdict.REJECT.value: "why you reject it"}
        wanted = " or ".join(words[verdict] for verdict in self.verdicts if verdict in WORDY)
        return f"{wanted[:1].upper()}{wanted[1:]}"


@dataclass(frozen=True)
class DecidedPart:
    """What was said of one part, with what it changed: (label, before, after)."""

    item: Item
    verdict: str
    message: str
    edits: list[tuple[str, Any, Any]]


def decided_parts(interrupt: Interrupt, told: Sequence[Mapping[str, Any]]) -> list[DecidedPart]:
    """From the line of the record; nothing when it does not fit the question."""
    items = inspection.question_of(interrupt).items
    if len(told) != len(items):
        return []
    return [
        DecidedPart(
            item,
            str(part["verdict"]),
            str(part.get("message", "")),
            showing.changed(item.arguments, part.get("arguments"), item.schema)
            if part["verdict"] == Verdict.EDIT
            else [],
        )
        for item, part in zip(items, told, strict=True)
    ]


def offered(interrupt: Interrupt, item: Item) -> list[str]:
    """What the question takes, less what the policy rules out. What a reviewer made of it can always be approved."""
    allowed = {verdict.value for verdict in item.allowed}
    if interrupt.is_proposal:
        allowed.add(Verdict.APPROVE.value)
    if interrupt.ruled.edits == Edits.NONE:
        allowed.discard(Verdict.EDIT.value)
    return [verdict for verdict in LABELS if verdict in allowed]
