"""A question as a card: what would happen, why this person is asked, and the form to decide it with."""

from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

from django.contrib.auth.models import User
from django.urls import reverse

from approvals import inspection, showing
from approvals.decisions import Changed
from approvals.inspection import Item, Question
from approvals.models import Edits, Interrupt, QuestionKind, Risk, Verdict
from approvals.policies import Act, Permission, may
from approvals.schemaforms.names import humanised
from approvals.views.asked import Blocked, VoteLine, Why, blocked, vote_lines, why_asked
from approvals.views.ballot_forms import fresh
from approvals.views.pieces import Part, offered
from approvals.views.unfinished import Draft
from approvals.views.versions import Difference, Version, as_it_stands, between, standing_arguments, versions_of

ASKS_TWICE = frozenset({Risk.HIGH, Risk.CRITICAL})
LONGEST_EFFECT = 24


@dataclass(frozen=True)
class Card:
    """`next` is where the decision leads."""

    person: User
    interrupt: Interrupt
    question: Question
    permission: Permission
    votes: list[VoteLine]
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
        told = zip(self.question.items, self.draft.parts, self._standing, strict=True)
        return [
            Part(self.interrupt.id, n, item, offered(self.interrupt, item), draft, values, self.interrupt.is_proposal)
            for n, (item, draft, values) in enumerate(told, start=1)
        ]

    @property
    def arguments(self) -> Any:
        """What approving sends, of a question about one thing."""
        return self._standing[0]

    @cached_property
    def _standing(self) -> list[Any]:
        return standing_arguments(self.interrupt, self.question)

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
        return set.intersection(*(set(offered(self.interrupt, item)) for item in self.question.items))

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
            self.question, {*chain.from_iterable(offered(self.interrupt, one) for one in self.question.items)}
        )

    @property
    def approvals(self) -> int:
        return sum(line.counts and line.accepts for line in self.votes)

    @cached_property
    def why(self) -> Why:
        return why_asked(self.person, self.interrupt)

    @cached_property
    def blocked(self) -> Blocked | None:
        return blocked(self.interrupt)

    @cached_property
    def versions(self) -> list[Version]:
        """What reviewers made of it, newest first; none where it is as it was asked."""
        return versions_of(self.interrupt)

    @cached_property
    def changes(self) -> list[Difference]:
        """What the latest version differs in from what the graph asked."""
        return differences(self.interrupt)

    @property
    def is_mine(self) -> bool:
        """Whether this person made the version that is to be approved."""
        return self.interrupt.is_proposal and self.interrupt.proposal_by_id == self.person.id

    @property
    def has_voted(self) -> bool:
        return any(line.vote.reviewer_id == self.person.id for line in self.votes)

    @property
    def reasons(self) -> tuple[str, ...]:
        """To choose from when the whole is rejected."""
        return self.interrupt.ruled.reject_reasons if Verdict.REJECT.value in self.verdicts else ()

    @property
    def note_wanted(self) -> str:
        """What the note is needed for."""
        approving = ["approve"] if self.interrupt.ruled.approval_needs_note else []
        rejecting = ["reject"] if Verdict.REJECT.value in self.verdicts and not self.draft.is_editing else []
        return " or ".join([*approving, *([] if self.parts else rejecting)])

    @cached_property
    def may_break_glass(self) -> bool:
        """Whether there is a way past the others for this person, and a need of it."""
        settles = bool(self.permission) and self.approvals + 1 >= self.interrupt.votes_needed and not self.is_mine
        if settles:
            return False
        plain = {Verdict.APPROVE.value, Verdict.REJECT.value} & self.verdicts
        return bool(plain) and bool(may(self.person, Act.BREAK_GLASS, self.interrupt))

    @property
    def decide_url(self) -> str:
        return reverse("decision", args=[self.interrupt.id])


def card_of(
    person: User, interrupt: Interrupt, *, next: str, draft: Draft | None = None, is_editing: bool = False
) -> Card:
    question = inspection.question_of(interrupt)
    permission = may(person, Act.DECIDE, interrupt)
    can_edit = bool(permission) and interrupt.ruled.edits != Edits.NONE
    edits = is_editing and can_edit and Verdict.EDIT in offered(interrupt, question.items[0])
    return Card(
        person=person,
        interrupt=interrupt,
        question=question,
        permission=permission,
        votes=vote_lines(interrupt),
        draft=draft or fresh(as_it_stands(interrupt), is_editing=edits, can_edit=can_edit),
        next=next,
    )


def differences(interrupt: Interrupt) -> list[Difference]:
    """What a reviewer made of it, set against what the graph asked; nothing where it is as it was asked."""
    if not interrupt.is_proposal:
        return []
    asked = copy(interrupt)
    asked.proposal = None
    return between(asked, interrupt)


def changed_since(error: Changed) -> list[tuple[str, Any, Any]]:
    """What differs between the question on screen and the one asked now: (label, before, after)."""
    if error.before is None or error.after is None:
        return []
    return between(error.before, error.after)


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
