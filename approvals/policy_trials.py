"""Trying a policy that is not saved on the questions of the last 30 days: what would have been asked otherwise, and how
people decided it then. Reads only.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.db.models.functions import Now

from approvals import inspection
from approvals.choosing import Asking, Chosen, choose, sample_key
from approvals.combining import advised, approves_all
from approvals.execution.questions import BY_ITSELF
from approvals.managers import manager_of
from approvals.models import Interrupt, Policy, Risk, Verdict, Via
from approvals.models.people import name_of

DAYS = 30
MOST_TRIED = 2_000
MOST_SHOWN = 30
MOST_SECONDS = 10.0
# Payloads may be large, so few are in memory at once.
AT_ONCE = 20
NOTHING = ("", "Decided by nobody")


@dataclass(frozen=True)
class Draft:
    """A policy as it would be saved, with whom it would ask."""

    policy: Policy
    groups: tuple[str, ...]
    people: tuple[str, ...]

    @classmethod
    def of(cls, policy: Policy, *, groups: Sequence[Group], people: Sequence[User]) -> "Draft":
        return cls(
            policy, tuple(sorted(group.name for group in groups)), tuple(sorted(name_of(person) for person in people))
        )


@dataclass(frozen=True)
class Terms:
    """What a question is decided under, as far as a trial compares."""

    policy: str
    asked: tuple[str, ...]
    votes: int
    risk: str
    is_automatic: bool


@dataclass(frozen=True)
class Tried:
    question: Interrupt
    before: Terms
    after: Terms
    was: str
    differs: tuple[str, ...]


@dataclass
class Trial:
    """`matched` fall under the draft now. `shown` are the newest that differ; `decided` counts how people had decided
    what nobody would be asked about any more.
    """

    tried: int = 0
    matched: int = 0
    changed: int = 0
    automatic: int = 0
    newly_automatic: int = 0
    sampled: int = 0
    unclear: int = 0
    not_readable: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    shown: list[Tried] = field(default_factory=list)
    is_cut_short: bool = False

    @property
    def told(self) -> list[tuple[int, str]]:
        """What people had decided about what they would not be asked any more, in words."""
        labels = {**{verdict.value: verdict.label.lower() for verdict in Verdict}, "": "decided by nobody"}
        return [(number, labels[verdict]) for verdict, number in self.decided.most_common()]

    @property
    def rejected(self) -> int:
        return self.decided[Verdict.REJECT.value]


def try_out(draft: Draft) -> Trial:
    """At most the newest 2,000 questions, for at most 10 seconds."""
    trial, ends = Trial(), time.monotonic() + MOST_SECONDS
    desk = _Desk(draft)
    for question in _questions():
        if time.monotonic() > ends or trial.tried == MOST_TRIED:
            trial.is_cut_short = True
            break
        desk.add(trial, question)
    return trial


class _Desk:
    """What a trial looks up once."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._people: dict[int | None, User | None] = {None: None}
        self._managers: dict[int | None, User | None] = {None: None}
        saved = list(Policy.objects.filter(is_active=True).prefetch_related("reviewers", "people"))
        others = [policy for policy in saved if policy.pk != draft.policy.pk]
        drafted = [draft.policy] if draft.policy.is_active else []
        self._policies = sorted([*others, *drafted], key=lambda one: (-one.priority, one.pk or 2**63))

    def add(self, trial: Trial, question: Interrupt) -> None:
        trial.tried += 1
        try:
            parts = inspection.parts_of(question)
        except (inspection.BadAnswer, ValueError):
            trial.not_readable += 1
            return
        requester = self._person(question.requested_by_id)
        asking = Asking(question.thread.chain, question.node, requester, question.thread.input, parts)
        chosen = choose(asking, self._policies)
        drafted = [part for part in chosen.parts if part.policy is self._draft.policy]
        trial.matched += bool(drafted)
        trial.unclear += any(part.is_unclear for part in drafted)
        found = advised(chosen, _advice(question.thread.chain))
        is_automatic = approves_all(found, asking, key=sample_key(question))
        trial.sampled += not is_automatic and approves_all(_unsampled(found), asking, key="")
        _compare(trial, question, _terms(found, self._everybody(chosen, requester), is_automatic=is_automatic))

    def _person(self, number: int | None) -> User | None:
        if number not in self._people:
            self._people[number] = User.objects.prefetch_related("groups").filter(id=number or 0).first()
        return self._people[number]

    def _manager(self, requester: User | None) -> User | None:
        number = requester.id if requester else None
        if number not in self._managers:
            self._managers[number] = manager_of(requester)
        return self._managers[number]

    def _everybody(self, chosen: Chosen, requester: User | None) -> tuple[str, ...]:
        """Those of each policy, once."""
        found = (name for one in chosen.each for name in self._asked(one.policy, requester))
        return tuple(dict.fromkeys(found))

    def _asked(self, policy: Policy, requester: User | None) -> tuple[str, ...]:
        """Groups, then people, as a question keeps them."""
        manager = self._manager(requester) if policy.asks_manager else None
        if policy is self._draft.policy:
            groups, people = self._draft.groups, self._draft.people
        else:
            groups = tuple(sorted(group.name for group in policy.reviewers.all()))
            people = tuple(name_of(person) for person in policy.people.all())
        return (*groups, *sorted({*people, *([name_of(manager)] if manager else [])}))


