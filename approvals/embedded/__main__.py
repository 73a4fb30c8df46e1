"""`python -m approvals.embedded serve`, or `... manage <a Django command>`; run.py is the way people start it."""

import os
import signal
import sys
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError
from django.db import DatabaseError

from approvals.embedded import CannotRun
from approvals.embedded.commands import ROOT, manage
from approvals.embedded.launcher import serve
from approvals.embedded.processes import ENDINGS, say


def main(command: str, *arguments: str) -> int:
    _listen()
    var = Path(os.environ.get("HOLDPOINT_VAR") or ROOT / "var").absolute()
    try:
        var.mkdir(mode=0o711, parents=True, exist_ok=True)
        return manage(var, list(arguments)) if command == "manage" else serve(var)
    except (CannotRun, ImproperlyConfigured, CommandError, DatabaseError) as error:
        say(str(error))
    except PermissionError as error:
        say(f"{error.filename} cannot be written: it belongs to another user. Choose another HOLDPOINT_VAR.")
    return 1


def _listen() -> None:
    """First of all, so that nothing is started that would not be stopped."""
    for ending in ENDINGS:
        # A script's `&` starts us with SIGINT ignored, which nobody means; nohup ignores SIGHUP, and does mean it.
        if ending is not signal.SIGHUP or signal.getsignal(ending) is not signal.SIG_IGN:
            signal.signal(ending, _leave)


def _leave(*_: object) -> None:
    sys.exit(0)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
