"""How policies change: one verb for pages and admin, under a permission of its own, each change a version and a line of
the record. Questions that are open keep what they were asked under.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction

from approvals.choosing import hold_policies
from approvals.models import Event, EventKind, Policy, PolicyVersion
from approvals.policies import Act, require
from approvals.policy_rules import covers_everything, problems_of, warnings_of

MANY = ("reviewers", "people")
PLAIN = (
    "name", "priority", "is_active", "chain", "action", "condition", "asks_manager", "votes_needed", "veto",
    "four_eyes", "edits", "editable", "approval_needs_note", "reject_reasons", "risk", "undo_seconds", "calendar",
    "start_within", "decide_within", "at_limit", "remind_after", "escalation", "auto_condition", "sampled_percent",
)  # fmt: skip


class Stale(Exception):
    """Somebody changed the policy after the form was made. Nothing was saved."""

    def __init__(self, policy: Policy) -> None:
        last = policy.versions.first()
        self.by = (last.changed_by_name if last else "") or "Somebody"
        self.at: datetime | None = last.at if last else None
        super().__init__(
            f"{self.by} changed this policy while you were editing it: it is version {policy.version} now. "
            "Nothing was saved. Look at what it says now, and make your change again."
        )


class LastDefault(Exception):
    """Keep one active policy that covers everything: no chain, no action, no condition. Otherwise something could be
    asked that nobody may decide."""


class Unsure(Exception):
    """It can be saved, once somebody has said that this is meant."""

    def __init__(self, warnings: Mapping[str, str]) -> None:
        self.warnings = dict(warnings)
        super().__init__(" ".join(warnings.values()))


@dataclass(frozen=True)
class Difference:
    field: str
    before: Any
    after: Any


def save(
    person: User,
    policy_id: int | None,
    fields: Mapping[str, Any],
    *,
    seen_version: int = 0,
    accepts: Collection[str] = (),
) -> Policy:
    """Change a policy, or make one. `fields` are values by the names in PLAIN and MANY; those left out stay.
    `accepts` are the codes of warnings that are meant.

    Raises NotAllowed, Stale, LastDefault, Unsure, and ValidationError with what is wrong by field.
    """
    with transaction.atomic():
        require(person, Act.CHANGE_POLICIES)
        hold_policies(to_change=True)
        policy = _policy_to_change(policy_id, seen_version)
        before = _kept_before(policy)
        return _store(person, policy, before, fields, accepts)


def set_active(
    person: User, policy_id: int, is_active: bool, *, seen_version: int, accepts: Collection[str] = ()
) -> Policy:
    """As save()."""
    return save(person, policy_id, {"is_active": is_active}, seen_version=seen_version, accepts=accepts)


def move(person: User, policy_id: int, *, up: bool, seen_version: int) -> Policy:
    """Before or after its neighbour in the order of priority, among those in use. Raises NotAllowed, Stale."""
    with transaction.atomic():
        require(person, Act.CHANGE_POLICIES)
        hold_policies(to_change=True)
        policy = _policy_to_change(policy_id, seen_version)
        found = list(Policy.objects.filter(is_active=policy.is_active))
        place = found.index(policy)
        other = place - 1 if up else place + 1
        if 0 <= other < len(found):
            found[place], found[other] = found[other], found[place]
            for one, priority in zip(found, _descending([one.priority for one in found]), strict=True):
                _set_priority(person, one, priority)
    return Policy.objects.get(id=policy_id)


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Between two contents of a policy; see Policy.content."""
    names = [*after, *(name for name in before if name not in after)]
    return [
        Difference(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)
    ]


def _policy_to_change(policy_id: int | None, seen_version: int) -> Policy:
    if policy_id is None:
        return Policy()
    policy = Policy.objects.select_for_update().get(id=policy_id)
    if policy.version != seen_version:
        raise Stale(policy)
    return policy


def _kept_before(policy: Policy) -> dict[str, Any]:
    """Its content; what was made by a migration or by hand has no version yet, and gets one first."""
    if policy._state.adding:
        return {}
    if not policy.versions.exists():
        PolicyVersion.keep(policy, by=None)
    return policy.content


def _store(
    person: User, policy: Policy, before: Mapping[str, Any], fields: Mapping[str, Any], accepts: Collection[str]
) -> Policy:
    many = _fill(policy, fields)
    problems = problems_of(policy)
    if problems:
        raise ValidationError(problems)
    warnings = warnings_of(policy, groups=many["reviewers"], people=many["people"])
    unsaid = {code: text for code, text in warnings.items() if code not in accepts}
    if unsaid:
        raise Unsure(warnings)
    policy.version += 1 if before else 0
    policy.save()
    for name, rows in many.items():
        getattr(policy, name).set(rows)
    if not any(covers_everything(one) for one in Policy.objects.all()):
        raise LastDefault(LastDefault.__doc__)
    changed = differences(before, policy.content)
    if not changed:
        policy.version -= 1
        policy.save(update_fields=["version"])
        return policy
    _record(person, policy, changed)
    return policy


def _fill(policy: Policy, fields: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The plain fields at once; the groups and people it will have are given back, for when it is a row."""
    for name in PLAIN:
        if name in fields:
            setattr(policy, name, fields[name])
    now: dict[str, list[Any]] = {name: list(getattr(policy, name).all()) if policy.pk else [] for name in MANY}
    return {name: list(fields.get(name, rows)) for name, rows in now.items()}


def _set_priority(person: User, policy: Policy, priority: int) -> None:
    if policy.priority == priority:
        return
    before = _kept_before(policy)
    policy.priority, policy.version = priority, policy.version + 1
    policy.save(update_fields=["priority", "version"])
    _record(person, policy, differences(before, policy.content))


def _record(person: User, policy: Policy, changed: list[Difference]) -> None:
    PolicyVersion.keep(policy, by=person)
    Event.append_for_desk(
        EventKind.POLICY_CHANGED,
        by=person,
        policy=policy.name,
        policy_id=policy.pk,
        version=policy.version,
        changed={one.field: {"before": one.before, "after": one.after} for one in changed},
    )


def _descending(priorities: list[int]) -> list[int]:
    """The same numbers for the new order, raised where two would be equal."""
    found = sorted(priorities, reverse=True)
    for place in range(len(found) - 2, -1, -1):
        found[place] = max(found[place], found[place + 1] + 1)
    return found
