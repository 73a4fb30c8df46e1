"""Celery's shells: an id in, one call, nothing else. Any of them may run twice, late, or never."""

import uuid

import structlog
from celery import shared_task
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from approvals import execution
from approvals.models import Run

log = structlog.get_logger(__name__)


@shared_task(name="holdpoint.look_at_run", ignore_result=True)
def look_at_run(run_id: str) -> None:
    execution.look(uuid.UUID(run_id))


def ring_after_commit(run: Run) -> None:
    transaction.on_commit(lambda: ring(str(run.id)))


def ring(run_id: str) -> None:
    """Lost when Redis is away: the outbox row stays, and the sweep rings again."""
    try:
        look_at_run.delay(run_id)
    except (OperationalError, RedisError, OSError):
        log.warning("doorbell lost", run_id=run_id)


def sweep() -> None:
    for run_id in execution.due_runs():
        ring(run_id)