def _compare(trial: Trial, question: Interrupt, after: Terms) -> None:
    before = _terms_then(question)
    verdict, was = _decided(question)
    trial.automatic += after.is_automatic
    if after.is_automatic and not before.is_automatic:
        trial.newly_automatic += 1
        trial.decided[verdict] += 1
    differs = tuple(_differences(before, after))
    trial.changed += bool(differs)
    if differs and len(trial.shown) < MOST_SHOWN:
        trial.shown.append(Tried(question, before, after, was, differs))


def _differences(before: Terms, after: Terms) -> Iterator[str]:
    if after.is_automatic != before.is_automatic:
        yield "Approved without asking" if after.is_automatic else "Asked instead of approved by itself"
    if after.is_automatic:
        return
    if after.asked != before.asked:
        yield f"Asks {_who(after)} instead of {_who(before)}"
    if after.votes != before.votes:
        yield f"{after.votes} must approve instead of {before.votes}"
    if after.risk != before.risk:
        yield f"{Risk(after.risk).label} risk instead of {Risk(before.risk).label.lower()}"


def _who(terms: Terms) -> str:
    return ", ".join(terms.asked) or "nobody"


def _terms(found: Chosen, asked: tuple[str, ...], *, is_automatic: bool) -> Terms:
    """Of several policies the strictest of each rule, as a question keeps them."""
    policies = [one.policy for one in found.each]
    votes, risk = max(one.votes_needed for one in policies), max((one.risk for one in policies), key=Risk.values.index)
    return Terms(found.policy.name, asked, votes, risk, is_automatic)


def _unsampled(chosen: Chosen) -> Chosen:
    policy = copy(chosen.policy)
    policy.sampled_percent = 0
    return replace(chosen, policy=policy, parts=tuple(_unsampled(part) for part in chosen.parts))


def _advice(chain: str) -> Mapping[str, Any]:
    try:
        return inspection.chain(chain).policy
    except (inspection.UnknownChain, inspection.BrokenChain):
        return {}


def _questions() -> Iterator[Interrupt]:
    """Newest first; of a question that was asked again, the last row alone."""
    rows = _rows().filter(created_at__gte=Now() - timedelta(days=DAYS)).order_by("-created_at", "-asked")
    seen: set[tuple[object, str, str]] = set()
    for question in rows.iterator(chunk_size=AT_ONCE):
        key = (question.thread_id, question.interrupt_id, question.payload_sha256)
        if key not in seen:
            seen.add(key)
            yield question
        if len(seen) > MOST_TRIED:
            return


def _rows() -> QuerySet[Interrupt]:
    plain = Interrupt.objects.select_related("thread", "decision")
    return plain.only(
        "thread_id", "interrupt_id", "payload", "payload_sha256", "node", "response_schema", "title", "requested_by_id",
        "policy", "reviewers", "people", "rules", "votes_needed", "risk", "created_at", "status", "asked",
        "thread__chain", "thread__input", "decision__verdict", "decision__decided_by", "decision__decided_by_name",
        "decision__decided_via", "decision__voided_at", "decision__note",
    )  # fmt: skip


def _terms_then(question: Interrupt) -> Terms:
    rules = question.ruled
    asked = [*question.reviewers, *sorted(name for _, name in rules.people)]
    for other in rules.others:
        asked += [*other.groups, *sorted(name for _, name in other.people)]
    decision = getattr(question, "decision", None)
    automatic = decision is not None and decision.decided_via == Via.POLICY and decision.note == BY_ITSELF
    once = tuple(dict.fromkeys(asked))
    return Terms(question.policy, once, question.votes_needed, question.risk, automatic)


def _decided(question: Interrupt) -> tuple[str, str]:
    """The verdict of a person, and who gave which; neither for what nobody decided."""
    decision = getattr(question, "decision", None)
    if decision is None or decision.decided_by_id is None:
        return NOTHING
    return decision.verdict, f"{decision.get_verdict_display()} by {decision.decided_by_name}"
