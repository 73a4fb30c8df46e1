"""Time limits: what becomes of a question nobody decided in time. Only the database's clock counts."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Q

from approvals import broadcasts, inspection, queueing, steps, voting
from approvals.models import (
    NEVER_BY_ITSELF,
    AtLimit,
    Event,
    EventKind,
    Hold,
    Interrupt,
    InterruptStatus,
    Thread,
    ThreadStatus,
    Verdict,
    Via,
)
from approvals.models.interrupt_queries import InterruptQuerySet

log = structlog.get_logger(__name__)

NOTE = "Nobody decided in time."
BY_POLICY = {AtLimit.REJECT: Verdict.REJECT, AtLimit.APPROVE: Verdict.APPROVE}
AT_ONCE = 200


def sweep() -> None:
    """Everything whose time has come; called by every worker's sweep. What a policy decides needs no reminder first."""
    _each(_past_limit(), expire)
    _each(Interrupt.objects.step_due().order_by("next_step_at"), steps.take)
    _each(Interrupt.objects.with_lapsed_claim().order_by("claim_ends_at"), _end_claim)
    _each(Interrupt.objects.past_start().order_by("start_by"), steps.pass_start)


def expire(interrupt_id: uuid.UUID) -> bool:
    """Let the policy decide, or mark the question overdue. False: a person was first, or the limit is not reached.

    It takes the same locks in the same order as a person's decision, so exactly one of them wins.
    """
    thread_id = Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        if interrupt.due_at is None or interrupt.due_at > thread.now or interrupt.status != InterruptStatus.OPEN:
            return False
        if Hold.is_on(thread.id):
            return False
        settled = _decide(thread, interrupt)
    if settled:
        broadcasts.thread_changed(thread)
    return settled


def _past_limit() -> InterruptQuerySet:
    """Without those whose state is being edited, or whose request has failed or is held: nothing is decided then, and
    they must not keep others from being looked at.
    """
    ready = Q(at_limit=AtLimit.HOLD) | Q(thread__status=ThreadStatus.PAUSED)
    return Interrupt.objects.past_limit().filter(ready, thread__hold__isnull=True).order_by("due_at")


def _each(found: InterruptQuerySet, act: Callable[[uuid.UUID], object]) -> None:
    """One that cannot be done does not keep the others from it; a lost connection does, until the next sweep."""
    for interrupt_id in found.values_list("id", flat=True)[:AT_ONCE]:
        try:
            act(interrupt_id)
        except DatabaseError:
            if not connection.is_usable():
                raise
            log.exception("a question whose time has come is tried again", interrupt=str(interrupt_id))
        except Exception:
            log.exception("a question whose time has come is tried again", interrupt=str(interrupt_id))


def _end_claim(interrupt_id: uuid.UUID) -> None:
    """A claim that lapsed, before the time to claim is looked at: it runs again from that moment on."""
    thread_id = Interrupt.objects.values_list("thread_id", flat=True).get(id=interrupt_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        interrupt = Interrupt.objects.locked(interrupt_id)
        ended = interrupt.is_open and queueing.end_claim(thread, interrupt, lapsed=True)
    if ended:
        broadcasts.thread_changed(thread)


def _decide(thread: Thread, interrupt: Interrupt) -> bool:
    """As the policy says; what the graph would not take stays open."""
    if interrupt.overdue_at is not None:
        return False
    verdict = _verdict(interrupt)
    if verdict is None:
        return _mark_overdue(thread, interrupt)
    if thread.status != ThreadStatus.PAUSED:
        return False  # its state is being edited: the sweep comes again
    try:
        answer = inspection.answer_by_policy(interrupt, verdict, note=NOTE)
    except inspection.BadAnswer:
        log.exception("a question past its limit takes no such answer, it stays open")
        return _mark_overdue(thread, interrupt)
    Event.append(thread, EventKind.LIMIT_PASSED, interrupt=str(interrupt.id), outcome=verdict.value)
    voting.settle(thread, interrupt, verdict=verdict, answer=answer, note=NOTE, via=Via.POLICY)
    return True


def _verdict(interrupt: Interrupt) -> Verdict | None:
    """None: it stays open. Silence approves nothing that is risky, that a reviewer rejected, or that a reviewer changed
    and nobody has looked at since.
    """
    verdict = BY_POLICY.get(AtLimit(interrupt.at_limit))
    if verdict == Verdict.APPROVE:
        rejected = any(vote.verdict == Verdict.REJECT for vote in voting.counted(interrupt))
        if interrupt.risk in NEVER_BY_ITSELF or interrupt.is_proposal or rejected:
            return None
    return verdict


def _mark_overdue(thread: Thread, interrupt: Interrupt) -> bool:
    """After the steps that were due before, so that after an outage all of it happens in its order."""
    if interrupt.due_at is None or not interrupt.mark_overdue():
        return False
    steps.take_until(thread, interrupt, interrupt.due_at - timedelta(microseconds=1))
    Event.append(thread, EventKind.LIMIT_PASSED, interrupt=str(interrupt.id), outcome=AtLimit.HOLD.value)
    steps.tell_overdue(thread, interrupt)
    return True
