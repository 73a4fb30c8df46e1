"""A question as a card: what would happen, why this person is asked, and the form to decide it with."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from approvals import inspection, showing
from approvals.decisions import Changed
from approvals.inspection import Item, Question
from approvals.models import ACCEPTING, Edits, Interrupt, QuestionKind, Risk, Verdict, Vote
from approvals.policies import Act, Permission, may
from approvals.schemaforms.names import humanised
from approvals.views.ballot_forms import LABELS, Draft, PartDraft, fresh
from approvals.voting import counted

ASKS_TWICE = frozenset({Risk.HIGH, Risk.CRITICAL})
LONGEST_EFFECT = 24
WORDY = frozenset({Verdict.REJECT.value, Verdict.RESPOND.value})


@dataclass(frozen=True)
class Part:
    """One of several things a question asks for, with its share of the form; `name` begins those of its controls."""

    interrupt_id: uuid.UUID
    number: int
    item: Item
    verdicts: list[str]
    draft: PartDraft

    @property
    def name(self) -> str:
        return f"item-{self.number - 1}"

    @property
    def anchor(self) -> str:
        return f"{self.name}-{self.interrupt_id}"

    @property
    def choices(self) -> list[tuple[str, str]]:
        return [(verdict, LABELS[verdict]) for verdict in self.verdicts]

    @property
    def takes_words(self) -> bool:
        return bool(WORDY & set(self.verdicts))

    @property
    def words_wanted(self) -> str:
        words = {Verdict.RESPOND.value: "your answer", Verdict.REJECT.value: "why you reject it"}
        wanted = " or ".join(words[verdict] for verdict in self.verdicts if verdict in WORDY)
        return f"{wanted[:1].upper()}{wanted[1:]}"


@dataclass(frozen=True)
class Card:
    """`next` is where the decision leads."""

    interrupt: Interrupt
    question: Question
    permission: Permission
    votes: list[Vote]
    draft: Draft
    next: str

    @property
    def item(self) -> Item:
        return self.question.item

    @property
    def parts(self) -> list[Part]:
        """What there is to decide one by one; empty when the question is about one thing."""
        if len(self.question.items) == 1:
            return []
        return [
            Part(self.interrupt.id, number, item, _offered(self.interrupt, item), draft)
            for number, (item, draft) in enumerate(zip(self.question.items, self.draft.parts, strict=True), start=1)
        ]

    @property
    def fact_schema(self) -> Any:
        """What names the arguments; where the graph asked for an answer, its schema is about that instead."""
        return None if self.wants_value else self.item.schema

    @property
    def effect(self) -> str:
        """What approving does, for the button: `issue_refund` reads "issue refund"."""
        words = humanised(self.item.action) if len(self.question.items) == 1 else ""
        return f"{words[:1].lower()}{words[1:]}" if len(words) <= LONGEST_EFFECT else ""

    @property
    def verdicts(self) -> set[str]:
        """What can be said of the whole."""
        offered = (set(_offered(self.interrupt, item)) for item in self.question.items)
        return set.intersection(*offered)

    @property
    def asks_twice(self) -> bool:
        return self.interrupt.risk in ASKS_TWICE

    @property
    def wants_value(self) -> bool:
        return self.interrupt.kind == QuestionKind.SCHEMA

    @property
    def is_pause(self) -> bool:
        return self.interrupt.kind == QuestionKind.PAUSE

    @property
    def stop(self) -> str:
        """Where a breakpoint stands: "before pay"."""
        places = {place: self.interrupt.value.get(place) for place in ("before", "after")}
        return " and ".join(f"{place} {', '.join(map(str, nodes))}" for place, nodes in places.items() if nodes)

    @property
    def wrong_parts(self) -> list[Part]:
        return [part for part in self.parts if part.draft.is_wrong]

    @property
    def hint(self) -> str:
        """What the buttons send, where it is not plain."""
        return hint_for(
            self.question, {*chain.from_iterable(_offered(self.interrupt, one) for one in self.question.items)}
        )

    @property
    def approvals(self) -> int:
        return sum(vote.verdict in ACCEPTING for vote in counted(self.interrupt))

    @property
    def decide_url(self) -> str:
        return reverse("decision", args=[self.interrupt.id])


def card_of(
    person: User, interrupt: Interrupt, *, next: str, draft: Draft | None = None, is_editing: bool = False
) -> Card:
    question = inspection.question_of(interrupt)
    permission = may(person, Act.DECIDE, interrupt)
    can_edit = bool(permission) and interrupt.ruled.edits != Edits.NONE
    edits = is_editing and can_edit and Verdict.EDIT in _offered(interrupt, question.items[0])
    return Card(
        interrupt=interrupt,
        question=question,
        permission=permission,
        votes=list(interrupt.votes.standing()),
        draft=draft or fresh(question, is_editing=edits, can_edit=can_edit),
        next=next,
    )


def changed_since(error: Changed) -> list[tuple[str, Any, Any]]:
    """What differs between the question on screen and the one asked now: (label, before, after)."""
    if error.before is None or error.after is None:
        return []
    before, after = inspection.question_of(error.before).items, inspection.question_of(error.after).items
    pairs = zip_longest(before, after)
    return [
        difference
        for old, new in pairs
        for difference in showing.changed(
            old.arguments if old else None, new.arguments if new else None, (new or old).schema
        )
    ]


def hint_for(question: Question, verdicts: set[str]) -> str:
    """A sentence on what goes to the graph, for formats in which a button does not say it all."""
    kind = QuestionKind(question.kind.value)
    if kind == QuestionKind.OPEN:
        plain = "Approve answers true, and Reject false. " if Verdict.APPROVE.value in verdicts else ""
        return f"{plain}Respond sends what you write; what is JSON goes as JSON."
    if kind in (QuestionKind.BATCH, QuestionKind.CALL) and Verdict.RESPOND.value in verdicts:
        return "Respond answers in the tool's place: the tool does not run."
    if kind == QuestionKind.LEGACY and Verdict.REJECT.value in verdicts:
        return "A reason for rejecting stays in the record: the graph has no place for it."
    return ""


def edits_of(interrupt: Interrupt, arguments: Any, *, number: int = 0) -> list[tuple[str, Any, Any]]:
    """What an edit of one part changed: (label, before, after)."""
    item = inspection.question_of(interrupt).items[number]
    return showing.changed(item.arguments, arguments, item.schema)


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


def _offered(interrupt: Interrupt, item: Item) -> list[str]:
    """What the question takes, less what the policy rules out."""
    allowed = {verdict.value for verdict in item.allowed}
    if interrupt.ruled.edits == Edits.NONE:
        allowed.discard(Verdict.EDIT.value)
    return [verdict for verdict in LABELS if verdict in allowed]
