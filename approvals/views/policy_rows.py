"""Policies as pages show them: a sentence each, facts with labels, and what two versions differ in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from approvals import inspection
from approvals.models import AtLimit, Edits, Policy, Risk
from approvals.models.people import name_of
from approvals.policy_changes import differences
from approvals.policy_forms import PolicyForm
from approvals.policy_words import sentence, told

LABELS = {
    **{name: str(field.label or name.replace("_", " ").capitalize()) for name, field in PolicyForm.base_fields.items()},
    "remind_after": "Reminders",
    "escalation": "Escalation",
}
CHOICES = {
    "edits": dict(Edits.choices),
    "at_limit": dict(AtLimit.choices),
    "risk": dict(Risk.choices),
}


@dataclass(frozen=True)
class Row:
    policy: Policy
    sentence: str
    changed_by: str
    changed_at: datetime | None


def row_of(policy: Policy) -> Row:
    last = next(iter(policy.versions.all()[:1]), None)
    said = sentence(
        policy,
        groups=sorted(group.name for group in policy.reviewers.all()),
        people=sorted(name_of(person) for person in policy.people.all()),
        chain_title=title_of(policy.chain),
    )
    return Row(policy, said, last.changed_by_name if last else "", last.at if last else None)


def facts_of(policy: Policy) -> list[tuple[str, str]]:
    content = policy.content
    return [(LABELS[name], _told(name, content[name])) for name in LABELS if name in content]


def differences_in_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return [
        (LABELS.get(one.field, one.field), _told(one.field, one.before), _told(one.field, one.after))
        for one in differences(before, after)
    ]


def title_of(chain: str) -> str:
    try:
        return inspection.chain(chain).title if chain else ""
    except (inspection.UnknownChain, inspection.BrokenChain):
        return chain


def _told(name: str, value: Any) -> str:
    return CHOICES[name].get(value, str(value)) if name in CHOICES else told(name, value)
