"""What a policy must keep to before it is saved, and what somebody should know before saving it."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.db.models import Q

from approvals import conditions
from approvals.models import NEVER_BY_ITSELF, AtLimit, Edits, Policy

LONGEST = 366 * 86_400
MOST_REMINDERS = 10
MOST_ESCALATIONS = 5
MOST_WORDS = 50
LOWEST, HIGHEST = -100_000, 100_000
TIMES = ("start_within", "decide_within")


def problems_of(policy: Policy) -> dict[str, list[str]]:
    """By field, in words; empty when it can be saved as it is. Groups and people are not looked at."""
    found: dict[str, list[str]] = {}
    try:
        policy.full_clean(validate_constraints=False)  # what those say is told below, field by field
    except ValidationError as error:
        found.update(error.message_dict)
    for name, text in _problems(policy):
        found.setdefault(name, []).append(text)
    return found


def warnings_of(policy: Policy, *, groups: Iterable[Group], people: Iterable[User]) -> dict[str, str]:
    """By code. None of them is an error: each can be meant. One that is not in use has none."""
    if not policy.is_active:
        return {}
    able = people_of(groups, people)
    return dict(_warnings(policy, able, has_people=bool(list(groups) or list(people))))


def people_of(groups: Iterable[Group], people: Iterable[User]) -> list[User]:
    """Who could decide, besides managers and those who stand in for somebody."""
    named = Q(groups__in=list(groups)) | Q(id__in=[person.id for person in people])
    return list(User.objects.filter(named, is_active=True).distinct().order_by("username"))


def covers_everything(policy: Policy) -> bool:
    return policy.is_active and not (policy.chain or policy.action or policy.condition)


def _problems(policy: Policy) -> Iterator[tuple[str, str]]:
    for name in ("condition", "auto_condition"):
        try:
            if getattr(policy, name):
                conditions.check(getattr(policy, name))
        except conditions.BadCondition as error:
            yield name, str(error)
    if policy.risk in NEVER_BY_ITSELF:
        said = f"What is of {policy.risk} risk is never approved without people."
        if policy.auto_condition:
            yield "auto_condition", f"{said} Leave this empty, or choose a lower risk."
        if policy.at_limit == AtLimit.APPROVE:
            yield "at_limit", f"{said} Choose another end, or a lower risk."
    if policy.at_limit != AtLimit.HOLD and not policy.decide_within:
        yield "decide_within", "Say how long people have: nothing happens at a limit that is not there."
    if not LOWEST <= policy.priority <= HIGHEST:
        yield "priority", f"Write a number between {LOWEST} and {HIGHEST}."
    yield from _problems_of_times(policy)
    for name in ("editable", "reject_reasons"):
        if len(getattr(policy, name)) > MOST_WORDS:
            yield name, f"Write at most {MOST_WORDS}."


def _problems_of_times(policy: Policy) -> Iterator[tuple[str, str]]:
    for name in TIMES:
        if (getattr(policy, name) or 0) > LONGEST:
            yield name, "Write at most 366 days."
    if len(policy.remind_after) > MOST_REMINDERS:
        yield "remind_after", f"Write at most {MOST_REMINDERS} reminders."
    if any(not 1 <= seconds <= LONGEST for seconds in policy.remind_after):
        yield "remind_after", "Write between a second and 366 days."
    steps = policy.escalation
    if not isinstance(steps, list) or not all(_is_step(step) for step in steps):
        yield "escalation", "Give each step a time of at most 366 days, and at least one group."
    elif len(steps) > MOST_ESCALATIONS:
        yield "escalation", f"Write at most {MOST_ESCALATIONS} steps."
    else:
        wanted = {name for step in steps for name in step["groups"]}
        for name in sorted(wanted - set(Group.objects.filter(name__in=wanted).values_list("name", flat=True))):
            yield "escalation", f"There is no group {name}."


def _is_step(step: Any) -> bool:
    if not isinstance(step, dict) or set(step) != {"after", "groups"}:
        return False
    after, groups = step["after"], step["groups"]
    timed = isinstance(after, int) and not isinstance(after, bool) and 1 <= after <= LONGEST
    return timed and isinstance(groups, list) and bool(groups) and all(isinstance(name, str) for name in groups)


def _warnings(policy: Policy, able: list[User], *, has_people: bool) -> Iterator[tuple[str, str]]:
    if not has_people and not policy.asks_manager:
        yield "nobody", "Nobody is asked: what falls under this policy waits until an operator steps in."
    elif len(able) + policy.asks_manager < policy.votes_needed:
        yield "too_few", f"{_people(len(able))} could decide, and {policy.votes_needed} must approve."
    elif len(able) == policy.votes_needed and policy.four_eyes and not policy.asks_manager:
        yield "just_enough", f"Just {_people(len(able))} could decide: what one of them asks for, too few can."
    if len(able) == 1 and policy.edits == Edits.SECOND and not policy.asks_manager:
        yield "no_second", "Only one person could decide, so what they edit nobody could approve."
    if policy.asks_manager and not settings.HOLDPOINT_MANAGER_OF:
        yield "no_managers", "Nobody knows who is whose manager: the setting HOLDPOINT_MANAGER_OF is empty."
    last = policy.decide_within
    steps = [*policy.remind_after, *(step["after"] for step in policy.escalation)]
    if last and any(seconds >= last for seconds in steps):
        yield "late_steps", "A reminder or an escalation comes when the time to decide is over."
    if policy.auto_condition and not policy.sampled_percent:
        yield "never_sampled", "No person ever looks at what is approved without asking: the sampled share is 0."
    above = _hidden_by(policy)
    if above is not None:
        yield "hidden", f"It is never used: {above} comes first and covers all of it."


def _hidden_by(policy: Policy) -> Policy | None:
    """A policy of higher priority that matches whatever this one would."""
    others = Policy.objects.filter(is_active=True, condition="", chain__in={"", policy.chain})
    first = Q(priority__gt=policy.priority)
    first |= Q(priority=policy.priority, id__lt=policy.pk) if policy.pk else Q(priority=policy.priority)
    return others.filter(first, action__in={"", policy.action}).exclude(pk=policy.pk).first()


def _people(number: int) -> str:
    return "One person" if number == 1 else f"{number or 'No'} people"
