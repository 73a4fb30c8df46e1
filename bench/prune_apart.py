"""manage.py checkpoints prune, as a process that works while the last word on its standard input was go or hurry."""

import sys
import threading
import time
from datetime import timedelta

import django

django.setup()

from django.utils import timezone  # noqa: E402

from approvals.execution import keeping  # noqa: E402
from approvals.execution.keeping import How, Pace, Wanted  # noqa: E402

SHARE = 0.1
may_work = threading.Event()


def listen() -> None:
    for word in sys.stdin:
        pace.share = 1.0 if word.strip() == "hurry" else SHARE
        (may_work.clear if word.strip() == "rest" else may_work.set)()


def pause(seconds: float) -> None:
    time.sleep(seconds)
    may_work.wait()


pace = Pace(SHARE, pause)
threading.Thread(target=listen, daemon=True).start()
print("ready", flush=True)
may_work.wait()
wanted = Wanted(before=timezone.now() - timedelta(days=50), keep_latest=False)
keeping.prune(How(wanted, why="bench"), pace=pace, on_turn=lambda many, turn: None)
