"""Which policy a question is asked under, and what it keeps of it."""

import hmac
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.db.models import Q

from approvals import conditions
from approvals.business_time import after
from approvals.managers import manager_of
from approvals.models import AtLimit, Edits, Interrupt, Policy, Risk, Rules, Step, StepKind
from approvals.models.people import name_of
from approvals.policy_words import why, why_unclear

# A question that has none is still one.
NO_PARTS: tuple[tuple[str, Any], ...] = (("", {}),)


@dataclass(frozen=True)
class Asking:
    """What is about to be asked; `parts` are its actions with their arguments."""

    chain: str
    node: str
    requester: User | None
    input: Mapping[str, Any]
    parts: tuple[tuple[str, Any], ...]

    def facts(self, action: str, arguments: Any) -> dict[str, Any]:
        """What a condition can speak of; see conditions.NAMES."""
        known = self.requester
        return {
            "args": arguments if isinstance(arguments, dict) else {"value": arguments},
            "action": action,
            "node": self.node,
            "chain": self.chain,
            "requester": known.get_username() if known else "",
            "groups": self._groups,
            "input": dict(self.input),
        }

    @cached_property
    def _groups(self) -> list[str]:
        return [group.name for group in self.requester.groups.all()] if self.requester else []


@dataclass(frozen=True)
class Chosen:
    """`why` in words, for the people who are asked. `parts`: what each part would be asked under if it were alone; one
    is not sure when there is a condition before it that cannot be told to hold.
    """

    policy: Policy
    why: str
    is_unclear: bool = False
    is_sure: bool = True
    parts: tuple["Chosen", ...] = ()

    @property
    def each(self) -> tuple["Chosen", ...]:
        """The policies that take part, once each, the strictest first."""
        found = {self.policy.name: self}
        for part in self.parts:
            found.setdefault(part.policy.name, part)
        return tuple(found.values())


def likely(chain: str) -> Policy:
    """The policy of a question of which nothing but its chain is known."""
    found = next((one for one in covering(chain) if not one.action and not one.condition), None)
    return found or covering(chain)[0]


def covering(chain: str) -> list[Policy]:
    """By priority. The last is always there: the pages keep one that covers everything."""
    return list(Policy.objects.filter(Q(chain=chain) | Q(chain=""), is_active=True).select_related("calendar"))


def choose(asking: Asking, policies: Iterable[Policy] | None = None) -> Chosen:
    """For each part the first that matches, by priority. The strictest of those leads, and a question keeps of each
    rule the strictest (see combining), so that nothing is waved through in the company of something harmless.

    A condition that cannot be told to hold makes its policy one of them, too: what nobody thought of never meets a
    laxer policy than it would have met otherwise.

    Without `policies`, call it in the transaction that stores what comes of it.
    """
    if policies is None:
        hold_policies()
        policies = covering(asking.chain)
    found = list(policies)
    parts = tuple(_alone(found, asking, part) for part in asking.parts or NO_PARTS)
    return replace(_strictest(parts), parts=parts)


def strictness(policy: Policy) -> tuple[Any, ...]:
    """Greater is stricter: first whether people always decide, then how many, then what they are held to."""
    return (
        not policy.auto_condition,
        policy.at_limit != AtLimit.APPROVE,
        policy.votes_needed,
        Risk.values.index(policy.risk),
        policy.four_eyes,
        -Edits.values.index(policy.edits),
        policy.veto,
    )


def hold_policies(*, to_change: bool = False) -> None:
    """Until the transaction ends nobody else changes a policy, so that none is read half old and half new."""
    kind = "" if to_change else "_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_advisory_xact_lock{kind}(hashtextextended('holdpoint:policies', 0))")


def approves_itself(policy: Policy, asking: Asking, *, key: str) -> bool:
    """Whether it is approved without asking anybody: every part of it below the bound, and not one of the sample.
    `key` names the question; the same one asked again falls the same way.
    """
    if not policy.auto_condition or _share_of(key) < policy.sampled_percent:
        return False
    try:
        facts = [asking.facts(*part) for part in asking.parts or NO_PARTS]
        return all(conditions.holds(policy.auto_condition, part) for part in facts)
    except conditions.Unclear:
        return False


def sample_key(question: Interrupt) -> str:
    """What names a question when a share is drawn: the same one asked again falls the same way."""
    return f"{question.thread_id}:{question.interrupt_id}:{question.payload_sha256}"


def snapshot(policy: Policy, now: datetime, *, requester: User | None = None, why: str = "") -> dict[str, Any]:
    """What a question keeps of the policy it is asked under; `now` is the database's clock."""
    manager = manager_of(requester) if policy.asks_manager else None
    people = [*policy.people.all(), *([manager] if manager else [])] if policy.pk else []
    steps = steps_of(policy, now)
    rules = Rules(
        version=policy.version,
        why=why,
        veto=policy.veto,
        edits=policy.edits,
        editable=tuple(policy.editable),
        approval_needs_note=policy.approval_needs_note,
        reject_reasons=tuple(policy.reject_reasons),
        steps=steps,
        people=tuple((person.id, name_of(person)) for person in people),
    )
    return {
        "policy": policy.name,
        "reviewers": sorted(group.name for group in policy.reviewers.all()),
        "people": [person.id for person in people],
        "rules": rules.kept,
        "votes_needed": policy.votes_needed,
        "four_eyes": policy.four_eyes,
        "risk": policy.risk,
        "undo_seconds": policy.undo_seconds,
        "due_at": after(now, policy.decide_within, policy.calendar) if policy.decide_within else None,
        "at_limit": policy.at_limit,
        "next_step_at": steps[0].at if steps else None,
        "start_by": after(now, policy.start_within, policy.calendar) if policy.start_within else None,
    }


def steps_of(policy: Policy, now: datetime) -> tuple[Step, ...]:
    """Reminders and escalations in the order of their moments."""
    reminders = [Step(after(now, seconds, policy.calendar), StepKind.REMIND) for seconds in policy.remind_after]
    escalations = [
        Step(after(now, step["after"], policy.calendar), StepKind.ESCALATE, tuple(step["groups"]))
        for step in policy.escalation
    ]
    return tuple(sorted([*reminders, *escalations], key=lambda step: step.at))


def _alone(policies: list[Policy], asking: Asking, part: tuple[str, Any]) -> Chosen:
    matching = list(_matching(policies, asking, *part))
    found = _strictest(matching or [Chosen(policies[-1], "No policy covers this, so the last one does.")])
    return replace(found, is_sure=not any(one.is_unclear for one in matching))


def _strictest(found: Iterable[Chosen]) -> Chosen:
    return max(found, key=lambda one: strictness(one.policy))


def _matching(policies: Iterable[Policy], asking: Asking, action: str, arguments: Any) -> Iterator[Chosen]:
    """The first whose condition holds, and those before it of which that cannot be told."""
    facts = asking.facts(action, arguments)
    for policy in policies:
        if policy.chain not in {"", asking.chain} or policy.action not in {"", action, asking.node}:
            continue
        try:
            holds = not policy.condition or conditions.holds(policy.condition, facts)
        except conditions.Unclear as error:
            yield Chosen(policy, why_unclear(policy, str(error)), is_unclear=True)
            continue
        if holds:
            yield Chosen(policy, why(policy))
            return


def _share_of(key: str) -> int:
    """0 to 99, evenly, and not to be foreseen by who writes the request."""
    digest = hmac.new(settings.HOLDPOINT_RECORD_KEY.encode(), f"sample:{key}".encode(), sha256).digest()
    return int.from_bytes(digest[:8], "big") % 100
