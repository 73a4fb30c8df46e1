"""look(): what a worker does on any doorbell. It means "look at this run", never "do this"."""

import os
import socket
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import structlog
from django.conf import settings
from django.db import transaction

from approvals import broadcasts
from approvals.execution.heartbeat import Heartbeat
from approvals.execution.ledger import ThreadLedger
from approvals.execution.moving_places import may_take_up
from approvals.execution.progress import Feed
from approvals.execution.record import record, record_refusal
from approvals.execution.saver_away import put_off_until_back
from approvals.execution.watched import holding, showing, timed
from approvals.models import (
    Decision,
    Event,
    EventKind,
    Interrupt,
    Removal,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
)
from approvals.opened import checkpointer, compiled, registry
from approvals.watch.logs import Place, at_place
from chains.canonical import NotCanonical
from chains.checkpointers import Backend, Held, LockLost, SaverFailed, ThreadBusy
from chains.editing import Edit, HeadMoved, edit_state
from chains.forking import fork
from chains.heads import Drifted, read_head
from chains.registry import BrokenChain, Facts, UnknownChain
from chains.runner import CheckpointsGone, Outcome, Work, advance
from chains.settable import BadEdit
from chains.strict import CannotRead

log = structlog.get_logger(__name__)

# What stops a run before or beside its nodes, in words meant for people.
REFUSALS = (BadEdit, BrokenChain, CannotRead, CheckpointsGone, Drifted, HeadMoved, NotCanonical, UnknownChain)
STARTABLE = (ThreadStatus.QUEUED, ThreadStatus.PAUSED, ThreadStatus.FAILED, ThreadStatus.DONE, ThreadStatus.RUNNING)
TOO_MANY = "The worker stopped {attempts} times while working on this. Retry it, or ask an operator to look."


def look(run_id: uuid.UUID | str) -> None:
    """May be called any number of times, at any moment, for any id."""
    run = Run.objects.live().select_related("thread").filter(id=run_id).first()
    if run is None:
        return
    told = structlog.contextvars.bound_contextvars(thread_id=str(run.thread_id), run_id=str(run.id))
    with told, at_place() as place:
        _cut_off_silent_worker(run)
        if _look_at(run, place) or not _cut_off_silent_holder(run):
            return
        _look_at(run, place)


def _look_at(run: Run, place: Place) -> bool:
    """False when another worker holds the thread."""
    try:
        with holding(run, place) as held:
            _look_while_holding(run, held)
    except ThreadBusy:
        log.info("doorbell dropped: the thread is held")
        return False
    except SaverFailed:  # before the run was claimed: the sweep rings again
        log.exception("the checkpoints cannot be reached, nothing was done")
    except (psycopg.OperationalError, LockLost):
        # Cut off, or the database restarted: whoever holds the thread next reads the head and goes on from there.
        log.exception("the thread's connection is gone, nothing was recorded")
    return True


def _cut_off_silent_worker(run: Run) -> None:
    """A worker that missed its whole lease may be frozen, not dead: cut its connection before taking over."""
    if run.status != RunStatus.RUNNING:
        return
    orphan = Run.objects.orphaned().filter(id=run.id, lease_backend__isnull=False).first()
    if orphan is not None and orphan.lease_backend:
        gone = checkpointer().terminate(Backend.from_json(orphan.lease_backend))
        log.warning("silent worker cut off", worker=orphan.lease_owner, was_connected=gone)


def _cut_off_silent_holder(run: Run) -> bool:
    """A worker may vanish between taking a thread and claiming its run too, when there is no lease yet to be missed."""
    if run.status != RunStatus.PENDING:
        return False
    gone = checkpointer().terminate_silent(str(run.thread_id), seconds=settings.HOLDPOINT_LEASE_SECONDS)
    if gone:
        log.warning("silent holder cut off")
    return gone


def _look_while_holding(run: Run, held: Held) -> None:
    lease = timedelta(seconds=settings.HOLDPOINT_LEASE_SECONDS)
    if not _claim(run, held, lease):
        return
    with timed(run):
        _carry_out(run, held, lease)


