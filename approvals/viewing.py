"""Looked at: that a question was on somebody's screen, once for each person and question."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.db import transaction

from approvals.models import Decision, Event, EventKind, Interrupt, Thread
from approvals.policies import Act, may


def record_view(person: User, interrupt: Interrupt) -> bool:
    """False: nothing to record. The person could not decide it, or it is known that they looked."""
    if not may(person, Act.DECIDE, interrupt) or _is_known(person, interrupt):
        return False
    with transaction.atomic():
        thread = Thread.objects.locked(interrupt.thread_id)
        if _is_known(person, interrupt):
            return False
        facts = {"interrupt": str(interrupt.id), "payload_sha256": interrupt.payload_sha256}
        Event.append(thread, EventKind.INTERRUPT_VIEWED, by=person, **facts)
    return True


def looked_at(decisions: Iterable[Decision]) -> dict[uuid.UUID, timedelta]:
    """How long after its decider first had it on screen each was decided, by question; where that is known."""
    found = list(decisions)
    viewed = Event.objects.filter(
        thread_id__in={decision.interrupt.thread_id for decision in found},
        kind=EventKind.INTERRUPT_VIEWED,
        data__interrupt__in=[str(decision.interrupt_id) for decision in found],
    )
    first: dict[tuple[str, int | None], datetime] = {}
    for question, person, at in viewed.order_by("-at").values_list("data__interrupt", "actor_id", "at"):
        first[question, person] = at
    begun = {(one.interrupt_id, one.decided_at): first.get((str(one.interrupt_id), one.decided_by_id)) for one in found}
    return {question: decided - began for (question, decided), began in begun.items() if began is not None}


def _is_known(person: User, interrupt: Interrupt) -> bool:
    mine = Event.objects.filter(thread_id=interrupt.thread_id, kind=EventKind.INTERRUPT_VIEWED, actor=person)
    return mine.filter(data__interrupt=str(interrupt.id)).exists()
