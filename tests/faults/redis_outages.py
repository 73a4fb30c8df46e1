"""Redis goes away in every way it can while people submit and decide: nobody waits for it, and nothing is lost."""

import random
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from random import Random

from django.db import connection
from redis import Redis

from approvals.models import Interrupt, Run
from tests.faults.clients import OutOfPatience, Visitor, judge_winners, refusals_of
from tests.faults.crews import Crew
from tests.faults.crowd import Crowd
from tests.faults.outages import crash_redis, start_redis
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

CREW = ["threads", "prefork"]
POSTERS = 3
PAUSES = (0.1, 0.5)
SUBMITTED = 0.35
NODE_SECONDS = (0.0, 0.2)
FIRST_STOCK = 16
LONGEST_POST_SECONDS, CATCH_UP_SECONDS = 1.5, 15.0
SECONDS_AWAY = (1.0, 15.0, 3.0)  # shortest, longest, likeliest; every tenth outage is long
LONG_AWAY = (20.0, 60.0)
STUCK_SECONDS = 120.0
# More was asked in the full campaign than one hand decides in a minute.
LONGEST_REST_SECONDS = 900.0


@contextmanager
def killed(site: Site) -> Iterator[None]:
    crash_redis(site)
    yield
    start_redis(site)


@contextmanager
def flushed(site: Site) -> Iterator[None]:
    Redis.from_url(site.redis.url).flushall()
    yield
    Redis.from_url(site.redis.url).flushall()


@contextmanager
def read_only(site: Site) -> Iterator[None]:
    """A replica whose master is not there: it answers, and refuses every write."""
    Redis.from_url(site.redis.url).replicaof("127.0.0.1", "1")
    yield
    Redis.from_url(site.redis.url).replicaof("NO", "ONE")


@contextmanager
def full(site: Site) -> Iterator[None]:
    Redis.from_url(site.redis.url).config_set("maxmemory-policy", "noeviction")
    Redis.from_url(site.redis.url).config_set("maxmemory", "1")
    yield
    Redis.from_url(site.redis.url).config_set("maxmemory", "0")


@contextmanager
def frozen(site: Site) -> Iterator[None]:
    """It takes connections, and never answers."""
    site.redis.child.process.send_signal(signal.SIGSTOP)
    yield
    site.redis.child.process.send_signal(signal.SIGCONT)


WAYS: tuple[Callable[[Site], object], ...] = (frozen, killed, read_only, full, flushed)


