"""What happens while a question waits: reminders and escalations in their order, and the time to claim it.

Only the database's clock counts, and the question's row says what is done: whoever holds its lock does the next.
"""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from approvals import broadcasts
from approvals.enough import entitled_people
from approvals.models import Event, EventKind, Interrupt, InterruptStatus, Notice, NoticeKind, Step, StepKind, Thread
from approvals.policies import operators


def take(interrupt_id: uuid.UUID) -> bool:
    """The steps of a question whose time has come. False: somebody else took them, or it is decided."""
    thread_id = _thread_of(interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        if interrupt.status != InterruptStatus.OPEN or not take_until(thread, interrupt, thread.now):
            return False
    broadcasts.thread_changed(thread)
    return True


def take_until(thread: Thread, interrupt: Interrupt, moment: datetime) -> int:
    """How many were due by that moment and have not been taken; each is, in order. Call with both rows locked."""
    steps, taken = interrupt.ruled.steps, 0
    while interrupt.next_step_at is not None and interrupt.next_step_at <= moment:
        if interrupt.steps_done < len(steps):
            _take(thread, interrupt, steps[interrupt.steps_done])
            interrupt.steps_done += 1
            taken += 1
        left = steps[interrupt.steps_done :]
        interrupt.next_step_at = left[0].at if left else None
        interrupt.save(update_fields=["steps_done", "next_step_at"])
    return taken


def pass_start(interrupt_id: uuid.UUID) -> bool:
    """The time to claim it is over: told once. False: it was claimed, decided, or told of. Whoever has voted on it has
    begun without claiming it, so there is nothing to tell.
    """
    thread_id = _thread_of(interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        start_by = interrupt.start_by
        if interrupt.status != InterruptStatus.OPEN or start_by is None or start_by > thread.now:
            return False
        interrupt.start_by = None
        interrupt.save(update_fields=["start_by"])
        if interrupt.votes.standing().exists():
            return False
        Event.append(thread, EventKind.START_PASSED, interrupt=str(interrupt.id))
        tell_overdue(thread, interrupt)
    broadcasts.thread_changed(thread)
    return True


def tell_overdue(thread: Thread, interrupt: Interrupt) -> None:
    """Who could still act on it, and the operators."""
    Notice.tell({*still_asked(interrupt), *operators()}, NoticeKind.OVERDUE, thread, interrupt_id=interrupt.id)


def still_asked(interrupt: Interrupt) -> set[User]:
    """Those who may decide it and have not voted."""
    voted = set(interrupt.votes.standing().values_list("reviewer_id", flat=True))
    return {person for person in entitled_people(interrupt) if person.id not in voted}


def _thread_of(interrupt_id: uuid.UUID) -> uuid.UUID:
    return Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)


def _take(thread: Thread, interrupt: Interrupt, step: Step) -> None:
    if step.kind is StepKind.REMIND:
        _remind(thread, interrupt)
    else:
        _escalate(thread, interrupt, step)


def _remind(thread: Thread, interrupt: Interrupt) -> None:
    told = still_asked(interrupt)
    Event.append(thread, EventKind.INTERRUPT_REMINDED, **_facts(interrupt, told))
    Notice.tell(told, NoticeKind.REMINDER, thread, interrupt_id=interrupt.id)


def _escalate(thread: Thread, interrupt: Interrupt, step: Step) -> None:
    """Who could decide before is not told again; a group that asks nobody new is on record all the same."""
    before = set(entitled_people(interrupt))
    new = [group for group in step.groups if group not in interrupt.escalated_to]
    interrupt.escalated_to = [*interrupt.escalated_to, *new]
    interrupt.save(update_fields=["escalated_to"])
    told = still_asked(interrupt) - before
    Event.append(thread, EventKind.INTERRUPT_ESCALATED, groups=list(step.groups), **_facts(interrupt, told))
    Notice.tell(told, NoticeKind.ESCALATED, thread, interrupt_id=interrupt.id)


def _facts(interrupt: Interrupt, told: set[User]) -> dict[str, Any]:
    """`step` counts from one."""
    return {"interrupt": str(interrupt.id), "step": interrupt.steps_done + 1, "told": len(told)}
