"""What people do with questions: decide on exactly what they saw, once, or be told who was first."""

import uuid
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction

from approvals import broadcasts
from approvals.ballots import Ballot, Seen
from approvals.carrying import carry_over
from approvals.models import (
    Decision,
    Event,
    EventKind,
    IdempotencyKey,
    Interrupt,
    InterruptStatus,
    Thread,
    ThreadStatus,
    Verdict,
    Vote,
)
from approvals.models.facts import digest_of
from approvals.models.people import name_of
from approvals.policies import Act, require
from approvals.rights import hold_rights
from approvals.voting import act_on


class MissingSeen(ValueError):
    """The form did not say what was on screen, so nothing was decided. Reload the page and decide there."""


class Changed(Exception):
    """The question is no longer the one that was on screen. Nothing was decided; look at the new one."""

    def __init__(self, message: str = "", *, before: Interrupt | None = None, after: Interrupt | None = None) -> None:
        super().__init__(message or Changed.__doc__)
        self.before, self.after = before, after


class LimitPassed(Exception):
    """The time to decide is over, so your verdict was not counted. The policy decides this now."""


class TooLate(Exception):
    """The worker has carried on already, so this cannot be taken back any more."""


class AlreadyDecided(Exception):
    """Somebody was first, or nobody was in time."""

    def __init__(self, decision: Decision) -> None:
        self.winner = decision.decided_by_name or "The policy"
        self.verdict = Verdict(decision.verdict)
        self.at: datetime = decision.decided_at
        super().__init__(
            f"{self.winner} decided this first: {self.verdict.label.lower()}. Your verdict was not counted."
        )


def decide(person: User, interrupt_id: uuid.UUID, ballot: Ballot, *, proved_at: datetime | None = None) -> Interrupt:
    """One reviewer's verdict, and the decision when it settles the question; all of it or nothing. `proved_at` is when
    they last showed who they are, where that was asked of them.

    Raises MissingSeen, Changed, LimitPassed, AlreadyDecided, NotAllowed, BadAnswer, KeyReused.
    """
    _require_seen(ballot.seen)
    thread_id = Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)
    with transaction.atomic():
        taken, is_new = IdempotencyKey.take(person=person, key=ballot.key, body=[str(interrupt_id), ballot])
        if not is_new:
            return Interrupt.objects.get(id=taken.result)
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        _refuse_stale(thread, interrupt, ballot.seen)
        reviewer = hold_rights(person)
        require(reviewer, Act.BREAK_GLASS if ballot.breaks_glass else Act.DECIDE, interrupt)
        interrupt = act_on(thread, interrupt, ballot, reviewer, proved_at=proved_at)
        taken.remember(interrupt.id)
    broadcasts.thread_changed(thread)
    return interrupt


def withdraw(person: User, interrupt_id: uuid.UUID) -> Interrupt:
    """Take one's vote back while the question is open. Raises NotAllowed."""
    thread_id = Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        reviewer = hold_rights(person)
        require(reviewer, Act.WITHDRAW, interrupt)
        vote = Vote.cast(interrupt, by=reviewer, verdict=Verdict.WITHDRAW, seen_checkpoint_id=interrupt.checkpoint_id)
        told = {"interrupt": str(interrupt.id), "row_sha256": digest_of(vote)}
        Event.append(thread, EventKind.VOTE_WITHDRAWN, by=reviewer, **told)
    broadcasts.thread_changed(thread)
    return interrupt


def undo(person: User, interrupt_id: uuid.UUID) -> Interrupt:
    """Take one's own decision back while its worker still waits; the same question is open again under a new row.

    Raises NotAllowed when somebody else decided, TooLate when the worker has carried on. Undo and worker race for the
    thread's lock: exactly one of them wins.
    """
    thread_id = Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        if not Interrupt.objects.undoable().filter(id=interrupt_id).exists():
            raise TooLate(_why_too_late(interrupt))
        require(hold_rights(person), Act.UNDO, interrupt)
        _keep_worker_waiting(thread)
        reason = f"Taken back by {name_of(person)}."
        interrupt.decision.void(reason)
        interrupt.move(InterruptStatus.SUPERSEDED, since=InterruptStatus.DECIDED)
        again = interrupt.ask_again()
        carried = carry_over(interrupt, again, without=person)
        thread.move(ThreadStatus.PAUSED, since=(ThreadStatus.QUEUED,))
        told = {"interrupt": str(interrupt.id), "again": str(again.id), "again_sha256": digest_of(again)}
        kept = {"carried": [digest_of(vote) for vote in carried], "void_reason": reason}
        Event.append(thread, EventKind.DECISION_UNDONE, by=person, **told, **kept)
    broadcasts.thread_changed(thread)
    return again


def _why_too_late(interrupt: Interrupt) -> str:
    """Of a decision that is void already: why it is."""
    void = Decision.objects.filter(interrupt=interrupt, voided_at__isnull=False).first()
    return (
        f"This is void already, so there is nothing to take back. {void.void_reason}" if void else str(TooLate.__doc__)
    )


def _keep_worker_waiting(thread: Thread) -> None:
    waiting = thread.runs.live().first()
    if waiting is not None and not waiting.cancel_before_due():
        raise TooLate(TooLate.__doc__)


def _require_seen(seen: Seen) -> None:
    if not (seen.interrupt_id and seen.checkpoint_id and seen.payload_sha256):
        raise MissingSeen(MissingSeen.__doc__)


def _refuse_stale(thread: Thread, interrupt: Interrupt, seen: Seen) -> None:
    if interrupt.status in {InterruptStatus.DECIDED, InterruptStatus.APPLIED}:
        raise AlreadyDecided(interrupt.decision)
    on_screen = (seen.interrupt_id, seen.checkpoint_id, seen.payload_sha256)
    now = (interrupt.interrupt_id, interrupt.checkpoint_id, interrupt.payload_sha256)
    if interrupt.status != InterruptStatus.OPEN or on_screen != now:
        raise _changed(thread, interrupt, seen)
    if thread.status != ThreadStatus.PAUSED:
        raise Changed(
            "Somebody is editing the state behind this question. Nothing was decided; look again in a moment."
        )
    if interrupt.refuses_after(thread.now):
        raise LimitPassed(LimitPassed.__doc__)


def _changed(thread: Thread, interrupt: Interrupt, seen: Seen) -> Changed:
    """With the question that was on screen and the one its node asks now, so far as they are on record."""
    asked = Interrupt.objects.filter(thread=thread)
    same = asked.filter(interrupt_id=seen.interrupt_id, payload_sha256=seen.payload_sha256)
    # Of several rows with these bytes, the one that was answered: another may be a changed version of it.
    before = same.filter(id=interrupt.id).first() or same.order_by("-created_at", "-asked").first()
    now = asked.open().order_by("-created_at")
    after = now.filter(interrupt_id=interrupt.interrupt_id).first() or now.filter(node=interrupt.node).first()
    return Changed(before=before, after=after)
