"""Recording what came of a run: one transaction, and nothing at all when the run was taken over meanwhile."""

from decimal import Decimal
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction

from approvals import broadcasts
from approvals.models import (
    Asked,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Policy,
    QuestionKind,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
)
from chains.chat_models import price
from chains.heads import Head, HeadStatus, Pending
from chains.questions import read_question
from chains.runner import Outcome

log = structlog.get_logger(__name__)

RUNNING = (ThreadStatus.RUNNING,)
REFUSED = "The graph did not take this answer, so the question was asked again."
CHANGED = "The graph changed the question before the decision reached it."
UNEXPLAINED = "The graph stopped before its end without saying why. Retry it."


def record(run: Run, outcome: Outcome) -> bool:
    """False: another worker has the run by now, and nothing was written."""
    with transaction.atomic():
        thread = Thread.objects.locked(run.thread_id)
        status = _thread_status(thread, run, outcome)
        if not run.finish(_run_status(status, outcome), **_facts(outcome, status)):
            log.error("run was taken over, nothing recorded")
            return False
        _settle_questions(thread, run, outcome.head)
        if status is ThreadStatus.CANCELLED:
            cancel_questions(thread)
        status = _with_open_questions(thread, status)
        thread.move(status, since=RUNNING)
        _tell(thread, run, status, outcome)
    broadcasts.thread_changed(thread)
    return True


def record_refusal(run: Run, error_class: str, message: str) -> bool:
    """The run could not do its work. A refused edit leaves the thread paused as it was; anything else fails it."""
    with transaction.atomic():
        thread = Thread.objects.locked(run.thread_id)
        if not run.finish(RunStatus.FAILED, error_class=error_class[:200], error_message=message[:1000]):
            return False
        if run.kind == RunKind.EDIT:
            thread.move(ThreadStatus(run.payload["thread_status"]), since=RUNNING)
            Event.append(thread, EventKind.STATE_EDIT_REFUSED, run=str(run.id), error=message)
        else:
            thread.move(ThreadStatus.FAILED, since=RUNNING)
            Event.append(thread, EventKind.THREAD_FAILED, run=str(run.id), error=message)
    broadcasts.thread_changed(thread)
    return True


def cancel_questions(thread: Thread) -> None:
    """Take every pending question of a thread out of every queue."""
    for interrupt in Interrupt.objects.pending().filter(thread=thread):
        interrupt.move(InterruptStatus.CANCELLED, since=InterruptStatus(interrupt.status))
        if hasattr(interrupt, "decision"):
            interrupt.decision.void("The request was stopped.")
        Event.append(thread, EventKind.INTERRUPT_CANCELLED, interrupt=str(interrupt.id))


def _thread_status(thread: Thread, run: Run, outcome: Outcome) -> ThreadStatus:
    if outcome.failure is None and outcome.head.status is HeadStatus.FINISHED:
        return ThreadStatus.DONE
    if thread.stop_requested_at is not None:
        return ThreadStatus.CANCELLED
    if outcome.failure is not None:
        return ThreadStatus.FAILED
    paused = outcome.head.status is HeadStatus.WAITING or run.kind == RunKind.EDIT
    return ThreadStatus.PAUSED if paused else ThreadStatus.FAILED


def _run_status(status: ThreadStatus, outcome: Outcome) -> RunStatus:
    if status is ThreadStatus.CANCELLED:
        return RunStatus.CANCELLED
    return RunStatus.FAILED if status is ThreadStatus.FAILED or outcome.failure else RunStatus.SUCCEEDED


def _facts(outcome: Outcome, status: ThreadStatus) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "tokens_in": sum(tokens for tokens, _ in outcome.usage.values()),
        "tokens_out": sum(tokens for _, tokens in outcome.usage.values()),
        "cost": _cost(outcome),
    }
    if outcome.failure is not None:
        facts |= {"error_class": outcome.failure.error_class[:200], "error_message": outcome.failure.message[:1000]}
    elif status is ThreadStatus.FAILED:
        facts |= {"error_class": "Unexplained", "error_message": UNEXPLAINED}
    return facts


def _cost(outcome: Outcome) -> Decimal | None:
    """US dollars, or None when the price of one of the models is not known."""
    prices = [price(_full_name(model), tokens_in=sent, tokens_out=got) for model, (sent, got) in outcome.usage.items()]
    known = [Decimal(str(amount)) for amount in prices if amount is not None]
    return sum(known, Decimal(0)) if len(known) == len(prices) else None


