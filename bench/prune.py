"""What pruning costs the workers: finished requests in a second, with and without it, window beside window.

Twenty requests are under way all the time, each decided as soon as it waits; some questions stay open throughout. A few
finished threads are copied, rows and checkpoints, as often as HOLDPOINT_BENCH_THREADS says, and pruned in a process of
its own that is told when to work and when not. Windows alternate, so that whatever else the machine does hits both.
"""

import os
import random
import statistics
import subprocess
import sys
import threading
import time
import uuid
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone

from approvals import decisions, threads
from approvals.ballots import Ballot, Seen
from approvals.models import Event, EventKind, Interrupt, Removal, RemovalStatus, Thread, ThreadStatus, Verdict
from bench.desk import Desk
from bench.people import nobody_waits, person

THREADS = int(os.environ.get("HOLDPOINT_BENCH_THREADS", "2000"))
WINDOWS = int(os.environ.get("HOLDPOINT_BENCH_WINDOWS", "6"))
SECONDS = float(os.environ.get("HOLDPOINT_BENCH_SECONDS", "10"))
UNDER_WAY, OPEN, MODELS = 20, 20, 5
TEXT = "Hello, this is Marta Nowak. Both lamps of order ORD-48213 arrived broken. Please refund 1,240.00 EUR."
# Each copy is a thread of its own, old enough, with all rows of the checkpoints of the one it was made from.
COPY = """
CREATE TEMPORARY TABLE copies AS
    SELECT gen_random_uuid() AS id, (%s::uuid[])[1 + (n %% %s)] AS original FROM generate_series(1, %s) AS n;
INSERT INTO approvals_thread (id, chain, chain_version, title, input, status, requested_by_id, requested_by_name,
    created_at, last_activity_at)
    SELECT copies.id, chain, chain_version, title, input, status, requested_by_id, requested_by_name,
        now() - interval '90 days', now() - random() * interval '30 days' - interval '60 days'
    FROM copies JOIN approvals_thread AS t ON t.id = original;
INSERT INTO checkpoints SELECT copies.id::text, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
    metadata FROM copies JOIN checkpoints AS c ON c.thread_id = original::text;
INSERT INTO checkpoint_blobs SELECT copies.id::text, checkpoint_ns, channel, version, type, blob
    FROM copies JOIN checkpoint_blobs AS b ON b.thread_id = original::text;
INSERT INTO checkpoint_writes SELECT copies.id::text, checkpoint_ns, checkpoint_id, task_id, idx, channel, type, blob,
    task_path FROM copies JOIN checkpoint_writes AS w ON w.thread_id = original::text;
DROP TABLE copies
"""


def measure(desk: Desk) -> None:
    nobody_waits()
    requester, reviewer = person("bench-requester", "requesters"), person("bench-reviewer", "reviewers")
    crowd = Crowd(requester, reviewer)
    models, left_open = crowd.finish(MODELS), crowd.leave_open(OPEN)
    begun = time.perf_counter()
    copy(models)
    print(f"prune: {THREADS} finished threads made in {time.perf_counter() - begun:.0f} s")
    with Pruner() as pruner:
        with crowd:
            time.sleep(SECONDS / 2)
            report(*windows(crowd, pruner))
        print(f"  the rest, alone and without pauses, in {prune_the_rest(pruner):.0f} s", flush=True)
    check(left_open)


def windows(crowd: "Crowd", pruner: "Pruner") -> tuple[list[float], list[float], int]:
    """Requests per second without and beside it, and how many threads went meanwhile."""
    rates: dict[bool, list[float]] = {False: [], True: []}
    before = to_do()
    for pair in range(WINDOWS):
        for is_beside in random.sample((False, True), 2) if pair else (False, True):
            (pruner.go if is_beside else pruner.rest)()
            time.sleep(1)  # the last turn ends, or the first begins
            done, begun = crowd.done, time.perf_counter()
            time.sleep(SECONDS)
            rates[is_beside].append((crowd.done - done) / (time.perf_counter() - begun))
    pruner.rest()
    return rates[False], rates[True], before - to_do()


def prune_the_rest(pruner: "Pruner") -> float:
    """Without pauses, since nobody else is there; how long it took."""
    begun = time.perf_counter()
    pruner.hurry()
    while left := to_do():
        if pruner.has_ended:
            sys.exit(f"The pruner ended with {left} threads left.")
        time.sleep(0.5)
    return time.perf_counter() - begun


