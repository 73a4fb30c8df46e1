"""A crew of real Celery workers: who works on what, by process, so that a fault finds somebody at work."""

import os
import socket
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from approvals.embedded.processes import Child, kill, stop
from approvals.models import Run, RunStatus
from tests.stack import Stack
from tests.waiting import eventually

BOOT_SECONDS = 300.0
CONCURRENCY = 4
DEFAULTS: Mapping[str, str] = MappingProxyType({})


class Crew(Stack):
    """Workers of both pools. `workers` are those at work now; the dead are replaced with `replace`."""

    def __init__(self, logs: Path, *, pools: list[str], environment: Mapping[str, str] = DEFAULTS) -> None:
        logs.mkdir(exist_ok=True)
        super().__init__(logs)
        self._environment = environment
        self.pools: dict[int, str] = {}
        self.workers: dict[int, Child] = {}
        for pool in pools:
            self._begin(pool)
        for worker in self.workers.values():
            eventually(partial(self.is_ready, worker), within=BOOT_SECONDS, what="the worker ready")

    def running(self, **lookups: object) -> list[Run]:
        return list(Run.objects.filter(status=RunStatus.RUNNING, **lookups).order_by("id"))

    def worker_of(self, run: Run) -> Child | None:
        """Who has the run, by its lease; None when that process is gone, or is not one of ours."""
        try:
            return self.workers.get(os.getpgid(pid_of(run)))
        except ProcessLookupError:
            return None

    def replace(self, worker: Child) -> None:
        """The next of its kind; returns before it is ready."""
        kill(worker)
        del self.workers[worker.process.pid]
        self._begin(self.pools.pop(worker.process.pid))

    def stop(self) -> None:
        """At once, and without the last words of hundreds of dead workers."""
        for child in reversed(self._children):
            if child.is_running:
                stop(child)
            kill(child)
        self._children.clear()
        self.workers.clear()

    def _begin(self, pool: str) -> None:
        worker = self.begin_worker(pool=pool, concurrency=CONCURRENCY, **self._environment)
        self.workers[worker.process.pid] = worker
        self.pools[worker.process.pid] = pool


def pid_of(run: Run) -> int:
    """The process that has the run; in a prefork worker that is one of its children."""
    return int(run.lease_owner.rpartition(":")[2])


def owner(pid: int) -> str:
    return f"{socket.gethostname()}:{pid}"


def processes_of(worker: Child) -> list[int]:
    """The worker and whatever it has forked."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getpgid(int(entry.name)) == worker.process.pid:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found


def nap(seconds: float) -> float:
    """Sleep, and the moment it ended."""
    time.sleep(seconds)
    return time.time()
