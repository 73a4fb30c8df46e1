"""`python -m tests`, which `python3 run.py test` becomes: everything in order, up to the first failure."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.machine import CannotTest, prepare

PROGRAMS = Path(sys.executable).parent
STAGES = {
    "lint": "ruff check .",
    "format": "ruff format --check .",
    "types": "mypy approvals chains",
    "layers": "lint-imports",
}
# mypy's Django plugin loads the settings, which refuse to be loaded without these; nothing is connected to.
FOR_TYPES = {
    "DATABASE_URL": "postgresql://nobody@localhost/nothing",
    "REDIS_URL": "redis://localhost",
    "HOLDPOINT_SECRET_KEY": "for reading the settings, and for nothing else",
    "HOLDPOINT_LOCAL": "1",
}


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGINT, lambda *_: None)  # what runs gets Ctrl-C as well, and cleans up before it ends
    started = time.monotonic()
    try:
        prepare()
    except CannotTest as error:
        print(error, file=sys.stderr)
        return 1
    _report("machine", started)
    if not arguments:
        for name, command in STAGES.items():
            if code := _run(name, command.split(), environment={**FOR_TYPES, **os.environ}):
                return code
    return _run("tests", ["pytest", *arguments], environment=dict(os.environ))


def _run(name: str, command: list[str], *, environment: dict[str, str]) -> int:
    print(f"\n$ {' '.join(command)}", flush=True)
    started = time.monotonic()
    code = subprocess.Popen([PROGRAMS / command[0], *command[1:]], env=environment).wait()
    _report(name, started)
    if code:
        print(f"Failed: {name}. See above; what comes after it was not run.", flush=True)
    return code if code >= 0 else 128 - code


def _report(name: str, started: float) -> None:
    print(f"{name}: {time.monotonic() - started:.1f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
