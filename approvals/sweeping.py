"""Sweeper: the part of every worker that looks for work nobody rang for."""

import threading
from collections.abc import Callable
from typing import Any

import structlog
from celery import bootsteps
from django.conf import settings
from django.db import DatabaseError, close_old_connections, connection

from approvals import blocked, limits, retention
from approvals.execution import NotFit, refuse_unfit, take_checkpoints
from approvals.tasks import ask_for_sign, sweep
from approvals.watch import counters, exposition, tracing

log = structlog.get_logger(__name__)

PARTS: dict[str, Callable[[], None]] = {
    "limits": limits.sweep,
    "doorbells": sweep,
    "blocked": blocked.sweep,
    "sign": ask_for_sign,
}


class Sweeper(bootsteps.StartStopStep):
    """A thread in the worker's main process; the sweep itself is guarded by a lock in the database."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweeper", daemon=True)
        # Of its own: a night's work takes long, and the sweep must not wait for it.
        self._night = threading.Thread(target=self._tend, name="retention", daemon=True)

    def start(self, worker: Any) -> None:
        """Refuses to let an unfit worker start, in words."""
        try:
            refuse_unfit()
            take_checkpoints(forks=getattr(worker.pool_cls, "uses_semaphore", False))
        except NotFit as error:
            raise SystemExit(f"This worker does not start. {error}") from error
        finally:
            connection.close()
        tracing.set_up("worker")
        exposition.serve()
        self._thread.start()
        if settings.HOLDPOINT_RETENTION:
            self._night.start()

    def stop(self, worker: Any) -> None:
        self._ended.set()
        self._thread.join(timeout=10)
        if self._night.is_alive():
            self._night.join(timeout=10)

    def _run(self) -> None:
        try:
            while not self._ended.wait(settings.HOLDPOINT_SWEEP_SECONDS):
                self._once()
        finally:
            connection.close()

    def _tend(self) -> None:
        try:
            while not self._ended.wait(settings.HOLDPOINT_SWEEP_SECONDS):
                with counters.sweep_seconds.labels("retention").time():
                    _try("retention", retention.sweep)
        finally:
            connection.close()

    def _once(self) -> None:
        for name, part in PARTS.items():
            with counters.sweep_seconds.labels(name).time():
                _try(name, part)


def _try(name: str, part: Callable[[], None]) -> None:
    """A database that is away is tried again at the next turn, and so is whatever else goes wrong: a worker without its
    sweep would look alive and find nothing. One part that fails does not keep the other from being done.
    """
    try:
        close_old_connections()
        part()
    except DatabaseError as error:
        counters.sweep_errors.labels(name).inc()
        log.warning("sweep failed", part=name, error=error)
    except Exception:
        counters.sweep_errors.labels(name).inc()
        log.exception("sweep failed", part=name)
