"""A question as a card: what would happen, why this person is asked, and the form to decide it with."""

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.http import QueryDict
from django.urls import reverse

from approvals import inspection, showing
from approvals.forms import new_key
from approvals.inspection import Question
from approvals.models import Interrupt, QuestionKind, Risk, Verdict, Vote
from approvals.policies import Act, Permission, may
from approvals.schemaforms import SchemaForm, SchemaNotSupported, schema_form
from approvals.schemaforms.names import humanised

ASKS_TWICE = frozenset({Risk.HIGH, Risk.CRITICAL})
LONGEST_EFFECT = 24
ARGUMENTS, ANSWER = "arguments", "value"


@dataclass(frozen=True)
class Draft:
    """What somebody has typed and what was wrong with it, so that a refused form loses nothing."""

    note: str = ""
    error: str = ""
    note_error: str = ""
    form: SchemaForm | None = None
    is_editing: bool = False
    key: str = field(default_factory=new_key)


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
    def item(self) -> Any:
        return self.question.item

    @property
    def fact_schema(self) -> Any:
        """What names the arguments; where the graph asked for an answer, its schema is about that instead."""
        return self.item.schema if self.question.is_bound else None

    @property
    def effect(self) -> str:
        """What approving does, for the button: `issue_refund` reads "issue refund"."""
        words = humanised(self.item.action)
        return f"{words[:1].lower()}{words[1:]}" if len(words) <= LONGEST_EFFECT else ""

    @property
    def verdicts(self) -> set[str]:
        return _verdicts(self.interrupt, self.question)

    @property
    def asks_twice(self) -> bool:
        return self.interrupt.risk in ASKS_TWICE

    @property
    def wants_value(self) -> bool:
        return self.interrupt.kind == QuestionKind.SCHEMA

    @property
    def approvals(self) -> int:
        return sum(1 for vote in self.votes if vote.verdict == Verdict.APPROVE)

    @property
    def decide_url(self) -> str:
        return reverse("decision", args=[self.interrupt.id])


def card_of(
    person: User, interrupt: Interrupt, *, next: str, draft: Draft | None = None, is_editing: bool = False
) -> Card:
    question = inspection.question_of(interrupt)
    permission = may(person, Act.DECIDE, interrupt)
    edits = is_editing and bool(permission) and Verdict.EDIT in _verdicts(interrupt, question)
    return Card(
        interrupt=interrupt,
        question=question,
        permission=permission,
        votes=list(interrupt.votes.order_by("created_at", "id")),
        draft=draft or _draft(interrupt, question, is_editing=edits),
        next=next,
    )


def arguments_form(question: Question, data: QueryDict | None = None) -> SchemaForm:
    return _form(question.item.schema, data, initial=question.item.arguments, prefix=ARGUMENTS)


def answer_form(question: Question, data: QueryDict | None = None) -> SchemaForm:
    return _form(question.item.schema, data, initial=None, prefix=ANSWER)


def edits_of(interrupt: Interrupt, arguments: Any) -> list[tuple[str, Any, Any]]:
    """What an edit changed: (label, before, after)."""
    item = inspection.question_of(interrupt).item
    return showing.changed(item.arguments, arguments, item.schema)


def _draft(interrupt: Interrupt, question: Question, *, is_editing: bool) -> Draft:
    """Nothing typed yet: the form of an edit holds what was proposed, the form of an answer is empty."""
    if is_editing:
        return Draft(form=arguments_form(question), is_editing=True)
    if interrupt.kind == QuestionKind.SCHEMA:
        return Draft(form=answer_form(question))
    return Draft()


def _verdicts(interrupt: Interrupt, question: Question) -> set[str]:
    """What the buttons offer: what the question takes, less what the policy rules out."""
    offered = {str(verdict.value) for verdict in question.item.allowed}
    return offered - {Verdict.EDIT.value} if interrupt.votes_needed > 1 else offered


def _form(schema: Any, data: QueryDict | None, *, initial: Any, prefix: str) -> SchemaForm:
    """A box for JSON where there is no schema, or none that a form can be made of; the answer is checked later."""
    try:
        return schema_form(schema or {}, data=data, initial=initial, prefix=prefix)
    except SchemaNotSupported:
        return schema_form({}, data=data, initial=initial, prefix=prefix)