def _full_name(model: str) -> str:
    """Models report their bare name; a price is that of a provider's model."""
    provider, colon, _ = settings.HOLDPOINT_MODEL.partition(":")
    return f"{provider}{colon}{model}" if colon else model


def _settle_questions(thread: Thread, run: Run, head: Head) -> None:
    """Make the pending rows equal to what is pending at the head."""
    asked = {pending.key: pending for pending in head.pending}
    rows = Interrupt.objects.pending().filter(thread=thread).select_related("decision")
    for interrupt in rows:
        if interrupt.key not in asked:
            _close(thread, run, interrupt, head)
    known = {interrupt.key for interrupt in rows}
    for key, pending in asked.items():
        if key not in known:
            _raise(thread, pending, head)


def _close(thread: Thread, run: Run, interrupt: Interrupt, head: Head) -> None:
    """A question that is no longer asked: carried out, or replaced before its decision reached it."""
    replaced = run.kind == RunKind.FORK or _was_replaced(interrupt, head)
    if interrupt.status == InterruptStatus.DECIDED and not replaced:
        interrupt.decision.apply(run.generation)
        interrupt.move(InterruptStatus.APPLIED, since=InterruptStatus.DECIDED)
        Event.append(thread, EventKind.DECISION_APPLIED, interrupt=str(interrupt.id), run=str(run.id))
        return
    if interrupt.status == InterruptStatus.DECIDED:
        interrupt.decision.void(REFUSED if run.kind == RunKind.FORK else CHANGED)
        Event.append(thread, EventKind.DECISION_VOIDED, interrupt=str(interrupt.id))
    interrupt.move(InterruptStatus.SUPERSEDED, since=InterruptStatus(interrupt.status))
    Event.append(thread, EventKind.INTERRUPT_SUPERSEDED, interrupt=str(interrupt.id), run=str(run.id))


def _was_replaced(interrupt: Interrupt, head: Head) -> bool:
    """The node asks something else under the same id, or says outright that its question changed."""
    for pending in head.pending:
        replaces = pending.value.get("replaces") if isinstance(pending.value, dict) else None
        if pending.interrupt_id == interrupt.interrupt_id or replaces == interrupt.payload_sha256:
            return True
    return False


def _raise(thread: Thread, pending: Pending, head: Head) -> None:
    policy = Policy.objects.for_chain(thread.chain).snapshot()
    interrupt = Interrupt.raise_for(thread, _asked(pending, head), policy)
    Event.append(
        thread,
        EventKind.INTERRUPT_RAISED,
        interrupt=str(interrupt.id),
        node=interrupt.node,
        payload_sha256=interrupt.payload_sha256,
        policy=interrupt.policy,
    )


def _asked(pending: Pending, head: Head) -> Asked:
    question = read_question(pending.value, pending.response_schema, node=pending.node)
    return Asked(
        interrupt_id=pending.interrupt_id,
        namespace=pending.namespace,
        node=pending.node,
        checkpoint_id=head.checkpoint_id,
        payload=pending.payload,
        payload_sha256=pending.sha256,
        kind=QuestionKind(question.kind.value),
        title=question.item.title,
        context=question.item.description,
        response_schema=pending.response_schema,
    )


def _with_open_questions(thread: Thread, status: ThreadStatus) -> ThreadStatus:
    """A failing sibling does not hide a question that is still open; a question all decided is carried on with."""
    if status not in {ThreadStatus.FAILED, ThreadStatus.PAUSED}:
        return status
    pending = set(Interrupt.objects.pending().filter(thread=thread).values_list("status", flat=True))
    if status is ThreadStatus.FAILED and InterruptStatus.OPEN in pending:
        return ThreadStatus.PAUSED
    if status is ThreadStatus.PAUSED and pending == {InterruptStatus.DECIDED}:
        Run.owe(thread, RunKind.RESUME)
        return ThreadStatus.QUEUED
    return status


def _tell(thread: Thread, run: Run, status: ThreadStatus, outcome: Outcome) -> None:
    if status is ThreadStatus.DONE:
        Event.append(thread, EventKind.THREAD_FINISHED, run=str(run.id))
    elif status is ThreadStatus.CANCELLED:
        Event.append(thread, EventKind.THREAD_STOPPED, run=str(run.id))
    elif outcome.failure is not None or status is ThreadStatus.FAILED:
        message = outcome.failure.message if outcome.failure else UNEXPLAINED
        Event.append(thread, EventKind.THREAD_FAILED, run=str(run.id), error=message)
    elif run.kind == RunKind.EDIT:
        keys = sorted(run.payload["values"])
        Event.append(thread, EventKind.STATE_EDITED, by=run.requested_by, keys=keys, reason=run.reason)
