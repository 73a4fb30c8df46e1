"""Heartbeat: signs of life while a node works, and the ear for a request to stop."""

import contextvars
import threading
from datetime import timedelta
from types import TracebackType

import structlog
from django.db import DatabaseError, connection
from langgraph.runtime import RunControl

from approvals.models import Run, Thread
from approvals.opened import checkpointer
from approvals.watch import counters
from chains.checkpointers import Backend

log = structlog.get_logger(__name__)


class Heartbeat:
    """Extends the lease from a thread and a connection of its own; cuts the run off when the lease is lost."""

    def __init__(self, run: Run, backend: Backend, lease: timedelta) -> None:
        self.control = RunControl()
        self._run = run
        self._backend = backend
        self._lease = lease
        self._ended = threading.Event()
        context = contextvars.copy_context()  # its lines are of this run, too
        self._thread = threading.Thread(target=context.run, args=(self._beat,), name=f"heartbeat {run.id}", daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _beat(self) -> None:
        try:
            while not self._ended.wait(self._lease.total_seconds() / 5):
                self._once()
        finally:
            connection.close()

    def _once(self) -> None:
        """A database that is away is not a lost lease: try again until the next beat."""
        try:
            if not self._run.extend_lease(self._lease):
                counters.leases_lost.inc()
                log.error("lease lost, cutting the run off")
                checkpointer().terminate(self._backend)
                self._ended.set()
            elif Thread.objects.filter(id=self._run.thread_id, stop_requested_at__isnull=False).exists():
                self.control.request_drain("stop requested")
        except DatabaseError:
            log.warning("heartbeat missed")
            connection.close()
