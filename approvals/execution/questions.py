"""The rows of questions, made equal to what is pending at the head of their thread."""

import json

from approvals.models import (
    Asked,
    AtLimit,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Policy,
    QuestionKind,
    Run,
    RunKind,
    Thread,
)
from approvals.opened import registry
from chains.asking import Verdict
from chains.heads import Head, Pending
from chains.questions import Question, read_question

REFUSED = "The graph did not take this answer, so the question was asked again."
TAKEN_BACK = "The request was taken back to an earlier step."
WENT_ON = "The requester sent another message instead."
CHANGED = "The graph changed the question before the decision reached it."
WHY_VOID = {RunKind.FORK: REFUSED, RunKind.REPLAY: TAKEN_BACK, RunKind.MESSAGE: WENT_ON}


def settle_questions(thread: Thread, run: Run, head: Head) -> None:
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


def cancel_questions(thread: Thread) -> None:
    """Take every pending question of a thread out of every queue."""
    for interrupt in Interrupt.objects.pending().filter(thread=thread):
        interrupt.move(InterruptStatus.CANCELLED, since=InterruptStatus(interrupt.status))
        if hasattr(interrupt, "decision"):
            interrupt.decision.void("The request was stopped.")
        Event.append(thread, EventKind.INTERRUPT_CANCELLED, interrupt=str(interrupt.id))


def _close(thread: Thread, run: Run, interrupt: Interrupt, head: Head) -> None:
    """A question that is no longer asked: carried out, or replaced before its decision reached it."""
    replaced = run.kind in WHY_VOID or _was_replaced(interrupt, head)
    if interrupt.status == InterruptStatus.DECIDED and not replaced:
        interrupt.decision.apply(run.generation)
        interrupt.move(InterruptStatus.APPLIED, since=InterruptStatus.DECIDED)
        Event.append(thread, EventKind.DECISION_APPLIED, interrupt=str(interrupt.id), run=str(run.id))
        return
    if interrupt.status == InterruptStatus.DECIDED:
        interrupt.decision.void(WHY_VOID.get(RunKind(run.kind), CHANGED))
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
    question = read_question(json.loads(pending.payload), pending.response_schema, node=pending.node)
    advice = registry().get(thread.chain).policy
    policy = Policy.objects.for_chain(thread.chain).advised(advice).snapshot()
    if not all(Verdict.REJECT in item.allowed for item in question.items):
        policy["at_limit"] = AtLimit.HOLD  # a question that cannot be rejected stays open
    interrupt = Interrupt.raise_for(thread, _asked(pending, head, question), policy)
    Event.append(
        thread,
        EventKind.INTERRUPT_RAISED,
        interrupt=str(interrupt.id),
        node=interrupt.node,
        payload_sha256=interrupt.payload_sha256,
        policy=interrupt.policy,
    )


def _asked(pending: Pending, head: Head, question: Question) -> Asked:
    return Asked(
        interrupt_id=pending.interrupt_id,
        namespace=pending.namespace,
        node=pending.node,
        checkpoint_id=head.checkpoint_id,
        payload=pending.payload,
        payload_sha256=pending.sha256,
        kind=QuestionKind(question.kind.value),
        title=question.title,
        context=question.item.description,
        response_schema=pending.response_schema,
    )
