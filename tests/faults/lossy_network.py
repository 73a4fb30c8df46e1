"""A worker behind a network that breaks, stalls, truncates, or goes silent, towards PostgreSQL and towards Redis."""

import random
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field

from approvals import decisions
from approvals.models import Decision, Interrupt, Run, RunKind, RunStatus, Thread, Verdict
from tests.faults.desk import Desk, counted, open_desk, payments
from tests.faults.paying import DIRECT
from tests.faults.proxy import Proxy
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site
from tests.test_main_job import ballot
from tests.waiting import eventually

THREADS = 5
PATIENCE = 90
# For the short campaign; the full one is about the settings a worker has when nobody sets any.
QUICK = {"HOLDPOINT_LEASE_SECONDS": "5", "HOLDPOINT_SWEEP_SECONDS": "0.5"}
# What a worker says just before it holds something that others wait for.
HOLDING = (b"holdpoint:sweep", b"FOR UPDATE")


@dataclass
class Network:
    """The one worker's two ways out. Nobody else goes through them."""

    database: Proxy
    redis: Proxy
    pid: int = 0
    # Submits one more.
    ask: Callable[[], object] = field(default=lambda: None)

    def heal(self) -> None:
        self.database.heal()
        self.redis.heal()

    def give_up(self) -> None:
        """What a silent connection comes to in the end: the operating system breaks it."""
        self.heal()
        self.database.cut()
        self.redis.cut()


Fault = Callable[[Network, random.Random], None]


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally(trials=trials)
    caused: Counter[str] = Counter()
    with (
        closing(Proxy(site.database.url)) as database,
        closing(Proxy(site.redis.url)) as redis,
        open_desk(site, "lossy_network") as desk,
    ):
        network = Network(database, redis)
        behind = {"DATABASE_URL": database.url, "REDIS_URL": redis.url, DIRECT: site.database.url}
        environment = QUICK if site.short else {}
        network.pid = desk.stack.start_worker(concurrency=8, **behind, **environment).pid
        silent = max(1, trials // 4)
        causes = [ALONE[trial % len(ALONE)] for trial in range(trials - silent)]
        _series(tally, desk, network, causes, caused, rng)
        helper = desk.stack.start_worker(concurrency=8, **environment)
        causes = [TAKEN_OVER[trial % len(TAKEN_OVER)] for trial in range(silent)]
        _series(tally, desk, network, causes, caused, rng)
        helper.terminate()
        helper.wait()
        _series(tally, desk, network, [_nothing], Counter(), rng)
    tally.note = ", ".join(f"{count} {name}" for name, count in caused.items())
    return tally


def _series(
    tally: Tally, desk: Desk, network: Network, causes: list[Fault], caused: Counter[str], rng: random.Random
) -> None:
    for fault in causes:
        where = f"trial {caused.total()} ({_named(fault)})"
        caused[_named(fault)] += 1
        with counted(tally, where):
            _trial(tally, desk, network, fault, where, rng)


def _named(fault: Fault) -> str:
    return fault.__name__.strip("_").replace("_", " ")


def _nothing(network: Network, rng: random.Random) -> None:
    """Once more at the end: the worker behind the network is fit again, and alone."""


def _breaks(network: Network, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 4)):
        time.sleep(rng.uniform(0, 0.4))
        rng.choice([network.database, network.database, network.redis]).cut()


def _stalls(network: Network, rng: random.Random) -> None:
    time.sleep(rng.uniform(0, 0.5))
    rng.choice([network.database, network.redis]).hold_back(rng.uniform(0.05, 0.5))
    time.sleep(rng.uniform(1, 4))


def _truncates(network: Network, rng: random.Random) -> None:
    time.sleep(rng.uniform(0, 0.8))
    network.database.cut_after(rng.randrange(1, 6_000))
    network.redis.cut_after(rng.randrange(1, 600))
    time.sleep(1)


