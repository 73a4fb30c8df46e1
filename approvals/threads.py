"""What people do with threads: submit, message, carry on, edit the state, stop. Rows first, then the doorbell."""

import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from approvals import broadcasts, inspection, tasks
from approvals.answered import unasked
from approvals.execution import cancel_questions
from approvals.inspection import Edit
from approvals.models import (
    Effect,
    Event,
    EventKind,
    IdempotencyKey,
    Interrupt,
    Outbox,
    Removal,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
)
from approvals.policies import Act, NotAllowed, require
from approvals.record.differences import differences
from approvals.watching import tell_watchers

STOPPABLE = (ThreadStatus.QUEUED, ThreadStatus.PAUSED, ThreadStatus.FAILED)
EDITABLE = (ThreadStatus.PAUSED, ThreadStatus.FAILED)
REPLAYABLE = (ThreadStatus.PAUSED, ThreadStatus.FAILED, ThreadStatus.DONE)


class Discards(Exception):
    """A question is still open, and this message would discard it. Send it again if you mean that."""


class NotNow(Exception):
    """The thread is doing something else at the moment; the message says what."""


@dataclass(frozen=True)
class Retried:
    """`refused` were left as they are, each with why, in words."""

    done: list[Thread]
    refused: list[tuple[Thread, str]]


def submit(person: User, chain_name: str, values: dict[str, Any], *, key: str = "") -> Thread:
    """A new thread, with values the chain's form has checked. The same key gives the same thread again.

    Raises NotAllowed, UnknownChain, KeyReused.
    """
    chain = inspection.chain(chain_name)
    with transaction.atomic():
        require(person, Act.SUBMIT)
        taken, is_new = IdempotencyKey.take(person=person, key=key, body=["submit", chain_name, values])
        if not is_new:
            return Thread.objects.get(id=taken.result)
        title = chain.title_for(values)
        thread = Thread.submit(chain=chain.name, version=chain.version, title=title, values=values, by=person)
        Event.append(thread, EventKind.THREAD_SUBMITTED, by=person, chain=chain.name, version=chain.version)
        tasks.ring_after_commit(Run.owe(thread, RunKind.START, by=person))
        taken.remember(thread.id)
    broadcasts.thread_changed(thread)
    return thread


def send_message(
    person: User, thread_id: uuid.UUID, values: dict[str, Any], *, key: str = "", discard: bool = False
) -> Thread:
    """The next turn of a finished thread, or of one that waits, whose questions it then discards.

    Raises NotAllowed, NotNow, KeyReused, and Discards when `discard` does not say that this is meant.
    """
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.MESSAGE, thread)
        taken, is_new = IdempotencyKey.take(person=person, key=key, body=["message", str(thread_id), values, discard])
        if not is_new:
            return thread
        require_status(thread, ThreadStatus.DONE, ThreadStatus.PAUSED)
        if thread.status == ThreadStatus.PAUSED and not discard:
            raise Discards(Discards.__doc__)
        _owe(thread, RunKind.MESSAGE, by=person, payload={"values": values, "discards": discard})
        Event.append(thread, EventKind.MESSAGE_SENT, by=person)
        taken.remember(thread.id)
    broadcasts.thread_changed(thread)
    return thread


def carry_on(
    person: User, thread_id: uuid.UUID, *, reason: str = "", since: tuple[ThreadStatus, ...] = EDITABLE
) -> Thread:
    """Retry a failed thread, or resume one whose state was edited; not while an outside call of it is in doubt, which
    would only fail again. Raises NotAllowed, NotNow.
    """
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.CARRY_ON, thread)
        require_status(thread, *since)
        if Interrupt.objects.open().filter(thread=thread).exists():
            raise NotNow("A question is still open. Decide it, and the worker carries on.")
        if Effect.objects.in_doubt(thread).exists():
            raise NotNow("Nobody knows whether an outside call of it happened. Say so on its page first.")
        _owe(thread, RunKind.CONTINUE, by=person, reason=reason)
        Event.append(thread, EventKind.RUN_REQUESTED, by=person, reason=reason)
    broadcasts.thread_changed(thread)
    return thread


