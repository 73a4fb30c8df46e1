"""Working the queue: who holds a question for now, and what somebody puts away for later.

A claim is a lease. It ends with a vote, when it is given back or taken over, or by itself, by the database's clock.
"""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max

from approvals import broadcasts
from approvals.business_time import after, between
from approvals.enough import entitled_people
from approvals.models import (
    Calendar,
    Event,
    EventKind,
    Interrupt,
    Notice,
    NoticeKind,
    Policy,
    Snooze,
    Thread,
)
from approvals.models.people import name_of
from approvals.policies import Act, NotAllowed, may, require

ASSIGNED_FOR = timedelta(hours=24)
LONGEST_SNOOZE = timedelta(days=30)


class Held(Exception):
    """Somebody else has claimed this. Take it over, and they are told."""


class CannotHold(Exception):
    """Whoever it was meant for may not decide this, so it was not assigned."""


class BadMoment(Exception):
    """Choose a moment in the future, at most 30 days ahead and not after the question is due."""


def claim(person: User, interrupt_id: uuid.UUID) -> Interrupt:
    """For HOLDPOINT_CLAIM_SECONDS; of what one holds already, anew. Raises NotAllowed, Held."""
    with _locked(person, interrupt_id) as (thread, interrupt, reviewer):
        require(reviewer, Act.CLAIM, interrupt)
        holder = _holder(thread, interrupt)
        if holder not in {None, reviewer.id}:
            raise Held(f"{interrupt.claimed_by_name} has claimed this. Take it over, and they are told.")
        if holder is None:
            Event.append(thread, EventKind.INTERRUPT_CLAIMED, by=reviewer, interrupt=str(interrupt.id))
        _hold(thread, interrupt, reviewer, length=timedelta(seconds=settings.HOLDPOINT_CLAIM_SECONDS))
    return interrupt


def take_over(person: User, interrupt_id: uuid.UUID) -> Interrupt:
    """Whoever held it is told. Raises NotAllowed."""
    with _locked(person, interrupt_id) as (thread, interrupt, reviewer):
        require(reviewer, Act.CLAIM, interrupt)
        told = _taken_from(thread, interrupt, reviewer)
        Event.append(thread, EventKind.INTERRUPT_CLAIMED, by=reviewer, interrupt=str(interrupt.id), **told)
        _hold(thread, interrupt, reviewer, length=timedelta(seconds=settings.HOLDPOINT_CLAIM_SECONDS))
    return interrupt


def return_(person: User, interrupt_id: uuid.UUID) -> Interrupt:
    """Give back what one has claimed. Raises NotAllowed."""
    with _locked(person, interrupt_id) as (thread, interrupt, reviewer):
        require(reviewer, Act.SEE, interrupt)
        if _holder(thread, interrupt) != reviewer.id:
            raise NotAllowed("You do not hold this any more.")
        end_claim(thread, interrupt, lapsed=False, by=reviewer)
    return interrupt


def assign(person: User, interrupt_id: uuid.UUID, *, to: User) -> Interrupt:
    """A claim for somebody else, who has a day for it. Raises NotAllowed, CannotHold."""
    with _locked(person, interrupt_id) as (thread, interrupt, reviewer):
        require(reviewer, Act.ASSIGN, interrupt)
        taker = User.objects.get(id=to.id)
        if not may(taker, Act.CLAIM, interrupt):
            raise CannotHold(f"{name_of(taker)} may not decide this, so it was not assigned.")
        told = {"to": name_of(taker), **_taken_from(thread, interrupt, taker)}
        Event.append(thread, EventKind.INTERRUPT_ASSIGNED, by=reviewer, interrupt=str(interrupt.id), **told)
        _hold(thread, interrupt, taker, length=ASSIGNED_FOR)
        Notice.tell([taker], NoticeKind.ASSIGNED, thread, interrupt_id=interrupt.id, by=reviewer)
    return interrupt


def end_claim(thread: Thread, interrupt: Interrupt, *, lapsed: bool, by: User | None = None) -> bool:
    """With both rows locked. A claim that `lapsed` has ended when its lease did, and only if that is over.
    False: there was nothing to end.
    """
    if interrupt.claimed_by_id is None or interrupt.claim_ends_at is None:
        return False
    if lapsed and interrupt.claim_ends_at > thread.now:
        return False
    told = {"claimed_by": interrupt.claimed_by_name, "lapsed": lapsed}
    Event.append(thread, EventKind.INTERRUPT_RETURNED, by=by, interrupt=str(interrupt.id), **told)
    interrupt.let_go(start_by=_start_by(interrupt, interrupt.claim_ends_at if lapsed else thread.now))
    return True


