"""Edits that cross a policy's bound: what is made of a question may fall under other policies than the question did.

See docs/decisions/0019-several-policies-at-once.md.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from django.contrib.auth.models import User

from approvals import inspection
from approvals.ballots import Ballot, replies_of
from approvals.choosing import Asking, Chosen, choose, covering
from approvals.combining import advised, snapshot_of
from approvals.inspection import BadAnswer
from approvals.models import AtLimit, Edits, Interrupt, Policy, Risk, Thread, Verdict

# Its steps and limits are those of the policies it came under, so none of them is done.
_BEGINS_ANEW: dict[str, Any] = {"steps_done": 0, "escalated_to": [], "overdue_at": None, "start_left": None}


def crossed(interrupt: Interrupt, ballot: Ballot, *, policies: Iterable[Policy] | None = None) -> Chosen | None:
    """What the edited version falls under; None when that is what the question was asked under. See choose() for
    `policies`. Raises BadAnswer for a ballot that does not fit, BrokenChain and UnknownChain.
    """
    if not ballot.edits:
        return None
    thread = interrupt.thread
    parts = tuple(_parts(interrupt, ballot))
    found = choose(Asking(thread.chain, interrupt.node, _requester(thread), thread.input, parts), policies)
    if {one.policy.name for one in found.each} == set(interrupt.policies):
        return None
    return advised(found, inspection.chain(thread.chain).policy)


def snapshot_beyond(thread: Thread, interrupt: Interrupt, found: Chosen) -> dict[str, Any]:
    """What the edited version keeps of these policies. Somebody else must look at it, whatever they say of edits and of
    silence; a limit that rejects stays where the question takes a rejection. Call with the thread locked.
    """
    kept = snapshot_of(found, thread.now, requester=_requester(thread))
    if kept["rules"]["edits"] == Edits.ALONE:
        kept["rules"]["edits"] = Edits.SECOND.value
    if kept["at_limit"] == AtLimit.APPROVE or not _takes_rejection(interrupt):
        kept["at_limit"] = AtLimit.HOLD
    return {**kept, **_BEGINS_ANEW}


def risk_of(interrupt: Interrupt, ballot: Ballot) -> str:
    """What accepting this ballot is a matter of: the question's risk, or the higher one of what an edit makes of it."""
    try:
        found = crossed(interrupt, ballot, policies=covering(interrupt.thread.chain))
    except BadAnswer:
        return interrupt.risk  # it is refused in words when it is decided
    risks = [interrupt.risk, *(one.policy.risk for one in (found.each if found else ()))]
    return max(risks, key=Risk.values.index)


def _parts(interrupt: Interrupt, ballot: Ballot) -> Iterator[tuple[str, Any]]:
    """Of the version that was made of it. Parts that are not edited count as they were asked, rejected ones too: nobody
    shakes off a part's policy by rejecting it.
    """
    items = inspection.question_of(interrupt).items
    for item, reply in zip(items, replies_of(interrupt, ballot), strict=True):
        is_edited = reply.verdict == Verdict.EDIT
        yield (reply.action or item.action, reply.arguments) if is_edited else (item.action, item.arguments)


def _requester(thread: Thread) -> User | None:
    return User.objects.filter(id=thread.requested_by_id or 0).first()


def _takes_rejection(interrupt: Interrupt) -> bool:
    items = inspection.question_of(interrupt).items
    return all(Verdict.REJECT in {verdict.value for verdict in item.allowed} for item in items)
