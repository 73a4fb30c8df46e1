"""A desk of its own to measure on: PostgreSQL and Valkey as run.py starts them, in a directory that is thrown away."""

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import django
from django.core.management import call_command

from approvals.embedded import servers
from approvals.embedded.processes import Child, free_port, port_answers, spawn, stopped_at_end, wait_until

PASSWORD = secrets.token_urlsafe(12)
WORKER = "celery -A approvals worker -P threads -c {} --loglevel INFO --without-gossip --without-mingle"


@dataclass(frozen=True)
class Desk:
    var: Path
    url: str


@contextmanager
def open_desk(*, concurrency: int = 4) -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="holdpoint-bench-") as directory, stopped_at_end() as children:
        var = Path(directory)
        var.chmod(0o711)  # root's PostgreSQL runs as another user, who walks through here
        servers.wait(servers.start(var, children))
        servers.name_for_django(var)
        django.setup()
        call_command("migrate", verbosity=0)
        call_command("checkpoints", "setup", verbosity=0)
        yield Desk(var, _start(children, var, concurrency))


def _start(children: list[Child], var: Path, concurrency: int) -> str:
    port = free_port()
    web = _spawn(children, var, "web", f"uvicorn approvals.asgi:application --port {port} --no-access-log")
    worker = _spawn(children, var, "worker", WORKER.format(concurrency))
    wait_until(lambda: port_answers(port), child=web)
    wait_until(lambda: " ready." in (var / "worker.log").read_text(), child=worker)
    return f"http://127.0.0.1:{port}"


def _spawn(children: list[Child], var: Path, name: str, command: str) -> Child:
    words = [sys.executable, "-m", *command.split()]
    child = spawn(name, words, log=var / f"{name}.log", environment=dict(os.environ))
    children.append(child)
    return child