def snooze(person: User, interrupt_id: uuid.UUID, *, until: datetime | None = None) -> Interrupt:
    """Out of this person's way alone: until a moment, or else until something changes. What they held is given back.

    Raises NotAllowed, BadMoment.
    """
    with _locked(person, interrupt_id) as (thread, interrupt, reviewer):
        require(reviewer, Act.CLAIM, interrupt)
        _refuse_moment(thread, interrupt, until)
        if _holder(thread, interrupt) == reviewer.id:
            end_claim(thread, interrupt, lapsed=False, by=reviewer)
        last = Event.objects.filter(thread_id=thread.id).aggregate(last=Max("seq"))["last"] or 0
        kept = {"until": until, "since_seq": last, "at": thread.now}
        Snooze.objects.update_or_create(person=reviewer, interrupt=interrupt, defaults=kept)
    return interrupt


def unsnooze(person: User, interrupt_id: uuid.UUID) -> Interrupt:
    """Raises NotAllowed."""
    with _locked(person, interrupt_id) as (_, interrupt, reviewer):
        require(reviewer, Act.SEE, interrupt)
        Snooze.objects.filter(person=reviewer, interrupt=interrupt).delete()
    return interrupt


def who_may_hold(interrupt: Interrupt) -> list[User]:
    """Everybody to whom it could be assigned, by name."""
    voters = set(interrupt.votes.standing().values_list("reviewer_id", flat=True))
    return sorted((person for person in entitled_people(interrupt) if person.id not in voters), key=name_of)


@contextmanager
def _locked(person: User, interrupt_id: uuid.UUID) -> Iterator[tuple[Thread, Interrupt, User]]:
    """Thread and question, locked in the order that everybody locks them; pages are told after the commit."""
    thread_id = Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        yield thread, Interrupt.objects.locked(interrupt_id), User.objects.get(id=person.id)
    broadcasts.thread_changed(thread)


def _holder(thread: Thread, interrupt: Interrupt) -> int | None:
    """Whose claim is in force; one that lapsed is ended here and now."""
    end_claim(thread, interrupt, lapsed=True)
    return interrupt.claimed_by_id


def _hold(thread: Thread, interrupt: Interrupt, person: User, *, length: timedelta) -> None:
    """Anew is never shorter than before."""
    until = thread.now + length
    if interrupt.claimed_by_id == person.id and interrupt.claim_ends_at is not None:
        until = max(until, interrupt.claim_ends_at)
    interrupt.hold(person, until=until, left=_start_left(interrupt, thread.now))


def _start_left(interrupt: Interrupt, now: datetime) -> timedelta | None:
    """What is left for beginning, in the hours that count."""
    if interrupt.start_by is None:
        return interrupt.start_left
    return between(now, interrupt.start_by, _calendar(interrupt))


def _start_by(interrupt: Interrupt, at: datetime) -> datetime | None:
    """Until when it should be begun, when that clock runs again from then on."""
    if interrupt.start_left is None:
        return None
    return after(at, interrupt.start_left.total_seconds(), _calendar(interrupt))


def _calendar(interrupt: Interrupt) -> Calendar | None:
    """Of the policy it was asked under, as it is today."""
    policy = Policy.objects.select_related("calendar").filter(name=interrupt.policy).first()
    return policy.calendar if policy else None


def _taken_from(thread: Thread, interrupt: Interrupt, taker: User) -> dict[str, str]:
    """Tell whoever loses it; for the record, their name."""
    holder = _holder(thread, interrupt)
    if holder in {None, taker.id}:
        return {}
    lost = User.objects.filter(id=holder)
    Notice.tell(lost, NoticeKind.TAKEN_OVER, thread, interrupt_id=interrupt.id, by=taker)
    return {"taken_over_from": interrupt.claimed_by_name}


def _refuse_moment(thread: Thread, interrupt: Interrupt, until: datetime | None) -> None:
    if until is None:
        return
    latest = thread.now + LONGEST_SNOOZE
    if interrupt.due_at is not None and interrupt.due_at > thread.now:
        latest = min(latest, interrupt.due_at)
    if not thread.now < until <= latest:
        raise BadMoment(BadMoment.__doc__)
