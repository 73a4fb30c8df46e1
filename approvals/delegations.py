"""Delegations: somebody decides in somebody else's place, from one moment to another.

That a stand-in of the requester may not decide the requester's questions is a matter of policies.py.
"""

from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from approvals.models import Delegation, Event, EventKind
from approvals.models.people import name_of
from approvals.policies import Act, require

LONGEST = timedelta(days=90)
MOST = 5
LONGEST_REASON = 300


class BadDelegation(Exception):
    """This cannot be delegated like that. The message says why; nothing was changed."""


def give(
    person: User, taker: User, *, ends_at: datetime, starts_at: datetime | None = None, reason: str = ""
) -> Delegation:
    """From now on, or later. Raises NotAllowed, BadDelegation."""
    with transaction.atomic():
        giver = User.objects.annotate(clock=Now()).select_for_update().get(id=person.id)
        require(giver, Act.DELEGATE)
        now: datetime = vars(giver)["clock"]
        starts_at = max(starts_at or now, now)
        _refuse(giver, taker, starts_at=starts_at, ends_at=ends_at, now=now)
        given = Delegation.objects.create(
            giver=giver, taker=taker, starts_at=starts_at, ends_at=ends_at, reason=reason.strip()[:LONGEST_REASON]
        )
        _tell(given, "given", by=giver)
    return given


def end(person: User, delegation_id: int) -> Delegation:
    """By who gave it, who took it, or an operator; what has ended already stays as it is. Raises NotAllowed."""
    with transaction.atomic():
        found = Delegation.objects.select_for_update().get(id=delegation_id)
        ender = User.objects.get(id=person.id)
        require(ender, Act.DELEGATE, found)
        if Delegation.objects.filter(id=found.id).open().update(ended_at=Now()):
            _tell(found, "ended", by=ender)
    found.refresh_from_db()
    return found


def _refuse(giver: User, taker: User, *, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    if taker.id == giver.id:
        raise BadDelegation("Choose somebody else: nobody stands in for themselves.")
    if not User.objects.filter(id=taker.id, is_active=True).exists():
        raise BadDelegation("Choose somebody whose account is active.")
    if ends_at <= starts_at or ends_at <= now:
        raise BadDelegation("It must end after it starts, and in the future.")
    if ends_at - starts_at > LONGEST or starts_at - now > timedelta(days=365):
        raise BadDelegation(f"It may last {LONGEST.days} days at most, and start within a year.")
    if Delegation.objects.filter(giver=giver).open().count() >= MOST:
        raise BadDelegation(f"You have {MOST} delegations already. End one of them first.")


def _tell(delegation: Delegation, change: str, *, by: User) -> None:
    Event.append_for_desk(
        EventKind.DELEGATION_CHANGED,
        by=by,
        change=change,
        delegation=delegation.id,
        giver=name_of(delegation.giver),
        taker=name_of(delegation.taker),
        starts_at=delegation.starts_at.isoformat(),
        ends_at=delegation.ends_at.isoformat(),
        reason=delegation.reason,
    )
