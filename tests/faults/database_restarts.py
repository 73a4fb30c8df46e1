"""PostgreSQL crashes and comes back while people submit and decide: what was accepted is kept, and done once."""

import random
import time
import uuid
from dataclasses import dataclass, field

from django.db import connection

from approvals.models import Run, RunStatus, Thread
from tests.faults.clients import Lives, judge_winners, patiently, refusals_of
from tests.faults.crews import Crew
from tests.faults.crowd import audit, people
from tests.faults.outages import crash_database, start_database
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

CREW = ["threads", "prefork"]
# Here one run may be met by many faults; by default a fifth loss of its worker would end it.
MANY_ATTEMPTS = {"HOLDPOINT_MAX_ATTEMPTS": "100"}
FULL_LIVES, SHORT_LIVES = 12, 8
NODE_SECONDS = (0.0, 0.4)
UP_SECONDS = (1.0, 3.0)
LONGEST_DOWN = 5.0
REST_SECONDS = 60.0


@dataclass
class Restarts:
    site: Site
    rng: random.Random
    tally: Tally
    # When a run last lost its worker to a crash, by run and generation.
    hits: dict[tuple[uuid.UUID, int], float] = field(default_factory=dict)

    def trial(self) -> None:
        time.sleep(self.rng.uniform(*UP_SECONDS))
        running = patiently(lambda: list(Run.objects.filter(status=RunStatus.RUNNING)))
        crash_database(self.site)
        now = time.time()
        for run in running:
            self.hits.setdefault((run.id, run.generation), now)
        connection.close()
        time.sleep(self.rng.triangular(0, LONGEST_DOWN, 0))
        start_database(self.site)
        self.tally.trials += 1

    def judge(self) -> None:
        """How long after the last crash that hit it a run was finished."""
        last = {run_id: 0.0 for run_id, _ in self.hits}
        for (run_id, _), at in self.hits.items():
            last[run_id] = max(last[run_id], at)
        for run in Run.objects.filter(id__in=last, finished_at__isnull=False):
            if run.finished_at is not None and run.finished_at.timestamp() > last[run.id]:
                self.tally.recovered(run.finished_at.timestamp() - last[run.id])


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally()
    crew = Crew(site.directory / "database_restarts", pools=CREW, environment=MANY_ATTEMPTS)
    try:
        effects = site.directory / "database_restarts" / "effects"
        lives = Lives(crew, people(), effects, tally, NODE_SECONDS, rng)
        lives.begin(SHORT_LIVES if site.short else FULL_LIVES)
        restarts = Restarts(site, rng, tally)
        for _ in range(trials):
            restarts.trial()
        lives.end(within=REST_SECONDS)
        restarts.judge()
        audit(lives.accepted, effects, tally, refusals=refusals_of(lives.visitors))
        judge_winners(lives.winners, tally)
        _judge_doubles(lives, tally)
        _judge_crew(crew, tally)
        again = sum(not 0 < sending.status < 500 for visitor in lives.visitors for sending in visitor.sent)
        tally.note = f"{len(lives.accepted):,} requests, {len(lives.winners):,} decisions, {again:,} forms sent again"
    finally:
        crew.stop()
    return tally


def _judge_doubles(lives: Lives, tally: Tally) -> None:
    """A form sent again after a lost answer is the same request, not another."""
    made = set(Thread.objects.filter(title__startswith=lives.tag).values_list("id", flat=True))
    extra = made - set(lives.accepted)
    tally.expect(not extra, f"{len(extra)} threads exist that nobody was told of: {sorted(map(str, extra))[:3]}")
    tally.expect(len(set(lives.accepted)) == len(lives.accepted), "one thread was given to two requests")


def _judge_crew(crew: Crew, tally: Tally) -> None:
    for worker in crew.workers.values():
        tally.expect(worker.is_running, f"{worker.name} ended: {worker.last_words()[-300:]}")


CAMPAIGNS = (
    Campaign(
        name="database_restarts",
        promise="PostgreSQL crashes and returns under load: nothing accepted is lost, nothing is decided twice",
        full=200,
        short=2,
        run=run,
    ),
)
