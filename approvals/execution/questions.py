"""The rows of questions, made equal to what is pending at the head of their thread."""

import json
from typing import Any

import structlog
from django.contrib.auth.models import User

from approvals.blocked import alert
from approvals.carrying import carry_over
from approvals.choosing import Asking, choose, sample_key
from approvals.combining import advised, approves_all, snapshot_of, told_of
from approvals.enough import can_be_decided
from approvals.models import (
    Asked,
    AtLimit,
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    QuestionKind,
    Run,
    RunKind,
    Thread,
    Via,
)
from approvals.models import Verdict as Given
from approvals.models.facts import digest_of
from approvals.opened import registry
from chains.asking import Verdict
from chains.heads import Head, Pending
from chains.questions import BadAnswer, Question, Reply, build_answer, read_question

log = structlog.get_logger(__name__)

STOPPED = "The request was stopped."
REFUSED = "The graph did not take this answer, so the question was asked again."
TAKEN_BACK = "The request was taken back to an earlier step."
WENT_ON = "The requester sent another message instead."
CHANGED = "The graph changed the question before the decision reached it."
EDITED = "The state was edited before this decision reached the graph."
BY_ITSELF = "The policy approves this without asking."
# What each limit says in the place of people.
AT_LIMIT = {AtLimit.REJECT: Verdict.REJECT, AtLimit.APPROVE: Verdict.APPROVE}
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
        is_decided = hasattr(interrupt, "decision")
        if is_decided:
            interrupt.decision.void(STOPPED)
        told: dict[str, Any] = {"void_reason": STOPPED} if is_decided else {}
        Event.append(thread, EventKind.INTERRUPT_CANCELLED, interrupt=str(interrupt.id), **told)


def _close(thread: Thread, run: Run, interrupt: Interrupt, head: Head) -> None:
    """A question that is no longer asked: carried out, or replaced before its decision reached it."""
    why_void = _why_void(run, interrupt, head)
    if interrupt.status == InterruptStatus.DECIDED and not why_void:
        _carried_out(thread, run, interrupt)
        return
    if interrupt.status == InterruptStatus.DECIDED:
        interrupt.decision.void(why_void)
        Event.append(thread, EventKind.DECISION_VOIDED, interrupt=str(interrupt.id), void_reason=why_void)
    interrupt.move(InterruptStatus.SUPERSEDED, since=InterruptStatus(interrupt.status))
    Event.append(thread, EventKind.INTERRUPT_SUPERSEDED, interrupt=str(interrupt.id), run=str(run.id))


def _carried_out(thread: Thread, run: Run, interrupt: Interrupt) -> None:
    interrupt.decision.apply(run.generation)
    interrupt.move(InterruptStatus.APPLIED, since=InterruptStatus.DECIDED)
    Event.append(thread, EventKind.DECISION_APPLIED, interrupt=str(interrupt.id), run=str(run.id))


def _why_void(run: Run, interrupt: Interrupt, head: Head) -> str:
    """Empty when the graph went past the question with the answer. An edit takes every question away, those of which a
    lost worker may have handed over the answer, too; such a decision is never called void.
    """
    if run.kind in WHY_VOID:
        return WHY_VOID[RunKind(run.kind)]
    if run.kind == RunKind.EDIT and Interrupt.objects.never_handed_over().filter(id=interrupt.id).exists():
        return EDITED
    return CHANGED if _was_replaced(interrupt, head) else ""


def _was_replaced(interrupt: Interrupt, head: Head) -> bool:
    """The node asks something else under the same id, or says outright that its question changed."""
    for pending in head.pending:
        replaces = pending.value.get("replaces") if isinstance(pending.value, dict) else None
        if pending.interrupt_id == interrupt.interrupt_id or replaces == interrupt.payload_sha256:
            return True
    return False


def _raise(thread: Thread, pending: Pending, head: Head) -> None:
    question = read_question(json.loads(pending.payload), pending.response_schema, node=pending.node)
    requester = User.objects.filter(id=thread.requested_by_id or 0).first()
    parts = tuple((item.action, item.arguments) for item in question.items)
    asking = Asking(thread.chain, pending.node, requester, thread.input, parts)
    chosen = advised(choose(asking), registry().get(thread.chain).policy)
    kept = snapshot_of(chosen, thread.now, requester=requester)
    if not all(AT_LIMIT.get(AtLimit(kept["at_limit"]), Verdict.REJECT) in item.allowed for item in question.items):
        kept["at_limit"] = AtLimit.HOLD  # a question that takes no such verdict stays open
    interrupt = Interrupt.raise_for(thread, _asked(pending, head, question), kept)
    before = _same_asked_before(interrupt)
    carried = carry_over(before, interrupt) if before is not None else []
    Event.append(
        thread,
        EventKind.INTERRUPT_RAISED,
        interrupt=str(interrupt.id),
        node=interrupt.node,
        payload_sha256=interrupt.payload_sha256,
        policy=interrupt.policy,
        version=chosen.policy.version,
        row_sha256=digest_of(interrupt),
        carried=[digest_of(vote) for vote in carried],
        **told_of(chosen),
    )
    if approves_all(chosen, asking, key=sample_key(interrupt)):
        _approve(thread, interrupt, question)
    elif not can_be_decided(interrupt):
        alert(thread, interrupt)


def _same_asked_before(interrupt: Interrupt) -> Interrupt | None:
    """The row of the very same bytes that was closed without a decision, when it is the last one of that node."""
    rows = Interrupt.objects.filter(thread=interrupt.thread_id, node=interrupt.node).exclude(id=interrupt.id)
    last = rows.order_by("-created_at", "-asked").first()
    same = last is not None and last.payload_sha256 == interrupt.payload_sha256 and not last.is_proposal
    undecided = last is not None and last.status == InterruptStatus.SUPERSEDED and not hasattr(last, "decision")
    return last if same and undecided else None


def _approve(thread: Thread, interrupt: Interrupt, question: Question) -> None:
    """As the policy says, without asking anybody. What the graph would not take is asked after all."""
    by = f"Policy: {interrupt.policy}"
    try:
        replies = [Reply(Verdict.APPROVE)] * len(question.items)
        sha256 = interrupt.payload_sha256
        answer = build_answer(question, replies, payload_sha256=sha256, reviewer=by, is_by_policy=True)
    except BadAnswer:
        log.exception("a question its policy approves takes no approval, it stays open")
        return
    Decision.make(
        thread, interrupt, verdict=Given.APPROVE, answer=answer, note=BY_ITSELF, via=Via.POLICY, automatic=True
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
