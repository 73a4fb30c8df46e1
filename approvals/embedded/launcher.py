"""All of Holdpoint on this machine: servers, database, web and workers, until Ctrl-C."""

import os
import socket
import sys
import time
from pathlib import Path
from typing import NoReturn

import django
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from approvals.embedded import CannotRun, servers
from approvals.embedded.instance import SERVING, Services, forget_services, hold, write_services
from approvals.embedded.processes import Child, port_answers, say, spawn, stopped_at_end, wait_until

ROOT = Path(__file__).resolve().parents[2]
WEB = """-m uvicorn approvals.asgi:application --host 127.0.0.1 --no-access-log --log-level warning
    --no-proxy-headers --ws-max-size 65536 --timeout-graceful-shutdown 5"""
# For checkpoints in memory: both in one process.
TOGETHER = "-m approvals.together"
WORKER = "-m celery --quiet -A approvals worker -P threads -c 8 --loglevel WARNING --without-gossip --without-mingle"


class PortTaken(CannotRun):
    """The web process could not listen where it was told to."""


class BadSetting(CannotRun):
    """An environment variable holds what cannot be meant."""


class Ended(CannotRun):
    """A part of Holdpoint ended by itself."""


def serve(var: Path) -> NoReturn:
    """Run until a signal raises SystemExit. Raises CannotRun."""
    port = _whole_number("PORT", servers.DEFAULT_PORT, most=65535)
    workers = _whole_number("HOLDPOINT_WORKERS", "1", most=64)
    with hold(var, purpose=SERVING):
        _refuse_taken(port)
        try:
            with stopped_at_end() as children:
                _serve(children, var, port=port, workers=workers)
        finally:
            say("Holdpoint has stopped.")


def _serve(children: list[Child], var: Path, *, port: int, workers: int) -> NoReturn:
    url = f"http://127.0.0.1:{port}/"
    say(f"Starting Holdpoint; its files are in {var}/")
    _start(children, var, port=port, workers=workers)
    _announce(var, children, url=url)
    try:
        say(f"Holdpoint is ready: {url}\nStop it with Ctrl-C.")
        _watch(children)
    finally:
        forget_services(var)
        say(f"Stopping {', '.join(child.name for child in reversed(children))} ...")


def _whole_number(name: str, default: str, *, most: int) -> int:
    value = os.environ.get(name) or default
    if value.isascii() and value.isdigit() and 1 <= int(value) <= most:
        return int(value)
    raise BadSetting(f"{name} is {value!r}. Set it to a whole number from 1 to {most}.")


def _refuse_taken(port: int) -> None:
    """Now, rather than when everything else has been started."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(
                f"Port {port} cannot be used: {error.strerror}. Choose another, as in PORT=8080 python3 run.py"
            ) from error


def _start(children: list[Child], var: Path, *, port: int, workers: int) -> None:
    """Start everything in order; web needs longest to load, and does so while we prepare the rest."""
    started = servers.start(var, children)
    servers.name_for_django(var)
    django.setup()
    servers.wait(started)
    call_command("migrate", verbosity=0)
    together = settings.HOLDPOINT_CHECKPOINTS == "memory://"
    if workers > 1 and (together or settings.HOLDPOINT_CHECKPOINTS.startswith("sqlite:")):
        raise BadSetting("These checkpoints are for one worker. Unset HOLDPOINT_WORKERS, or use PostgreSQL.")
    web = None if together else _start_part(children, "web", f"{WEB} --port {port}")
    call_command("checkpoints", "setup", verbosity=0)
    call_command("seed_demo")
    sys.stdout.flush()  # passwords shown once, to a file perhaps
    connections.close_all()
    if web is None:
        web = _start_part(children, "web and worker", f"{TOGETHER} --port {port}")
    else:
        _start_workers(children, workers)
    wait_until(lambda: port_answers(port), child=web, patience=120)


def _start_workers(children: list[Child], workers: int) -> None:
    for number in range(1, workers + 1):
        name = "worker" if workers == 1 else f"worker {number}"
        _start_part(children, name, f"{WORKER} -n holdpoint-{number}@%h")


def _start_part(children: list[Child], name: str, command: str) -> Child:
    """Start a part that writes to our terminal."""
    part = spawn(name, [sys.executable, *command.split()], directory=ROOT, patience=20)
    children.append(part)
    return part


def _announce(var: Path, children: list[Child], *, url: str) -> None:
    environment = {name: os.environ[name] for name in servers.NAMES if name in os.environ}
    processes = {child.name: child.process.pid for child in children}
    write_services(var, Services(url=url, environment=environment, processes=processes))


def _watch(children: list[Child]) -> NoReturn:
    """Raises Ended as soon as one child has."""
    while True:
        for child in children:
            if not child.is_running:
                code = child.process.returncode
                raise Ended(f"{child.name} ended by itself with exit code {code}. {child.last_words()}")
        time.sleep(0.2)
