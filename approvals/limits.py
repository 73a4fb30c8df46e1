"""Time limits: what becomes of a question nobody decided in time. Only the database's clock counts."""

import uuid

import structlog
from django.db import transaction

from approvals import broadcasts, inspection, voting
from approvals.models import (
    NEVER_BY_ITSELF,
    AtLimit,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Thread,
    ThreadStatus,
    Verdict,
    Via,
)

log = structlog.get_logger(__name__)

NOTE = "Nobody decided in time."
BY_POLICY = {AtLimit.REJECT: Verdict.REJECT, AtLimit.APPROVE: Verdict.APPROVE}
AT_ONCE = 200


def sweep() -> None:
    """Everything that is past its limit now; called by every worker's sweep."""
    for interrupt_id in Interrupt.objects.past_limit().order_by("due_at").values_list("id", flat=True)[:AT_ONCE]:
        expire(interrupt_id)


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
        settled = _decide(thread, interrupt)
    if settled:
        broadcasts.thread_changed(thread)
    return settled


def _decide(thread: Thread, interrupt: Interrupt) -> bool:
    """As the policy says; what the graph would not take stays open."""
    verdict = BY_POLICY.get(AtLimit(interrupt.at_limit))
    if verdict is None or (verdict == Verdict.APPROVE and interrupt.risk in NEVER_BY_ITSELF):
        return _mark_overdue(thread, interrupt)
    if thread.status != ThreadStatus.PAUSED:
        return False  # its state is being edited: the sweep comes again
    try:
        answer = inspection.answer_by_policy(interrupt, verdict, note=NOTE)
    except inspection.BadAnswer:
        log.exception("a question past its limit takes no such answer, it stays open")
        return _mark_overdue(thread, interrupt)
    Event.append(thread, EventKind.LIMIT_PASSED, interrupt=str(interrupt.id))
    voting.settle(thread, interrupt, verdict=verdict, answer=answer, note=NOTE, via=Via.POLICY, undo=False)
    return True


def _mark_overdue(thread: Thread, interrupt: Interrupt) -> bool:
    marked = interrupt.mark_overdue()
    if marked:
        Event.append(thread, EventKind.LIMIT_PASSED, interrupt=str(interrupt.id))
    return marked
