"""Celery's shells: an id in, one call, nothing else. Any of them may run twice, late, or never."""

import uuid

import structlog
from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from approvals import execution
from approvals.aside import Aside
from approvals.models import Run

log = structlog.get_logger(__name__)


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
    execution.look(found)


def ring_after_commit(run: Run) -> None:
    transaction.on_commit(lambda: _bell.soon(str(run.id)))


def ring(run_id: str) -> bool:
    """False when Redis is away: the outbox row stays, and the sweep rings again."""
    try:
        look_at_run.delay(run_id)
    except (OperationalError, RedisError, OSError):
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