def _carry_out(run: Run, held: Held, lease: timedelta) -> None:
    broadcasts.thread_changed(run.thread)
    if run.attempt > settings.HOLDPOINT_MAX_ATTEMPTS:
        untouched = run.kind == RunKind.EDIT
        record_refusal(run, "WorkerLost", TOO_MANY.format(attempts=run.attempt - 1), untouched=untouched)
        return
    try:
        with Heartbeat(run, held.backend, lease) as heartbeat:
            outcome = _take_step(run, held, heartbeat)
    except REFUSALS as error:
        # An edit writes last of all, and these two are raised before anything is written.
        untouched = run.kind == RunKind.EDIT or isinstance(error, BadEdit | HeadMoved)
        record_refusal(run, type(error).__name__, str(error), untouched=untouched)
    except SaverFailed as error:
        put_off_until_back(run, error)
    else:
        record(run, outcome)


def _claim(run: Run, held: Held, lease: timedelta) -> bool:
    with transaction.atomic():
        thread = Thread.objects.locked(run.thread_id)
        taken_over = run.attempt > 0
        owner = f"{socket.gethostname()}:{os.getpid()}"
        if not may_take_up(thread) or not run.claim(owner=owner, backend=held.backend.as_json(), lease=lease):
            return False
        thread.move(ThreadStatus.RUNNING, since=STARTABLE)
        run.thread = thread
        if taken_over:
            Event.append(thread, EventKind.RUN_TAKEN_OVER, run=str(run.id), attempt=run.attempt)
        return True


def _take_step(run: Run, held: Held, heartbeat: Heartbeat) -> Outcome:
    thread_id = str(run.thread_id)
    graph = compiled(run.thread.chain, held.saver, held.graphs)
    if run.thread.stop_requested_at is not None:  # asked of a worker that was lost before it heard
        return Outcome(read_head(graph, thread_id), drained=True)
    work = Work(
        run_id=str(run.id),
        first=_first_input(run),
        turn=_turn_input(run),
        discards=run.payload.get("discards", False),
        answers=_answers(run),
        ask_again_at=run.payload["checkpoint_id"] if run.kind == RunKind.FORK else "",
        by=run.requested_by_name,
        reason=run.reason,
    )
    if run.kind == RunKind.EDIT:
        return edit_state(graph, thread_id, work, _edit(run), expected=run.payload["checkpoint_id"])
    if run.kind == RunKind.REPLAY:
        fork(graph, thread_id, work, run.payload["checkpoint_id"], _edit(run) if run.payload["values"] else None)
    with Feed(run.thread) as feed, showing(feed.tell) as tell:
        return advance(
            graph,
            thread_id,
            work,
            control=heartbeat.control,
            on_step=_teller(run.thread),
            on_progress=tell,
            ledger=ThreadLedger(held, run),
        )


def _edit(run: Run) -> Edit:
    return Edit(run.payload["values"], run.payload["as_node"], may_pass=run.payload["may_pass"])


def _first_input(run: Run) -> dict[str, Any] | None:
    """What starts the thread when nothing of it was saved yet, be it for the first time or after a failed start. One
    that was under way must not begin anew when its checkpoints are gone: it would do everything a second time.
    """
    if Removal.objects.had_checkpoints(run.thread) or (run.kind != RunKind.START and _has_been_under_way(run.thread)):
        return None
    if run.generation > 1 and not checkpointer().outlives_process:
        return None
    return registry().get(run.thread.chain).start(run.thread.input, _facts(run.thread))


def _has_been_under_way(thread: Thread) -> bool:
    past = Run.objects.filter(thread=thread, status=RunStatus.SUCCEEDED)
    return Interrupt.objects.filter(thread=thread).exists() or past.exists()


def _turn_input(run: Run) -> dict[str, Any] | None:
    next_turn = registry().get(run.thread.chain).next_turn
    if run.kind != RunKind.MESSAGE or next_turn is None:
        return None
    return next_turn(run.payload["values"], _facts(run.thread))


def _facts(thread: Thread) -> Facts:
    return Facts(
        thread_id=str(thread.id),
        user_id=str(thread.requested_by_id or ""),
        user_name=thread.requested_by_name,
    )


def _answers(run: Run) -> dict[tuple[str, str], Any]:
    """Every decision not yet carried out, by the question and the bytes it was about."""
    return {decision.interrupt.key: decision.answer for decision in Decision.objects.to_apply(run.thread_id)}


def _teller(thread: Thread) -> Callable[[str], None]:
    return lambda node: broadcasts.step_began(thread, node)