def retry(person: User, thread_id: uuid.UUID, *, reason: str = "") -> Thread:
    """As carry_on(), of a failed thread only."""
    return carry_on(person, thread_id, reason=reason, since=(ThreadStatus.FAILED,))


def retry_all(person: User, threads: Iterable[Thread], *, reason: str = "") -> Retried:
    """Each in a transaction of its own: one that cannot be retried holds up none."""
    result = Retried([], [])
    for thread in threads:
        try:
            result.done.append(retry(person, thread.id, reason=reason))
        except (NotAllowed, NotNow) as error:
            result.refused.append((thread, str(error)))
    return result


def requeue(person: User, run_id: uuid.UUID, *, reason: str) -> Thread:
    """Ring again for a run that no worker has taken up; one that has to wait still waits. Raises NotAllowed, NotNow."""
    thread_id = Run.objects.values_list("thread_id", flat=True).get(id=run_id)
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.REQUEUE, thread)
        run = Run.objects.get(id=run_id)
        if run.status != RunStatus.PENDING:
            raise NotNow(f"No worker is owed to this run: {run.get_status_display().lower()}.")
        Outbox.owe_again(run.id, delay=timedelta())
        Event.append(thread, EventKind.RUN_REQUESTED, by=person, reason=reason, requeued=str(run.id))
        tasks.ring_after_commit(run)
    return thread


def ask_again(person: User, thread_id: uuid.UUID, *, reason: str = "") -> Thread:
    """Put a question anew whose answer the graph failed on. Raises NotAllowed, NotNow.

    Retrying would give the node the same answer again.
    """
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.CARRY_ON, thread)
        require_status(thread, ThreadStatus.FAILED)
        failed_on = Interrupt.objects.pending().filter(thread=thread).first()
        if failed_on is None:
            raise NotNow("There is no question to ask again. Retry instead.")
        _owe(thread, RunKind.FORK, by=person, payload={"checkpoint_id": failed_on.checkpoint_id}, reason=reason)
        Event.append(thread, EventKind.RUN_REQUESTED, by=person, reason=reason, ask_again=str(failed_on.id))
    broadcasts.thread_changed(thread)
    return thread


def settle_effect(person: User, thread_id: uuid.UUID, effect_id: int, *, happened: bool, reason: str) -> Thread:
    """Say what became of an outside call whose worker died in the middle. When it was the last one in doubt, the
    worker carries on: it takes what happened as done, and makes again what did not. Raises NotAllowed, NotNow.
    """
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.SETTLE, thread)
        require_status(thread, ThreadStatus.FAILED)
        found = Effect.objects.in_doubt(thread).filter(id=effect_id).first()
        if found is None or not found.settle(happened=happened):
            raise NotNow("This call is not in doubt any more. Reload the page.")
        Event.append(thread, EventKind.EFFECT_SETTLED, by=person, effect=found.name, happened=happened, reason=reason)
        if not Effect.objects.in_doubt(thread).exists():
            _owe(thread, RunKind.CONTINUE, by=person, reason=reason)
    broadcasts.thread_changed(thread)
    return thread


def edit_state(
    person: User,
    thread_id: uuid.UUID,
    values: dict[str, Any],
    *,
    seen_checkpoint_id: str,
    reason: str,
    as_node: str = "",
    may_pass: bool = False,
) -> Thread:
    """Have a worker store an edit of the state the person saw. The thread stays paused afterwards.

    `may_pass` confirms that a waiting question may be passed by, or what is behind one that was answered be run with
    values that nobody was asked about. Raises NotAllowed, NotNow, BadEdit (PassesBy when that
    confirmation is missing) or HeadMoved, with nothing stored.
    """
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.EDIT_STATE, thread)
        require_status(thread, *EDITABLE)
        edit = Edit(values, as_node, may_pass)
        preview = inspection.preview_state_edit(thread, edit, seen_checkpoint_id=seen_checkpoint_id)
        if preview.skipped or unasked(thread, seen_checkpoint_id, preview.next, edit):
            require(person, Act.REROUTE, thread)
        payload = {**asdict(edit), "checkpoint_id": seen_checkpoint_id, "thread_status": thread.status}
        payload["changes"] = _changes(thread, edit, seen_checkpoint_id)
        _owe(thread, RunKind.EDIT, by=person, payload=payload, reason=reason)
    broadcasts.thread_changed(thread)
    return thread