@dataclass
class Outages:
    """`stock` are open questions, to be decided while nothing new is asked since no worker hears a doorbell."""

    crew: Crew
    crowd: Crowd
    rng: Random
    tally: Tally
    visitors: list[Visitor] = field(default_factory=list)
    away: list[tuple[float, float]] = field(default_factory=list)
    winners: dict[uuid.UUID, int] = field(default_factory=dict)
    _stock: list[Interrupt] = field(default_factory=list)
    _back: threading.Event = field(default_factory=threading.Event)

    def trial(self, name: str, outage: Callable[[], object], seconds: float) -> None:
        self._stock = list(Interrupt.objects.open().filter(thread__in=self.crowd.began))
        self._back.clear()
        posters = [threading.Thread(target=self._post, args=(Random(self.rng.random()),)) for _ in range(POSTERS)]
        for poster in posters:
            poster.start()
        time.sleep(self.rng.uniform(0.2, 1.0))
        began = time.time()
        with outage():  # type: ignore[attr-defined]
            time.sleep(seconds)
        self.away.append((began, time.time()))
        self._back.set()
        for poster in posters:
            poster.join()
        name = f"trial {self.tally.trials}, Redis {name} for {seconds:.1f} s"
        self._catch_up(name)
        self._bury_the_dead(name)
        self.tally.trials += 1

    def post_seconds(self, what: str) -> list[float]:
        """How long each form took that was under way while Redis was away, sorted."""
        sent = [sending for visitor in self.visitors for sending in visitor.sent if sending.what == what]
        return sorted(
            sending.seconds
            for sending in sent
            if any(sending.began < end and sending.began + sending.seconds > begin for begin, end in self.away)
        )

    def _catch_up(self, trial: str) -> None:
        """Everything that was owed is done."""
        returned = self.away[-1][1]
        while any(worker.is_running for worker in self.crew.workers.values()) and self._owed():
            if time.time() - returned > STUCK_SECONDS:
                self.tally.expect(False, f"{trial}: runs are still owed {STUCK_SECONDS:.0f} s after its return")
                return
            time.sleep(0.05)
        seconds = time.time() - returned
        self.tally.recovered(seconds)
        self.tally.expect(seconds <= CATCH_UP_SECONDS, f"{trial}: caught up {seconds:.1f} s after its return")

    def _owed(self) -> bool:
        return Run.objects.live().filter(thread__in=self.crowd.began).exists()

    def _bury_the_dead(self, trial: str) -> None:
        """A worker outlives its Redis. One that did not gets a successor, so that the next outage finds two again."""
        for worker in [worker for worker in self.crew.workers.values() if not worker.is_running]:
            self.tally.expect(False, f"{trial}: {worker.name} ended. {worker.last_words()[-200:].strip()}")
            self.crew.replace(worker)

    def _post(self, rng: Random) -> None:
        who = self.crowd.people
        requester, reviewer = Visitor.of(self.crew, who.rita), Visitor.of(self.crew, rng.choice(who.reviewers))
        self.visitors += [requester, reviewer]
        try:
            while not self._back.is_set():
                self._post_once(requester, reviewer, rng)
                time.sleep(rng.uniform(*PAUSES))
        except OutOfPatience as gave_up:
            self.tally.expect(False, str(gave_up))
        finally:
            connection.close()

    def _post_once(self, requester: Visitor, reviewer: Visitor, rng: Random) -> None:
        question = self._stock.pop() if self._stock and rng.random() > SUBMITTED else None
        if question is None:
            thread_id, answer = requester.submit(self.crowd.effects, rng.uniform(*NODE_SECONDS), f"By {uuid.uuid4()}")
            if thread_id is not None:
                self.crowd.began.append(thread_id)
        else:
            answer = reviewer.decide(question, approve=rng.random() < 0.7)
            self.winners[question.id] = reviewer.person.id
        self.tally.expect(answer.status_code in (200, 303), f"told {answer.status_code}: {answer.text[:200]}")


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally()
    crew = Crew(site.directory / "redis_outages", pools=CREW)
    try:
        crew.start_web()
        crowd = Crowd(site.directory / "redis_outages" / "effects", rng, FIRST_STOCK, NODE_SECONDS)
        outages = Outages(crew, crowd, rng, tally)
        _stock_up(crowd)
        for number, way in zip(range(trials), cycle(WAYS), strict=False):
            is_long = number % 10 == 9
            seconds = rng.uniform(*LONG_AWAY) if is_long else rng.triangular(*SECONDS_AWAY)
            outages.trial(way.__name__, lambda way=way: way(site), 4.0 if site.short else seconds)  # type: ignore[misc]
        crowd.rest(within=LONGEST_REST_SECONDS)
        crowd.audit(tally, refusals=refusals_of(outages.visitors))
        judge_winners(outages.winners, tally)
        _judge_posts(outages, tally, f"{len(crowd.began):,} requests")
    finally:
        crew.stop()
    return tally


def _stock_up(crowd: Crowd) -> None:
    for _ in range(FIRST_STOCK):
        crowd.submit()
    while Run.objects.live().filter(thread__in=crowd.began).exists():
        time.sleep(0.1)


def _judge_posts(outages: Outages, tally: Tally, note: str) -> None:
    failed = [sending for visitor in outages.visitors for sending in visitor.sent if not 0 < sending.status < 500]
    tally.expect(not failed, f"{len(failed)} forms were answered with an error: {failed[:2]}")
    for what in ("submit", "decide"):
        seconds = outages.post_seconds(what)
        slowest = seconds[int(len(seconds) * 0.99)] if seconds else 0.0
        note += f", {what} p99 {slowest:.2f} s of {len(seconds):,}"
        tally.expect(slowest < LONGEST_POST_SECONDS, f"{what}: p99 {slowest:.2f} s while Redis was away")
    tally.note = note


CAMPAIGNS = (
    Campaign(
        name="redis_outages",
        promise="Redis away: forms are answered within 1.5 s, nothing is lost, all is caught up 15 s after its return",
        full=50,
        short=1,
        run=run,
    ),
)
