"""What a question with several parts is asked under: each part by its own policy, all of it by the strictest rules.

See docs/decisions/0019-several-policies-at-once.md.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import chain
from typing import Any

from django.contrib.auth.models import User

from approvals.choosing import NO_PARTS, Asking, Chosen, approves_itself, snapshot
from approvals.models import AtLimit, Edits, OtherPolicy, Risk, Rules, StepKind


def advised(chosen: Chosen, advice: Mapping[str, Any]) -> Chosen:
    """Each of its policies as the chain's author would have it."""
    parts = tuple(advised(part, advice) for part in chosen.parts)
    return replace(chosen, policy=chosen.policy.advised(advice), parts=parts)


def approves_all(chosen: Chosen, asking: Asking, *, key: str) -> bool:
    """Whether nobody is asked: each part is approved by its own policy, which is surely its own, and drawn from the
    share of none.
    """
    if not all(part.is_sure for part in chosen.parts):
        return False
    return all(approves_itself(one.policy, _parts_under(one, chosen, asking), key=key) for one in chosen.each)


def snapshot_of(chosen: Chosen, now: datetime, *, requester: User | None) -> dict[str, Any]:
    """What a question keeps of all its policies: of each rule the strictest. The strictest policy gives it its name."""
    found = [snapshot(one.policy, now, requester=requester, why=one.why) for one in chosen.each]
    return _combined(found) if len(found) > 1 else found[0]


def told_of(chosen: Chosen) -> dict[str, Any]:
    """For the record, beside the first policy and its version; nothing when there is no other."""
    others = [{"policy": one.policy.name, "version": one.policy.version} for one in chosen.each[1:]]
    return {"others": others} if others else {}


def _parts_under(one: Chosen, chosen: Chosen, asking: Asking) -> Asking:
    """The question as far as it falls under this policy."""
    pairs = zip(asking.parts or NO_PARTS, chosen.parts, strict=True)
    return replace(asking, parts=tuple(part for part, by in pairs if by.policy.name == one.policy.name))


def _combined(found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rules = _rules(found)
    due_at, at_limit = _limit(found)
    return {
        **found[0],
        "rules": rules.kept,
        "votes_needed": max(one["votes_needed"] for one in found),
        "four_eyes": any(one["four_eyes"] for one in found),
        "risk": max((one["risk"] for one in found), key=Risk.values.index),
        "undo_seconds": max(one["undo_seconds"] for one in found),
        "due_at": due_at,
        "at_limit": at_limit,
        "next_step_at": rules.steps[0].at if rules.steps else None,
        "start_by": min((one["start_by"] for one in found if one["start_by"]), default=None),
    }


def _limit(found: Sequence[Mapping[str, Any]]) -> tuple[datetime | None, str]:
    """The first limit, with what its policy says then. Silence is consent only by all, after the last of them."""
    limits = [one["due_at"] for one in found if one["due_at"]]
    if len(limits) == len(found) and all(one["at_limit"] == AtLimit.APPROVE for one in found):
        return max(limits), AtLimit.APPROVE
    first = min(limits, default=None)
    then = {one["at_limit"] for one in found if one["due_at"] == first}
    return first, AtLimit.REJECT if AtLimit.REJECT in then else AtLimit.HOLD


def _rules(found: Sequence[Mapping[str, Any]]) -> Rules:
    """An escalation adds people, so only the first policy's is kept: whom it adds, the others must ask as well."""
    every = [Rules.of(one["rules"]) for one in found]
    steps = {step for rules in every for step in rules.steps if rules is every[0] or step.kind is StepKind.REMIND}
    edits, editable = _edits(every)
    return replace(
        every[0],
        veto=any(rules.veto for rules in every),
        edits=edits,
        editable=editable,
        approval_needs_note=any(rules.approval_needs_note for rules in every),
        reject_reasons=tuple(dict.fromkeys(chain.from_iterable(rules.reject_reasons for rules in every))),
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        others=tuple(_other(one, rules) for one, rules in list(zip(found, every, strict=True))[1:]),
    )


def _edits(every: Sequence[Rules]) -> tuple[str, tuple[str, ...]]:
    """Only what each of them lets people edit; where that is nothing, nobody edits."""
    named = [rules.editable for rules in every if rules.editable]
    common = tuple(name for name in (named or [()])[0] if all(name in other for other in named))
    if named and not common:
        return Edits.NONE.value, ()
    return min((rules.edits for rules in every), key=Edits.values.index), common


def _other(one: Mapping[str, Any], rules: Rules) -> OtherPolicy:
    return OtherPolicy(one["policy"], rules.version, rules.why, tuple(one["reviewers"]), rules.people)