def replay(person: User, thread_id: uuid.UUID, checkpoint_id: str, *, reason: str, edit: Edit | None = None) -> Thread:
    """Go on from an earlier checkpoint, with or without an edit of it. Its open questions are replaced; the old branch
    stays in the history. Raises NotAllowed, NotNow, BadEdit (PassesBy when the edit goes past a waiting node, or behind
    a question that was answered, and does not say so) or HeadMoved, with nothing stored.
    """
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.REPLAY, thread)
        if edit is not None:
            require(person, Act.EDIT_STATE, thread)
        require_status(thread, *REPLAYABLE)
        plan = inspection.plan_replay(thread, checkpoint_id, edit)
        silent = unasked(thread, checkpoint_id, plan.next, edit)
        if plan.skipped or silent:
            require(person, Act.REROUTE, thread)
        payload = {**asdict(edit or Edit({})), "checkpoint_id": checkpoint_id, "thread_status": thread.status}
        _owe(thread, RunKind.REPLAY, by=person, payload=payload, reason=reason)
        found: dict[str, Any] = {"checkpoint": checkpoint_id, "next": list(plan.next)}
        found["keys"] = sorted(edit.values) if edit else []
        found |= {"passed_by": list(plan.skipped)} if plan.skipped else {}
        found |= {"unasked": list(silent)} if silent else {}
        found |= {"changes": _changes(thread, edit, checkpoint_id)} if edit else {}
        Event.append(thread, EventKind.THREAD_REPLAYED, by=person, reason=reason, **found)
    broadcasts.thread_changed(thread)
    return thread


def stop(person: User, thread_id: uuid.UUID, *, reason: str = "") -> Thread:
    """End a thread: at once when no worker has it, else at the end of the step it is in. Raises NotAllowed, NotNow."""
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        require(person, Act.STOP, thread)
        if thread.is_ended:
            raise NotNow(f"This has ended already: {thread.get_status_display().lower()}.")
        running = thread.runs.filter(status=RunStatus.RUNNING).exists()
        Event.append(thread, EventKind.STOP_REQUESTED, by=person, reason=reason)
        if running:
            thread.ask_to_stop()
        else:
            _end(thread, person)
    broadcasts.thread_changed(thread)
    return thread


def require_status(thread: Thread, *statuses: ThreadStatus) -> None:
    """Raises NotNow when the thread is in none of them, or a worker has it."""
    if thread.status in statuses and not thread.runs.live().exists():
        return
    if thread.status == ThreadStatus.CANCELLED:
        raise NotNow("This was stopped for good. Send the request again to start over.")
    raise NotNow(f"This cannot be done now: {thread.get_status_display().lower()}. Reload the page.")


def _changes(thread: Thread, edit: Edit, checkpoint_id: str) -> list[dict[str, Any]]:
    """For the record, which outlives checkpoints."""
    form = inspection.state_form(thread, checkpoint_id=checkpoint_id)
    return differences(form.values if form else {}, edit.values)


def _end(thread: Thread, person: User) -> None:
    for run in thread.runs.live():
        run.cancel()
    cancel_questions(thread)
    thread.move(ThreadStatus.CANCELLED, since=STOPPABLE)
    Event.append(thread, EventKind.THREAD_STOPPED, by=person)
    tell_watchers(thread, by=person)


def _owe(thread: Thread, kind: RunKind, *, by: User, payload: dict[str, Any] | None = None, reason: str = "") -> None:
    """The thread leaves its resting place at once, so that nobody decides on what is about to change. Raises NotNow."""
    if hindrance := Removal.hindrance(thread):
        raise NotNow(hindrance)
    run = Run.owe(thread, kind, by=by, payload=payload, reason=reason)
    thread.move(ThreadStatus.QUEUED, since=(ThreadStatus.PAUSED, ThreadStatus.FAILED, ThreadStatus.DONE))
    tasks.ring_after_commit(run)
