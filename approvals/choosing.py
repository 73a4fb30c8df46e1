"""Which policy a question is asked under, and what it keeps of it."""

import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Q

from approvals import conditions
from approvals.business_time import after
from approvals.managers import manager_of
from approvals.models import Policy, Rules, Step, StepKind
from approvals.models.people import name_of


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
            "groups": list(known.groups.values_list("name", flat=True)) if known else [],
            "input": dict(self.input),
        }


@dataclass(frozen=True)
class Chosen:
    """`why` in words, for the people who are asked."""

    policy: Policy
    why: str


def likely(chain: str) -> Policy:
    """The policy of a question of which nothing but its chain is known."""
    found = next((one for one in covering(chain) if not one.action and not one.condition), None)
    return found or covering(chain)[0]


def covering(chain: str) -> list[Policy]:
    """By priority. The last is always there: the pages keep one that covers everything."""
    return list(Policy.objects.filter(Q(chain=chain) | Q(chain=""), is_active=True).select_related("calendar"))


def choose(asking: Asking, policies: Iterable[Policy] | None = None) -> Chosen:
    """The first that matches, by priority."""
    found = list(covering(asking.chain) if policies is None else policies)
    for policy in found:
        why = why_it_covers(policy, asking)
        if why is not None:
            return Chosen(policy, why)
    return Chosen(found[-1], "No policy covers this, so the last one does.")


def why_it_covers(policy: Policy, asking: Asking) -> str | None:
    """None: it does not. One of several parts is enough. A condition that cannot be told to hold is taken to hold, so
    that what nobody thought of meets people instead of a laxer policy.
    """
    if policy.chain and policy.chain != asking.chain:
        return None
    parts = [(action, arguments) for action, arguments in asking.parts if policy.action in {"", action, asking.node}]
    for action, arguments in parts:
        why = _why(policy, asking.facts(action, arguments))
        if why is not None:
            return why
    return None


def approves_itself(policy: Policy, asking: Asking, *, key: str) -> bool:
    """Whether it is approved without asking anybody: every part of it below the bound, and not one of the sample.
    `key` names the question; the same one asked again falls the same way.
    """
    if not policy.auto_condition or _share_of(key) < policy.sampled_percent:
        return False
    try:
        return all(conditions.holds(policy.auto_condition, asking.facts(*part)) for part in asking.parts)
    except conditions.Unclear:
        return False


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


def _why(policy: Policy, facts: Mapping[str, Any]) -> str | None:
    if not policy.condition:
        return _covers(policy)
    try:
        return f"{policy.condition}" if conditions.holds(policy.condition, facts) else None
    except conditions.Unclear as error:
        return f"{policy.condition} (taken to hold, since it cannot be told: {error})"


def _covers(policy: Policy) -> str:
    return f"It covers {policy.action or policy.chain or 'every question'}."


def _share_of(key: str) -> int:
    """0 to 99, evenly, and not to be foreseen by who writes the request."""
    digest = hmac.new(settings.HOLDPOINT_RECORD_KEY.encode(), f"sample:{key}".encode(), sha256).digest()
    return int.from_bytes(digest[:8], "big") % 100
