"""Requests per second, start to pause and resume to done: through the app, beside the same graph run bare.

Both use one worker process with as many threads, the same PostgreSQL, the same chain and the same request. Bare is
LangGraph on its own saver, in sync durability, with no rows, no doorbells and nobody who decides.
"""

import os
import statistics
import subprocess
import sys
import time
import uuid

from django.contrib.auth.models import User

from approvals import decisions, threads
from approvals.ballots import Ballot, Seen
from approvals.models import Interrupt, Thread, ThreadStatus, Verdict
from bench.desk import Desk
from bench.people import nobody_waits, person

REQUESTS = 60
ROUNDS = 3
TEXT = "Hello, this is Marta Nowak. Both lamps of order ORD-48213 arrived broken. Please refund 1,240.00 EUR."


def measure(desk: Desk) -> None:
    nobody_waits()
    requester, reviewer = person("bench-requester", "requesters"), person("bench-reviewer", "reviewers")
    through_app(requester, reviewer)  # the first ones pay for imports and connections
    app: list[float] = []
    bare: list[float] = []
    for _ in range(ROUNDS):
        bare.append(without_app())
        app.append(through_app(requester, reviewer))
    ratio = statistics.median(app) / statistics.median(bare)
    print(f"throughput: {REQUESTS} requests a round, {ROUNDS} rounds, requests per second, median")
    print(f"  bare LangGraph {statistics.median(bare):6.1f}   {[round(rate, 1) for rate in bare]}")
    print(f"  through the app {statistics.median(app):5.1f}   {[round(rate, 1) for rate in app]}")
    print(f"  ratio {ratio:.2f}")


def through_app(requester: User, reviewer: User) -> float:
    """Submit all, decide each as soon as it waits, until all are done."""
    begun = time.perf_counter()
    ids = {threads.submit(requester, "prompt_chain", {"request": TEXT}).id for _ in range(REQUESTS)}
    decided: set[uuid.UUID] = set()
    while Thread.objects.filter(id__in=ids).exclude(status=ThreadStatus.DONE).exists():
        for question in Interrupt.objects.open().filter(thread_id__in=ids).exclude(id__in=decided):
            seen = Seen(question.interrupt_id, question.checkpoint_id, question.payload_sha256)
            decisions.decide(reviewer, question.id, Ballot(Verdict.APPROVE, seen))
            decided.add(question.id)
        time.sleep(0.02)
    return REQUESTS / (time.perf_counter() - begun)


def without_app() -> float:
    """In a process of its own, as the worker is; it measures itself, without its start."""
    command = [sys.executable, "-m", "bench.bare", str(REQUESTS), TEXT]
    finished = subprocess.run(command, env=os.environ, check=True, capture_output=True, text=True)
    return float(finished.stdout)
