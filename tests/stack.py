"""Web and workers as the real processes they are, on the database of the running tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from approvals.embedded.processes import Child, free_port, port_answers, spawn, stop, tail, wait_until

ROOT = Path(__file__).resolve().parent.parent


class Stack:
    """Keyword arguments of its methods are environment variables for the process that is started."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._port = free_port()
        self._web: Child | None = None
        self._children: list[Child] = []

    @property
    def url(self) -> str:
        """Where the web process answers, without a slash at the end; started and waited for when need be."""
        web = self._web or self.start_web()
        wait_until(lambda: port_answers(self._port), child=web)
        return f"http://127.0.0.1:{self._port}"

    def start_web(self, **environment: str) -> Child:
        """Returns at once; `url` waits."""
        address = ["--host", "127.0.0.1", "--port", str(self._port)]
        command = ["uvicorn", "approvals.asgi:application", *address, "--ws-max-size", "65536", "--no-proxy-headers"]
        self._web = self.start("web", command, environment)
        return self._web

    def start_worker(
        self, *, pool: str = "threads", concurrency: int = 4, **environment: str
    ) -> subprocess.Popen[bytes]:
        """Returns when the worker takes doorbells."""
        worker = self.begin_worker(pool=pool, concurrency=concurrency, **environment)
        wait_until(lambda: self.is_ready(worker), child=worker)
        return worker.process

    def begin_worker(self, *, pool: str = "threads", concurrency: int = 4, **environment: str) -> Child:
        """Returns at once."""
        name = f"worker-{len(self._children)}"
        address = ["-P", pool, "-c", str(concurrency), "-n", f"{name}@%h"]
        quick = ["--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        return self.start(name, ["celery", "--quiet", "-A", "approvals", "worker", *address, *quick], environment)

    def is_ready(self, worker: Child) -> bool:
        return " ready." in self.log(worker.name)

    def log(self, name: str = "web") -> str:
        return (self._logs / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        """What the processes said is shown by pytest when the test has failed."""
        for child in reversed(self._children):
            stop(child)
            if child.log is not None:
                print(f"--- {child.name}\n{tail(child.log)}")
        self._children.clear()
        self._web = None

    def start(self, name: str, command: list[str], environment: dict[str, str]) -> Child:
        """A module and its arguments, as `python -m` takes them. Returns at once."""
        child = spawn(
            name,
            [sys.executable, "-m", *command],
            log=self._logs / f"{name}.log",
            patience=5,
            environment={**of_tests(), **environment},
            directory=ROOT,
        )
        self._children.append(child)
        return child


@pytest.fixture
def stack(transactional_db: None, tmp_path: Path) -> Iterator[Stack]:
    """Nothing runs in it until the test asks; all of it is stopped before the database is emptied."""
    started = Stack(tmp_path)
    try:
        yield started
    finally:
        started.stop()


def of_tests() -> dict[str, str]:
    """Ours, with the database the tests run on, and without what is meant for Playwright's sake alone."""
    database = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}")
    kept = {name: value for name, value in os.environ.items() if name != "DJANGO_ALLOW_ASYNC_UNSAFE"}
    return {**kept, "DATABASE_URL": database.geturl()}