def _has_a_silent_Redis(network: Network, rng: random.Random) -> None:
    """Longer than the socket timeout: the worker must notice by itself, nothing is broken for it."""
    time.sleep(rng.uniform(0, 0.8))
    network.redis.swallow()
    time.sleep(rng.uniform(6, 9))


def _goes_silent(network: Network, rng: random.Random) -> None:
    mine = Run.objects.filter(status=RunStatus.RUNNING, lease_owner__endswith=f":{network.pid}")

    def is_at_work() -> bool:
        if not Run.objects.live().exists():  # the other worker was quicker, each time
            network.ask()
        return mine.exists()

    eventually(is_at_work, within=PATIENCE, what="the worker behind the network at work")
    time.sleep(rng.uniform(0, 0.5))
    network.database.swallow()


def _goes_silent_in_a_transaction(network: Network, rng: random.Random) -> None:
    network.database.swallow_after(rng.choice(HOLDING))
    eventually(lambda: network.database.is_swallowing, within=PATIENCE, what="the worker behind the network heard")


ALONE: tuple[Fault, ...] = (_breaks, _truncates, _stalls, _has_a_silent_Redis)
TAKEN_OVER: tuple[Fault, ...] = (_goes_silent_in_a_transaction, _goes_silent)


def _trial(tally: Tally, desk: Desk, network: Network, fault: Fault, where: str, rng: random.Random) -> None:
    """Until every thread is at its end. What only its helper can finish is finished while the silence lasts."""
    seconds = 3 if fault in TAKEN_OVER else rng.uniform(0, 0.6)
    under_way = [desk.submit(amount=amount, seconds=seconds) for amount in range(THREADS)]
    network.ask = lambda: under_way.append(desk.submit(amount=len(under_way), seconds=seconds))
    fault(network, rng)
    if fault not in TAKEN_OVER:
        network.heal()
    begun = time.monotonic()
    left = _finish(desk, under_way, rng)
    tally.recovered(time.monotonic() - begun)
    network.give_up()
    for thread in left:
        run = Run.objects.filter(thread=thread).order_by("-created_at")[0]
        tally.expect(False, f"{where}: {thread.id} is {thread.status} after {PATIENCE} s, its run {run.status}")
    for thread in under_way:
        if thread not in left:
            _judge(tally, f"{where}, thread {thread.id}", thread)


def _finish(desk: Desk, under_way: list[Thread], rng: random.Random) -> list[Thread]:
    """Decide what is asked until all are done; those that never were."""
    deadline = time.monotonic() + PATIENCE
    left = under_way
    while left and time.monotonic() < deadline:
        for question in Interrupt.objects.open().filter(thread__in=left, thread__status="paused"):
            decisions.decide(rng.choice(desk.reviewers), question.id, ballot(question, Verdict.APPROVE))
        left = list(Thread.objects.filter(id__in=[thread.id for thread in left]).exclude(status="done"))
        time.sleep(0.1)
    return left


def _judge(tally: Tally, where: str, thread: Thread) -> None:
    """Paid what was approved, and no oftener than a worker was lost while it paid."""
    decided = Decision.objects.filter(interrupt__thread=thread, applied_at__isnull=False).count()
    resumes = list(Run.objects.filter(thread=thread, kind=RunKind.RESUME))
    found = payments(thread)
    tally.expect((decided, len(resumes)) == (1, 1), f"{where}: {decided} decisions applied by {len(resumes)} runs")
    tally.expect(set(found) == {f"paid {thread.input['amount']}"}, f"{where}: {found}")
    attempts = sum(run.generation for run in resumes)
    tally.expect(len(found) <= attempts, f"{where}: paid {len(found)} times in {attempts} attempts")


PROMISE = "A worker's connections may break, stall or go silent: nothing is lost or doubled, and nobody has to help"
CAMPAIGNS = (Campaign("lossy_network", PROMISE, full=60, short=3, run=run),)
