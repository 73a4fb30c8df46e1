"""Workers stopped in the middle of anything, overtaken, and woken: they must not write over what came after them.

The lease is shortened to a second, so that three hundred of them are overtaken in minutes; and a run may be overtaken
more often than by default, since here the same one may be met by many faults.
"""

import os
import random
import signal
import time
import uuid
from dataclasses import dataclass, field

from django.db.models.functions import Now

from approvals.embedded.processes import Child
from approvals.models import Run, RunStatus
from tests.faults.crews import Crew, owner, pid_of, processes_of
from tests.faults.crowd import Crowd
from tests.faults.fences import fences, judge
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

LEASE_SECONDS = 1.0
QUICK = {
    "HOLDPOINT_LEASE_SECONDS": str(LEASE_SECONDS),
    "HOLDPOINT_SWEEP_SECONDS": "0.3",
    "HOLDPOINT_MAX_ATTEMPTS": "100",
}
FULL_CREW, SHORT_CREW = ["threads", "prefork", "threads", "prefork"], ["threads", "prefork", "threads"]
MOST_FROZEN = 2
FULL_CROWD, SHORT_CROWD = 24, 16
NODE_SECONDS = (0.0, 0.5)
LEASES_FROZEN = (1.0, 3.0)
# A sleeper keeps sleeping up to here when nobody has its runs yet: then nobody would ever have had them.
OVERTAKEN_SECONDS = 20.0
WORKING_AGAIN_SECONDS = 30.0


@dataclass
class Sleeper:
    """`had` are the runs it held when it was frozen, with their generations."""

    name: str
    worker: Child
    pids: list[int]
    frozen_at: float
    wakes_at: float
    had: dict[uuid.UUID, int]
    overtaken: bool = False
    woken_at: float = 0.0
    woken_by_database: object = None

    def still_has(self) -> list[uuid.UUID]:
        held = Run.objects.filter(id__in=self.had, status=RunStatus.RUNNING)
        return [run.id for run in held if run.generation == self.had[run.id]]

    def works_again(self) -> bool:
        owners = [owner(pid) for pid in self.pids]
        return Run.objects.filter(lease_owner__in=owners, started_at__gt=self.woken_by_database).exists()


@dataclass
class Freezes:
    crew: Crew
    crowd: Crowd
    rng: random.Random
    tally: Tally
    asleep: list[Sleeper] = field(default_factory=list)
    waking: list[Sleeper] = field(default_factory=list)
    overtaken: int = 0
    exited: int = 0

    def turn(self, *, freezing: bool) -> None:
        self.crowd.tend()
        if freezing and len(self.asleep) < MOST_FROZEN:
            self._freeze_somebody()
        for sleeper in list(self.asleep):
            self._look_at(sleeper)
        for woken in list(self.waking):
            self._look_after(woken)
        time.sleep(self.rng.uniform(0, 0.05))

    def _freeze_somebody(self) -> None:
        """At random points: whoever has a run now is frozen a moment later, wherever it is by then."""
        resting = {sleeper.worker.process.pid for sleeper in [*self.asleep, *self.waking]}
        runs = self.crew.running(thread__in=self.crowd.began)
        self.rng.shuffle(runs)
        for run in runs:
            worker = self.crew.worker_of(run)
            if worker is not None and worker.process.pid not in resting:
                time.sleep(self.rng.uniform(0, 0.3))
                self._freeze(run, worker)
                return

    def _freeze(self, run: Run, worker: Child) -> None:
        """One process of a prefork pool, or the worker as a whole."""
        pids = [pid_of(run)] if self.rng.random() < 0.5 else processes_of(worker)
        for pid in pids:
            _signal(pid, signal.SIGSTOP)
        self.tally.trials += 1
        held = self.crew.running(lease_owner__in=[owner(pid) for pid in pids])
        now, leases = time.time(), self.rng.uniform(*LEASES_FROZEN)
        name = f"trial {self.tally.trials}, {worker.name} frozen for {leases:.1f} leases"
        had = {run.id: run.generation for run in held}
        self.asleep.append(Sleeper(name, worker, pids, now, now + leases * LEASE_SECONDS, had))

    def _look_at(self, sleeper: Sleeper) -> None:
        """Its time is over when somebody else has its runs; or when nobody ever took them."""
        slept = time.time() - sleeper.frozen_at
        if sleeper.had and not sleeper.overtaken and not sleeper.still_has():
            sleeper.overtaken = True
            self.overtaken += len(sleeper.had)
            self.tally.recovered(slept)
        late = slept > OVERTAKEN_SECONDS
        if late or (time.time() >= sleeper.wakes_at and (sleeper.overtaken or not sleeper.had)):
            left = sleeper.still_has()
            self.tally.expect(not left, f"{sleeper.name}: nobody took {left} over within {OVERTAKEN_SECONDS:.0f} s")
            self._wake(sleeper)

    def _wake(self, sleeper: Sleeper) -> None:
        for pid in sleeper.pids:
            _signal(pid, signal.SIGCONT)
        sleeper.woken_at, sleeper.woken_by_database = time.time(), _now()
        self.asleep.remove(sleeper)
        self.waking.append(sleeper)

    def _look_after(self, woken: Sleeper) -> None:
        """It must work on other threads, or be gone; a worker that is gone gets a successor."""
        gone = not woken.worker.is_running
        if gone:
            self.exited += 1
            self.crew.replace(woken.worker)
        idle = time.time() - woken.woken_at
        stuck = idle > WORKING_AGAIN_SECONDS
        if gone or stuck or woken.works_again():
            self.tally.expect(gone or not stuck, f"{woken.name}: woken, but no work taken for {idle:.0f} s")
            self.waking.remove(woken)


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally()
    pools = SHORT_CREW if site.short else FULL_CREW
    with fences():
        crew = Crew(site.directory / "frozen_workers", pools=pools, environment=QUICK)
        try:
            size = SHORT_CROWD if site.short else FULL_CROWD
            crowd = Crowd(site.directory / "frozen_workers" / "effects", rng, size, NODE_SECONDS)
            freezes = Freezes(crew, crowd, rng, tally)
            while tally.trials < trials or freezes.asleep or freezes.waking:
                freezes.turn(freezing=tally.trials < trials)
            crowd.rest()
            crowd.audit(tally)
        finally:
            crew.stop()
        judge(crowd.began, tally)
    tally.note = f"lease {LEASE_SECONDS:.0f} s; {freezes.overtaken:,} runs overtaken, {freezes.exited} exited"
    return tally


def _now() -> object:
    return Run.objects.values_list(Now(), flat=True).first()


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


CAMPAIGNS = (
    Campaign(
        name="frozen_workers",
        promise="a frozen worker that was overtaken writes nothing when it wakes, and works on",
        full=300,
        short=5,
        run=run,
    ),
)
