"""Celery's shells: an id in, one call, nothing else. Any of them may run twice, late, or never."""

import uuid

import structlog
from celery import shared_task
from django.conf import settings
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from approvals import execution
from approvals.aside import Aside
from approvals.models import Beat, Run
from approvals.models.beat import ANSWERED, RUNG
from approvals.watch import counters

log = structlog.get_logger(__name__)

# A doorbell for no run: whoever hears it says so. To a worker that does not know of it, it is a run that is gone.
NOBODY = uuid.UUID(int=0)


@shared_task(name="holdpoint.look_at_run", ignore_result=True)
def look_at_run(*arguments: object, **named: object) -> None:
    """Takes a run's id and nothing else. Whoever can write to Redis can send anything: what is no doorbell is dropped
    in one line, since a traceback for each would fill the disk.
    """
    try:
        (run_id,) = arguments
        found = uuid.UUID(run_id) if isinstance(run_id, str) and not named else None
    except ValueError:
        found = None
    if found is None:
        log.warning("not a doorbell, dropped")
        return
    if found == NOBODY:
        Beat.mark(ANSWERED)
    else:
        execution.look(found)


def ring_after_commit(run: Run) -> None:
    transaction.on_commit(lambda: _bell.soon(str(run.id)))


def ring(run_id: str) -> bool:
    """False when Redis is away: the outbox row stays, and the sweep rings again."""
    try:
        look_at_run.delay(run_id)
    except (OperationalError, RedisError, OSError):
        counters.doorbells_lost.inc()
        log.warning("doorbell lost", run_id=run_id)
        return False
    return True


# A Redis that takes connections and never answers must not hold up those who submit and decide.
_bell = Aside("doorbells", ring)


def sweep() -> None:
    """Rings for what is due. The first ring that fails ends the turn: what was not rung is due again soon."""
    due = execution.due_runs()
    for place, run_id in enumerate(due):
        if not ring(run_id):
            execution.not_rung(due[place:])
            return


def ask_for_sign() -> None:
    """Rings for nobody, now and then, so that it is known whether a worker answers. One of all the sweepers does."""
    if Beat.take_turn(RUNG, every=settings.HOLDPOINT_WORKER_SILENT_SECONDS / 3):
        ring(str(NOBODY))
