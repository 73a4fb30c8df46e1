"""A run whose checkpoints could not be kept: put off for as long as that lasts, never failed as if its node had."""

import random
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from approvals import broadcasts
from approvals.models import Event, EventKind, Run, Thread, ThreadStatus
from chains.checkpointers import SaverFailed

log = structlog.get_logger(__name__)

# Seconds. The longer it has lasted, the more seldom it is tried: a store that comes back meets nobody at the door.
SHORTEST, LONGEST = 2.0, 60.0
SHARE = 0.25


def put_off_until_back(run: Run, error: SaverFailed) -> bool:
    """There is no last attempt: what is sure to be lost by failing is kept by waiting, and a person may end it.

    False: the run was taken over meanwhile, and nothing was written.
    """
    run.refresh_from_db(fields=["started_at"])
    seconds = _pause(run)
    is_news = run.error_class != type(error).__name__
    with transaction.atomic():
        thread = Thread.objects.locked(run.thread_id)
        facts = {"error_class": type(error).__name__, "error_message": str(error)[:1000]}
        if not run.put_off(timedelta(seconds=seconds), counts=False, **facts):
            return False
        thread.move(ThreadStatus.QUEUED, since=(ThreadStatus.RUNNING,))
        if is_news:
            said = str(error)
            Event.append(thread, EventKind.RUN_PUT_OFF, run=str(run.id), error=said, retry=run.retries, seconds=seconds)
    log.error("the checkpoints could not be kept, put off", seconds=round(seconds, 1), exc_info=error)
    broadcasts.thread_changed(thread)
    return True


def _pause(run: Run) -> float:
    lasted = (timezone.now() - run.started_at).total_seconds() if run.started_at else 0.0
    return min(max(lasted * SHARE, SHORTEST), LONGEST) * random.uniform(0.75, 1.25)
