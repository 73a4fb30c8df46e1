"""Web and workers whose clocks are three hours wrong: leases, windows and every time kept are the database's."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.db import connection

from approvals.models import Decision, Event, EventKind, Interrupt, Run, RunKind, RunStatus, Thread, Verdict
from tests.faults.decision_races import fields_of
from tests.faults.desk import Desk, counted, in_flight, open_desk, payments
from tests.faults.report import Campaign, CannotCause, Tally
from tests.faults.site import Site
from tests.waiting import eventually, until_status

AHEAD, BEHIND = "+3h", "-3h"
WINDOW = 1
LEASE = 5
# Longer than a lease: whoever judges it by the wrong clock takes the run over, or leaves a dead one lying.
STEP = 6
# How late a worker may be on a machine that does much else.
LATE = 10
QUICK = {"HOLDPOINT_LEASE_SECONDS": str(LEASE), "HOLDPOINT_SWEEP_SECONDS": "0.5"}
PER_KILL = 10
PATIENCE = 120
MENDED_SLEEP = """\
import threading
import time

time.sleep = lambda seconds: threading.Event().wait(seconds) and None
"""


@dataclass
class Floor:
    """The workers, by how wrong their clocks are."""

    desk: Desk
    library: Path
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, skew: str) -> None:
        self.workers[skew] = self.desk.stack.start_worker(concurrency=8, **QUICK, **_skewed(self.library, skew))

    def skew_of(self, run: Run) -> str:
        pid = run.lease_owner.rpartition(":")[2]
        return next(skew for skew, worker in self.workers.items() if str(worker.pid) == pid)


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    library = _find_library(site.directory / "skewed")
    tally = Tally(trials=trials)
    kills = max(1, trials // PER_KILL)
    served: Counter[str] = Counter()
    with open_desk(site, "clocks", undo_seconds=WINDOW) as desk:
        desk.stack.start_web(**_skewed(library, rng.choice([AHEAD, BEHIND])))
        desk.sign_everybody_in()
        floor = Floor(desk, library)
        for skew in (AHEAD, BEHIND):
            floor.start(skew)

        def live(trial: int, rng: random.Random) -> None:
            with counted(tally, f"trial {trial}"):
                _live(tally, floor, served, trial, rng)

        in_flight(trials - kills, rng, live, at_once=8)
        for kill in range(kills):
            with counted(tally, f"kill {kill}"):
                _kill(tally, floor, kill)
    tally.note = f"{served[AHEAD]} runs by a worker 3 h ahead, {served[BEHIND]} by one 3 h behind, {kills} killed"
    return tally


def _live(tally: Tally, floor: Floor, served: Counter[str], trial: int, rng: random.Random) -> None:
    """A thread from its request to its end."""
    begun = _now()
    thread = floor.desk.submit(amount=trial, seconds=STEP)
    where = f"trial {trial}, thread {thread.id}"
    eventually(
        lambda: Interrupt.objects.open().filter(thread=thread).exists(), within=PATIENCE, what=f"{where}: a question"
    )
    question, person = Interrupt.objects.get(thread=thread), rng.choice(floor.desk.reviewers)
    fields = fields_of(question, Verdict.APPROVE, rng)
    told = floor.desk.client(person).post(f"/interrupts/{question.id}/decision/", data=fields)
    tally.expect(told.status_code == 200, f"{where}: approving was answered {told.status_code}")
    until_status(thread, "done", within=PATIENCE)
    tally.expect(payments(thread) == [f"paid {trial}"], f"{where}: {payments(thread)}")
    for run in Run.objects.filter(thread=thread):
        served[floor.skew_of(run)] += 1
        tally.expect(run.generation == 1, f"{where}: {run.kind} was taken over from {run.lease_owner}, who was at work")
        late = (run.started_at - run.not_before).total_seconds() if run.started_at else -1.0
        tally.expect(0 <= late < LATE, f"{where}: {run.kind} was begun {late:.1f} s after it was due")
    resume = Run.objects.get(thread=thread, kind=RunKind.RESUME)
    waited = (resume.not_before - resume.created_at).total_seconds()
    tally.expect(abs(waited - WINDOW) < 0.5, f"{where}: the undo window is {waited:.1f} s")
    wrong = [moment for moment in _moments(thread) if not begun <= moment <= _now()]
    tally.expect(not wrong, f"{where}: {len(wrong)} times are not the database's, such as {wrong[:1]}")


def _kill(tally: Tally, floor: Floor, kill: int) -> None:
    """The other one takes over when the lease is over, by neither worker's clock."""
    for skew in [skew for skew, worker in floor.workers.items() if worker.poll() is not None]:
        floor.start(skew)
    thread = floor.desk.submit(amount=kill, seconds=STEP)
    run = Run.objects.get(thread=thread)
    where = f"kill {kill}, thread {thread.id}"
    eventually(lambda: Run.objects.filter(id=run.id, status=RunStatus.RUNNING).exists(), what=f"{where}: a worker")
    run.refresh_from_db()
    skew = floor.skew_of(run)
    os.kill(floor.workers[skew].pid, signal.SIGKILL)
    floor.workers[skew].wait()
    run.refresh_from_db()
    lease_ends = run.lease_expires_at
    begun = time.monotonic()
    until_status(thread, "paused", within=PATIENCE)
    tally.recovered(time.monotonic() - begun)
    taken = Event.objects.filter(thread=thread, kind=EventKind.RUN_TAKEN_OVER).first()
    late = (taken.at - lease_ends).total_seconds() if taken and lease_ends else -1.0
    tally.expect(0 <= late < LATE, f"{where}: taken over {late:.1f} s after the lease of the {skew} worker ended")


def _moments(thread: Thread) -> list[datetime]:
    thread.refresh_from_db()
    kept: list[datetime | None] = [thread.created_at, thread.last_activity_at]
    kept += Event.objects.filter(thread=thread).values_list("at", flat=True)
    for run in Run.objects.filter(thread=thread):
        kept += [run.created_at, run.started_at, run.finished_at]
    for question in Interrupt.objects.filter(thread=thread):
        kept += [question.created_at, question.closed_at]
    for decision in Decision.objects.filter(interrupt__thread=thread):
        kept += [decision.decided_at, decision.applied_at]
    return [moment for moment in kept if moment is not None]


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
        return found


def _skewed(library: Path, skew: str) -> dict[str, str]:
    """Only the clock on the wall is wrong, as on a machine whose clock was never set."""
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": skew,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": str(library.parent),
    }


def _link(library: Path, directory: Path) -> Path:
    """The library beside a `sitecustomize` that mends the one call it breaks: clock_nanosleep(), Python's sleep()."""
    directory.mkdir()
    (directory / "sitecustomize.py").write_text(MENDED_SLEEP)
    linked = directory / library.name
    linked.symlink_to(library)
    return linked


def _find_library(directory: Path) -> Path:
    """Raises CannotCause."""
    found = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
    if found is None:
        raise CannotCause("libfaketime is not installed here; on Debian: apt-get install libfaketime.")
    found = _link(found, directory)
    environment = {**os.environ, **_skewed(found, AHEAD)}
    asked = [sys.executable, "-c", "import time; time.sleep(0.01); print(time.time())"]
    told = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True).stdout
    if float(told) - time.time() < 10_000:
        raise CannotCause(f"{found} does not move the clock of this Python.")
    return found


PROMISE = "Leases, undo windows and every time kept follow the database's clock, not a web process's or a worker's"
CAMPAIGNS = (Campaign("clocks", PROMISE, full=40, short=2, run=run),)
