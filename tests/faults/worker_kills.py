"""Real Celery workers at default settings, killed at every moment of a run: another carries on, and soon."""

import os
import random
import signal
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import cycle

from django.db.models.functions import Now

from approvals.embedded.processes import Child
from approvals.models import Run, RunKind, RunStatus
from tests.faults.crews import Crew, owner, pid_of, processes_of
from tests.faults.crowd import Crowd
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

RIGHT_AGAIN_SECONDS = 30.0
FULL_CREW, SHORT_CREW = ["prefork", "threads", "prefork", "threads"], ["prefork", "threads", "prefork"]
FULL_CROWD, SHORT_CROWD = 24, 12
NODE_SECONDS = (0.1, 1.0)
# How soon after a run was claimed counts as its start, or as the resume of its thread.
FRESH = timedelta(milliseconds=400)
LONGEST_WAIT_FOR_VICTIM = 60.0
PAUSES = (0.2, 1.5)

WAYS = ("child", "group", "term")
MOMENTS = ("start", "node", "resume")


@dataclass
class Kills:
    crew: Crew
    crowd: Crowd
    rng: random.Random
    tally: Tally
    # When each run was last hit, by time.time(), and by which trial.
    hits: dict[uuid.UUID, tuple[float, str]] = field(default_factory=dict)

    def trial(self, number: int, way: str, moment: str) -> None:
        """Wait for a run at that moment, and kill whoever has it."""
        self._for_a_while(self.rng.uniform(*PAUSES))
        run, worker = self._victim(way, moment)
        time.sleep(self.rng.uniform(0, 0.08 if moment != "node" else 0.8))
        if way == "child":
            gone = [pid_of(run)]
            _kill(gone[0])
        else:
            gone = self._kill_all(worker, politely=way == "term")
        self._note_hits(gone, f"trial {number}, {way} killed at {moment}")
        self.tally.trials += 1

    def judge(self) -> None:
        """After the crowd has come to rest: every run that was hit, and how long it took."""
        finished = {run.id: run for run in Run.objects.filter(id__in=self.hits)}
        for run_id, (at, trial) in self.hits.items():
            run = finished[run_id]
            if run.finished_at is None:
                self.tally.expect(False, f"{trial}: run {run_id} never finished, it is {run.status}")
                continue
            seconds = run.finished_at.timestamp() - at
            self.tally.recovered(seconds)
            self.tally.expect(seconds <= RIGHT_AGAIN_SECONDS, f"{trial}: run {run_id} was right {seconds:.1f} s later")

    def _victim(self, way: str, moment: str) -> tuple[Run, Child]:
        deadline = time.monotonic() + LONGEST_WAIT_FOR_VICTIM
        while time.monotonic() < deadline:
            for run in self._candidates(moment):
                worker = self.crew.worker_of(run)
                if worker is not None and (way != "child" or self.crew.pools[worker.process.pid] == "prefork"):
                    return run, worker
            self._for_a_while(0.01)
        raise RuntimeError(f"No worker had a run to be killed at for {LONGEST_WAIT_FOR_VICTIM:.0f} seconds.")

    def _candidates(self, moment: str) -> list[Run]:
        fresh = {"started_at__gt": Now() - FRESH, "generation": 1}
        kinds = {"start": {"kind": RunKind.START, **fresh}, "resume": {"kind": RunKind.RESUME, **fresh}, "node": {}}
        found = self.crew.running(thread__in=self.crowd.began, **kinds[moment])
        self.rng.shuffle(found)
        return found

    def _kill_all(self, worker: Child, *, politely: bool) -> list[int]:
        gone = processes_of(worker)
        if politely:
            worker.process.terminate()
            self._for_a_while(self.rng.uniform(0, 1.0))
        self.crew.replace(worker)
        return gone

    def _note_hits(self, gone: list[int], trial: str) -> None:
        """What the dead had, and what was waiting: its doorbell may have died with them."""
        now = time.time()
        ours = Run.objects.filter(thread__in=self.crowd.began)
        had = ours.filter(status=RunStatus.RUNNING, lease_owner__in=[owner(pid) for pid in gone])
        for run in [*had, *ours.filter(status=RunStatus.PENDING)]:
            self.hits[run.id] = (now, trial)

    def _for_a_while(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            self.crowd.tend()
            if time.monotonic() >= until:
                return
            time.sleep(min(0.05, seconds))


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally()
    crew = Crew(site.directory / "worker_kills", pools=SHORT_CREW if site.short else FULL_CREW)
    try:
        size = SHORT_CROWD if site.short else FULL_CROWD
        crowd = Crowd(site.directory / "worker_kills" / "effects", rng, size, NODE_SECONDS)
        kills = Kills(crew, crowd, rng, tally)
        for number, (way, moment) in zip(range(trials), _plan(rng), strict=False):
            kills.trial(number, way, moment)
        crowd.rest()
        kills.judge()
        crowd.audit(tally)
        tally.note = f"{len(crowd.began):,} threads, {len(kills.hits):,} runs hit"
    finally:
        crew.stop()
    return tally


def _plan(rng: random.Random) -> Iterator[tuple[str, str]]:
    """Every way at every moment as often as any other, in an order of chance."""
    every = [(way, moment) for way in WAYS for moment in MOMENTS]
    rng.shuffle(every)
    return cycle(every)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


CAMPAIGNS = (
    Campaign(
        name="worker_kills",
        promise="a Celery worker killed at any moment, default settings: its threads are right again within 30 s",
        full=300,
        short=4,
        run=run,
    ),
)
