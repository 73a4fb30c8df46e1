"""Recording what came of a run: one transaction, and nothing at all when the run was taken over meanwhile."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from approvals import broadcasts
from approvals.execution.questions import cancel_questions, settle_questions
from approvals.models import (
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
)
from approvals.opened import registry
from approvals.watch import counters
from approvals.watching import tell_watchers
from chains.chat_models import price
from chains.heads import HeadStatus
from chains.retrying import Retry
from chains.runner import Outcome

log = structlog.get_logger(__name__)

RUNNING = (ThreadStatus.RUNNING,)
ENDINGS = (ThreadStatus.DONE, ThreadStatus.FAILED, ThreadStatus.CANCELLED)
REFUSED = {RunKind.EDIT: EventKind.STATE_EDIT_REFUSED, RunKind.REPLAY: EventKind.REPLAY_REFUSED}
# What became of a run, beside the state its thread is in after it.
REFUSAL, PUT_OFF = "refused", "put_off"
UNEXPLAINED = "The graph stopped before its end without saying why. Retry it."


def record(run: Run, outcome: Outcome) -> bool:
    """False: another worker has the run by now, and nothing was written."""
    with transaction.atomic():
        thread = Thread.objects.locked(run.thread_id)
        if _is_worth_another_try(thread, run, outcome):
            return _put_off(thread, run, outcome)
        status = _thread_status(thread, run, outcome)
        if not run.finish(_run_status(status, outcome), **_facts(outcome, status)):
            log.error("run was taken over, nothing recorded")
            return False
        settle_questions(thread, run, outcome.head)
        if status is ThreadStatus.CANCELLED:
            cancel_questions(thread)
        status = _with_open_questions(thread, status)
        thread.move(status, since=RUNNING)
        _tell(thread, run, status, outcome)
        if status in ENDINGS:
            tell_watchers(thread)
    _count(run, status.value, outcome)
    broadcasts.thread_changed(thread)
    return True


def record_refusal(run: Run, error_class: str, message: str, *, untouched: bool = False) -> bool:
    """The run could not do its work. What left the thread `untouched` leaves it as it was; anything else fails it."""
    with transaction.atomic():
        thread = Thread.objects.locked(run.thread_id)
        if not run.finish(RunStatus.FAILED, error_class=error_class[:200], error_message=message[:1000]):
            return False
        if thread.stop_requested_at is not None:
            cancel_questions(thread)
            thread.move(ThreadStatus.CANCELLED, since=RUNNING)
            Event.append(thread, EventKind.THREAD_STOPPED, run=str(run.id))
        elif untouched:
            thread.move(ThreadStatus(run.payload["thread_status"]), since=RUNNING)
            Event.append(thread, REFUSED[RunKind(run.kind)], run=str(run.id), error=message)
        else:
            thread.move(ThreadStatus.FAILED, since=RUNNING)
            Event.append(thread, EventKind.THREAD_FAILED, run=str(run.id), error=message)
        if thread.stop_requested_at is not None or not untouched:
            tell_watchers(thread)
    _count(run, REFUSAL, None)
    broadcasts.thread_changed(thread)
    return True


def _is_worth_another_try(thread: Thread, run: Run, outcome: Outcome) -> bool:
    """Never while somebody still has to answer: what is decided already is simply handed to the graph again."""
    failure = outcome.failure
    if failure is None or not failure.is_passing or thread.stop_requested_at is not None:
        return False
    decided = {decision.interrupt.key for decision in Decision.objects.to_apply(thread.id)}
    is_answered = all(pending.key in decided for pending in outcome.head.pending)
    return is_answered and run.retries < _retry(thread).times


def _put_off(thread: Thread, run: Run, outcome: Outcome) -> bool:
    failure = outcome.failure
    assert failure is not None
    seconds = _retry(thread).pause(run.retries, chance=random.random(), asked=failure.pause)
    if not run.put_off(timedelta(seconds=seconds), **_facts(outcome, ThreadStatus.QUEUED)):
        log.error("run was taken over, nothing recorded")
        return False
    settle_questions(thread, run, outcome.head)
    thread.move(ThreadStatus.QUEUED, since=RUNNING)
    Event.append(
        thread, EventKind.RUN_PUT_OFF, run=str(run.id), error=failure.message, retry=run.retries + 1, seconds=seconds
    )
    transaction.on_commit(lambda: broadcasts.thread_changed(thread))
    transaction.on_commit(lambda: _count(run, PUT_OFF, outcome))
    return True


def _count(run: Run, state: str, outcome: Outcome | None) -> None:
    chain = counters.chains.of(run.thread.chain)
    counters.runs_ended.labels(chain, run.kind, state).inc()
    for name, (sent, got) in (outcome.usage if outcome else {}).items():
        model, amount = counters.models.of(name), price(_full_name(name), tokens_in=sent, tokens_out=got)
        counters.tokens.labels(chain, model, "in").inc(sent)
        counters.tokens.labels(chain, model, "out").inc(got)
        counters.cost.labels(chain, model).inc(amount or 0)


def _retry(thread: Thread) -> Retry:
    return registry().get(thread.chain).retry


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
    cost = _cost(outcome)
    facts: dict[str, Any] = {
        "tokens_in": F("tokens_in") + sum(tokens for tokens, _ in outcome.usage.values()),
        "tokens_out": F("tokens_out") + sum(tokens for _, tokens in outcome.usage.values()),
        "cost": None if cost is None else Coalesce(F("cost"), Value(Decimal(0))) + cost,
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
        told = {"keys": sorted(run.payload["values"]), "changes": run.payload.get("changes", []), "reason": run.reason}
        Event.append(thread, EventKind.STATE_EDITED, by=run.requested_by, **told)