def report(without: list[float], beside: list[float], pruned: int) -> None:
    ratios = [with_it / alone for alone, with_it in zip(without, beside, strict=True)]
    print(f"  without  {statistics.mean(without):5.2f} requests a second  {[round(rate, 2) for rate in without]}")
    print(f"  beside   {statistics.mean(beside):5.2f} requests a second  {[round(rate, 2) for rate in beside]}")
    print(f"  ratio {statistics.mean(beside) / statistics.mean(without):.3f}, of pairs {statistics.median(ratios):.3f}")
    print(f"  pruned {pruned} threads in {WINDOWS * SECONDS:.0f} s of windows", flush=True)


def check(left_open: list[uuid.UUID]) -> None:
    """Every one went, none that somebody is asked about did."""
    gone = Removal.objects.filter(status=RemovalStatus.DONE).count()
    told = Event.objects.filter(kind=EventKind.CHECKPOINTS_REMOVED).count()
    still = Interrupt.objects.open().filter(thread_id__in=left_open).count()
    touched = Removal.objects.filter(thread_id__in=left_open).count()
    failed = Thread.objects.filter(status=ThreadStatus.FAILED).count()
    print(f"  {gone} threads removed, {told} lines in the record, {to_do()} left")
    print(f"  open questions {still} of {OPEN}, touched {touched}; requests that failed {failed}")
    assert (still, touched, failed, gone - told) == (OPEN, 0, 0, 0)


def copy(models: list[uuid.UUID]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COPY, (models, len(models), THREADS))
        cursor.execute("ANALYZE")


def to_do() -> int:
    old = Thread.objects.filter(status=ThreadStatus.DONE, created_at__lt=timezone.now() - timedelta(days=60))
    return old.exclude(removal__status=RemovalStatus.DONE).count()


class Crowd:
    """Requesters and reviewers: UNDER_WAY requests at any time, each decided at once. In a thread of its own."""

    def __init__(self, requester: User, reviewer: User) -> None:
        self.requester, self.reviewer, self.done = requester, reviewer, 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def finish(self, many: int) -> list[uuid.UUID]:
        ids = {self._submit() for _ in range(many)}
        while Thread.objects.filter(id__in=ids).exclude(status=ThreadStatus.DONE).exists():
            self._decide(ids)
            time.sleep(0.05)
        return list(ids)

    def leave_open(self, many: int) -> list[uuid.UUID]:
        ids = {self._submit() for _ in range(many)}
        while Thread.objects.filter(id__in=ids, status=ThreadStatus.PAUSED).count() < many:
            time.sleep(0.1)
        return list(ids)

    def _work(self) -> None:
        under_way: set[uuid.UUID] = set()
        while not self._ended.is_set():
            under_way |= {self._submit() for _ in range(UNDER_WAY - len(under_way))}
            self._decide(under_way)
            ended = set(Thread.objects.filter(id__in=under_way, status=ThreadStatus.DONE).values_list("id", flat=True))
            self.done += len(ended)
            under_way -= ended
            time.sleep(0.02)
        connection.close()

    def _submit(self) -> uuid.UUID:
        return threads.submit(self.requester, "prompt_chain", {"request": TEXT}).id

    def _decide(self, ids: set[uuid.UUID]) -> None:
        for question in Interrupt.objects.open().filter(thread_id__in=ids):
            seen = Seen(question.interrupt_id, question.checkpoint_id, question.payload_sha256)
            decisions.decide(self.reviewer, question.id, Ballot(Verdict.APPROVE, seen))

    def __enter__(self) -> "Crowd":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._ended.set()
        self._thread.join()


class Pruner:
    """A process of its own, as the command is, that hears go and rest."""

    def __enter__(self) -> "Pruner":
        command = [sys.executable, "-m", "bench.prune_apart"]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self._child.stdout is not None
        assert self._child.stdout.readline() == "ready\n"
        return self

    def go(self) -> None:
        self._say("go")

    def hurry(self) -> None:
        self._say("hurry")

    def rest(self) -> None:
        self._say("rest")

    @property
    def has_ended(self) -> bool:
        return self._child.poll() is not None

    def _say(self, word: str) -> None:
        if not self.has_ended and self._child.stdin is not None:
            print(word, file=self._child.stdin, flush=True)

    def __exit__(self, *error: object) -> None:
        self._child.kill()
        self._child.wait()
