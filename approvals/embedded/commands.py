"""One Django command, on the services of the Holdpoint that runs here, or on ones started for it alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from approvals.embedded import servers
from approvals.embedded.instance import InUse, Services, hold
from approvals.embedded.processes import binding, stopped_at_end

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds for a Holdpoint that is starting or stopping


def manage(var: Path, arguments: list[str]) -> int:
    """Run `manage.py` with these arguments, and return its exit code. Raises CannotRun."""
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    deadline = time.monotonic() + PATIENCE
    while not servers.all_are_named():
        try:
            with hold(var, purpose=" ".join(["manage", *arguments[:1]])):
                return _run_alone(command, var)
        except InUse as in_use:
            if in_use.services:
                _share(in_use.services)
            elif not in_use.is_serving or time.monotonic() > deadline:
                raise
            else:
                time.sleep(0.1)
    servers.name_for_django(var)
    os.execv(sys.executable, command)


def _share(services: Services) -> None:
    for name, value in services["environment"].items():
        os.environ.setdefault(name, value)


def _run_alone(command: list[str], var: Path) -> int:
    with stopped_at_end() as children:
        servers.wait(servers.start(var, children))
        servers.name_for_django(var)
        return _run_in_foreground(command)


def _run_in_foreground(command: list[str]) -> int:
    """The command has our terminal: Ctrl-C reaches it as it reaches us, and what that means is its own affair."""
    process = subprocess.Popen(command, preexec_fn=binding(signal.SIGTERM))
    signal.signal(signal.SIGINT, lambda *_: None)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: process.terminate())
    code = process.wait()
    return code if code >= 0 else 128 - code
