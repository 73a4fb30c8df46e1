"""Messages to a real worker: doubled, out of order, late, forged and malformed. A doorbell only ever means "look"."""

import random
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from kombu import Connection

from approvals import decisions
from approvals.celery import app
from approvals.models import Interrupt, Run, Thread
from approvals.tasks import look_at_run
from tests.faults.checking import effects, finished, told
from tests.faults.journeys import CASES, Case, ballot, person, submit, walk
from tests.faults.lanes import spread
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site
from tests.stack import Stack
from tests.waiting import eventually

CHAINS = ("asks", "twice", "bound_twice", "parallel", "fan")
AT_ONCE = 25
MOST_TIMES = 10
# Beside each doorbell's real messages, so many that are not.
FORGED = 4
PATIENCE_SECONDS = 120.0
QUEUE = settings.CELERY_TASK_DEFAULT_QUEUE

Message = tuple[str, list[Any], dict[str, Any]]


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    """`trials` are messages."""
    (found,) = spread(site, lambda plans: _ring(plans[0], site.directory), [(trials, rng.randrange(2**32))])
    return found


def _ring(plan: tuple[int, int], logs: Path) -> Tally:
    messages, seed = plan
    rng, found, threads = random.Random(seed), Tally(), list[tuple[Thread, Case]]()
    references = {chain: effects(walk(CASES[chain], f"{chain} undisturbed")) for chain in CHAINS}
    with _worker(logs) as (worker, broker):
        while found.trials < messages:
            batch = [_submitted(rng.choice(CHAINS), f"thread {len(threads) + n}") for n in range(AT_ONCE)]
            threads += batch
            _to_their_ends([thread for thread, _ in batch], rng, broker, found)
        found.expect(worker.poll() is None, f"seed {seed}: a message ended the worker")
        _drained()
        _to_their_ends([_submitted("asks", "the last of all")[0]], rng, broker, found)
    for thread, case in threads:
        wrong = finished(thread, case, reference=references[case.chain], exact=True)
        found.violations += told(f"seed {seed}, {thread.input['name']}, {case.chain}", wrong)
    found.note = f"{len(threads):,} threads"
    return found


@contextmanager
def _worker(logs: Path) -> Iterator[tuple[Any, Connection]]:
    stack = Stack(logs)
    try:
        worker = stack.start_worker()
        with app.connection_for_write() as broker:
            yield worker, broker
    finally:
        stack.stop()


def _submitted(chain: str, name: str) -> tuple[Thread, Case]:
    return submit(CASES[chain], name), CASES[chain]


def _to_their_ends(threads: Sequence[Thread], rng: random.Random, broker: Connection, found: Tally) -> None:
    """One turn after the other: every thread's doorbell many times in any order, then every open question."""
    past: list[uuid.UUID] = []
    ids = [thread.id for thread in threads]
    while True:
        due = list(Run.objects.live().filter(thread_id__in=ids).values_list("id", flat=True))
        found.trials += _publish(due, past, rng, broker)
        past += due
        stuck = _unless(lambda: not Run.objects.live().filter(thread_id__in=ids).exists())
        if stuck:
            found.violations.append(f"runs are still live {PATIENCE_SECONDS} s after their doorbells")
            return
        questions = list(Interrupt.objects.open().filter(thread_id__in=ids))
        for question in questions:
            decisions.decide(person("alice"), question.id, ballot(question))
        if not questions:
            return


def _publish(due: Sequence[uuid.UUID], past: Sequence[uuid.UUID], rng: random.Random, broker: Connection) -> int:
    messages: list[Message] = [
        (look_at_run.name, [str(run_id)], {}) for run_id in due for _ in range(rng.randint(1, MOST_TIMES))
    ]
    for _ in range(int(len(due) * FORGED)):
        messages.append(_forged(rng, [*due, *past]))
    rng.shuffle(messages)
    for name, arguments, named in messages:
        app.send_task(name, args=arguments, kwargs=named, connection=broker)
    return len(messages)


def _forged(rng: random.Random, runs: Sequence[uuid.UUID]) -> Message:
    known = str(rng.choice(runs))
    thread = str(Run.objects.values_list("thread_id", flat=True).get(id=known))
    bad_arguments: list[list[Any]] = [
        [],
        [""],
        [None],
        [7],
        [{"run_id": known}],
        [[known]],
        [known, known],
        ["not a run"],
        ["' OR 1=1 --"],
        ["\x00"],
        ["x" * 100_000],
        [thread],
        [str(uuid.UUID(int=rng.getrandbits(128)))],
        [str(uuid.UUID(int=rng.getrandbits(128)))],
    ]
    kinds: list[Message] = [
        (look_at_run.name, rng.choice(bad_arguments), {}),
        (look_at_run.name, [str(rng.choice(runs))], {}),
        (look_at_run.name, [known], {"verdict": "approve"}),
        (look_at_run.name, [], {"run_id": known, "answers": {}}),
        (rng.choice(["holdpoint.decide", "approvals.decisions.decide", "os.system", "celery.map"]), [known], {}),
    ]
    return rng.choices(kinds, weights=(6, 3, 1, 1, 1))[0]


def _drained() -> None:
    queue = redis.Redis.from_url(settings.REDIS_URL)
    eventually(lambda: queue.llen(QUEUE) == 0, within=PATIENCE_SECONDS, what="an empty queue")


def _unless(is_so: Any) -> bool:
    """Whether it was not so in all that time."""
    try:
        eventually(is_so, within=PATIENCE_SECONDS)
    except AssertionError:
        return True
    return False


CAMPAIGNS = (
    Campaign(
        "doorbells",
        "Doubled, reordered, late, forged and malformed doorbells run no node a second time and stop no worker",
        10_000,
        500,
        run,
    ),
)
