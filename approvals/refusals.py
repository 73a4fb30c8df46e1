"""Refused attempts to decide: recorded in a transaction of their own, since that of the attempt is undone."""

import uuid

from django.contrib.auth.models import User
from django.db import transaction

from approvals.decisions import AlreadyDecided, Changed, LimitPassed, MissingSeen, TooLate
from approvals.models import Event, EventKind, Interrupt, KeyReused, Thread, Via
from approvals.policies import NotAllowed
from approvals.watch import counters

# By one person on one question: enough to see what somebody tried, too few to fill a disk with.
MOST = 10
LONGEST = 300
UNSEEN = "They may not see this request."
CODES: dict[type[Exception], str] = {
    NotAllowed: "not_allowed",
    AlreadyDecided: "already_decided",
    Changed: "changed",
    LimitPassed: "limit_passed",
    TooLate: "too_late",
    MissingSeen: "missing_seen",
    KeyReused: "key_reused",
}


def record_refusal(
    person: User, interrupt_id: uuid.UUID, error: Exception, *, via: Via = Via.PAGE, act: str = "decide"
) -> bool:
    """False: nothing was recorded. The error is no refusal, there is no such question, or it was enough."""
    code = CODES.get(type(error))
    if code is not None:
        counters.decisions_refused.labels(code).inc()
    return code is not None and _append(person, interrupt_id, code, str(error), via, act)


def record_unseen(person: User, interrupt_id: uuid.UUID, *, via: Via = Via.PAGE, act: str = "decide") -> bool:
    """Somebody tried who is not even told that there is such a question."""
    return _append(person, interrupt_id, CODES[NotAllowed], UNSEEN, via, act)


def _append(person: User, interrupt_id: uuid.UUID, code: str, message: str, via: Via, act: str) -> bool:
    thread_id = Interrupt.objects.filter(id=interrupt_id).values_list("thread_id", flat=True).first()
    if thread_id is None or _count(thread_id, interrupt_id, person) >= MOST:
        return False
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        before = _count(thread_id, interrupt_id, person)
        if before >= MOST:
            return False
        facts = {"interrupt": str(interrupt_id), "code": code, "error": message[:LONGEST], "via": via.value}
        last = {"last": True} if before == MOST - 1 else {}
        Event.append(thread, EventKind.DECISION_REFUSED, by=person, act=act, **facts, **last)
    return True


def _count(thread_id: uuid.UUID, interrupt_id: uuid.UUID, person: User) -> int:
    mine = Event.objects.filter(thread_id=thread_id, kind=EventKind.DECISION_REFUSED, actor=person)
    return mine.filter(data__interrupt=str(interrupt_id)).count()
