"""Questions that nobody can decide as things are: operators are told once, and they stay open."""

import time
import uuid
from collections.abc import Iterable
from datetime import datetime

import structlog
from django.db import transaction
from django.db.models import Q

from approvals import broadcasts
from approvals.enough import can_be_decided
from approvals.models import Event, EventKind, Interrupt, Notice, NoticeKind, Thread
from approvals.models.interrupt_queries import InterruptQuerySet
from approvals.policies import operators

log = structlog.get_logger(__name__)

# How often, and how many at a turn: people leave seldom, and looking costs several queries for each question.
EVERY_SECONDS = 60
AT_ONCE = 200
TOLD = (EventKind.INTERRUPT_BLOCKED, EventKind.INTERRUPT_UNBLOCKED)


class Rounds:
    """One worker's way round all open questions, oldest first, part by part. It decides what is looked at, and when;
    what is found is told once, whoever finds it.
    """

    def __init__(self) -> None:
        self._next_turn = 0.0
        self._last: tuple[datetime, uuid.UUID] | None = None

    def turn(self) -> list[Interrupt]:
        """The questions to look at now; none when the last turn was a moment ago."""
        if time.monotonic() < self._next_turn:
            return []
        self._next_turn = time.monotonic() + EVERY_SECONDS
        found = list(_following(self._last)[:AT_ONCE])
        whole = len(found) == AT_ONCE
        self._last = (found[-1].created_at, found[-1].id) if whole else None
        return found


_rounds = Rounds()


def sweep(rounds: Rounds = _rounds) -> None:
    """Tell of those that nobody can decide any more, and of those that somebody can decide again."""
    found = rounds.turn()
    known = _known_as_blocked(found)
    can: dict[object, bool] = {}
    for interrupt in found:
        key = _asked_of(interrupt)
        if key not in can:
            can[key] = can_be_decided(interrupt)
        if can[key] == (interrupt.id in known):
            look_again(interrupt.id)


def look_again(interrupt_id: uuid.UUID) -> None:
    """As it is now, under the locks, so that two workers do not both tell."""
    thread_id = Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        can, was_blocked = can_be_decided(interrupt), bool(_known_as_blocked([interrupt]))
        if not interrupt.is_open or can != was_blocked:
            return
        if can:
            Event.append(thread, EventKind.INTERRUPT_UNBLOCKED, interrupt=str(interrupt.id))
        else:
            alert(thread, interrupt)
    broadcasts.thread_changed(thread)


def alert(thread: Thread, interrupt: Interrupt) -> None:
    """Call with the thread locked."""
    log.error("a question that nobody can decide", interrupt=str(interrupt.id), policy=interrupt.policy)
    Event.append(thread, EventKind.INTERRUPT_BLOCKED, interrupt=str(interrupt.id), policy=interrupt.policy)
    Notice.tell(operators(), NoticeKind.BLOCKED, thread, interrupt_id=interrupt.id)


def _following(last: tuple[datetime, uuid.UUID] | None) -> InterruptQuerySet:
    waiting = Interrupt.objects.open().oldest_first()
    if last is None:
        return waiting
    created_at, interrupt_id = last
    return waiting.filter(Q(created_at__gt=created_at) | Q(created_at=created_at, id__gt=interrupt_id))


def _known_as_blocked(questions: Iterable[Interrupt]) -> set[uuid.UUID]:
    """Those whose last line of the record about this says so."""
    threads = {interrupt.thread_id for interrupt in questions}
    told = Event.objects.filter(thread_id__in=threads, kind__in=TOLD).order_by("seq")
    last = {event.data["interrupt"]: event.kind for event in told}
    return {uuid.UUID(interrupt) for interrupt, kind in last.items() if kind == EventKind.INTERRUPT_BLOCKED}


def _asked_of(interrupt: Interrupt) -> object:
    """Questions that are alike in this are decided by the same people."""
    return (
        tuple(interrupt.reviewers),
        tuple(interrupt.escalated_to),
        tuple(interrupt.people),
        interrupt.ruled.others,
        interrupt.four_eyes and interrupt.requested_by_id,
        interrupt.votes_needed,
        interrupt.is_proposal and interrupt.id,  # in whose place it was made, its votes tell
    )
