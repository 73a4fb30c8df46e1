"""Every doorbell of a thread is answered up to five times at once, and again long after the thread has gone on."""

import random
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from django.db import connection

from approvals import decisions, execution
from approvals.models import Decision, Interrupt, InterruptStatus, Run, Thread
from approvals.opened import checkpointer, compiled
from tests.faults.checking import at_rest, effects, finished, head_of, told
from tests.faults.journeys import CASES, Case, ballot, person, submit, walk
from tests.faults.kill_points import warm_up
from tests.faults.lanes import tally
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

MOST_AT_ONCE = 5
LATE_AT_ONCE = 2
CHAINS = ("asks", "twice", "bound_twice", "thrice", "parallel", "fan", "nested")
# One journey in so many is one whose question changes between decision and doorbell.
CHANGING_EVERY = 5
# A node that takes this long is still at work when its thread's other doorbells arrive.
SLOW = {"seconds": 0.02}
RESTLESS = Case("restless", ("Pay",))
# A shut lane is asked no more, however many deliveries its journeys turned out to have.
SHARE = 100

Deliver = Callable[[Sequence[uuid.UUID]], list[str]]


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    """`trials` are deliveries."""
    shares = [(rng.randrange(2**32), min(SHARE, trials - given)) for given in range(0, trials, SHARE)]
    return tally(site, _shares, shares)


def _shares(shares: Sequence[tuple[int, int]]) -> Tally:
    warm_up()
    found = Tally()
    references = {chain: effects(walk(slow(chain), f"{chain} undisturbed")) for chain in CHAINS}
    with crowd() as deliver:
        for seed, deliveries in shares:
            rng, counted, number = random.Random(seed), Counted(deliver), 0
            while counted.number < deliveries:
                number += 1
                name = f"seed {seed}, journey {number}"
                chain = rng.choice(CHAINS)
                changing = number % CHANGING_EVERY == 0
                wrong = (
                    changed(rng, name, counted) if changing else journey(rng, chain, name, counted, references[chain])
                )
                found.violations += told(f"{name}, {'restless' if changing else chain}", wrong)
            found.trials += counted.number
    return found


class Counted:
    """Deliver, and count how many."""

    def __init__(self, deliver: Deliver) -> None:
        self.number = 0
        self._deliver = deliver

    def __call__(self, runs: Sequence[uuid.UUID]) -> list[str]:
        self.number += len(runs)
        return self._deliver(runs)


def slow(chain: str) -> Case:
    return Case(chain, CASES[chain].titles, SLOW)


def journey(rng: random.Random, chain: str, name: str, deliver: Deliver, reference: Counter[str]) -> list[str]:
    case, wrong, past = slow(chain), list[str](), list[uuid.UUID]()
    thread = submit(case, name)
    while True:
        run = Run.objects.live().filter(thread=thread).first()
        question = Interrupt.objects.open().filter(thread=thread).oldest_first().first()
        if run is not None:
            late = rng.sample(past, min(LATE_AT_ONCE, len(past)))
            wrong += deliver([run.id] * rng.randint(1, MOST_AT_ONCE) + late)
            past.append(run.id)
        elif question is not None:
            decisions.decide(person("alice"), question.id, ballot(question))
        else:
            break
    wrong += deliver(past)
    return [*wrong, *finished(thread, case, reference=reference, exact=True)]


def changed(rng: random.Random, name: str, deliver: Deliver) -> list[str]:
    """Something that is not Holdpoint runs the waiting node again: other bytes, under the id that was decided on."""
    thread = submit(RESTLESS, name)
    wrong = _ring(thread, 1, deliver)
    old = Interrupt.objects.open().get(thread=thread)
    decisions.decide(person("alice"), old.id, ballot(old))
    run_again_behind_our_back(thread)
    now = head_of(thread).pending[0]
    if now.interrupt_id != old.interrupt_id or now.sha256 == old.payload_sha256:
        return [*wrong, "the fault was not caused: the question did not change under its id"]
    wrong += _ring(thread, rng.randint(1, MOST_AT_ONCE), deliver)
    wrong += [f"a decision on other bytes was carried out: {effect}" for effect in effects(thread)]
    old.refresh_from_db()
    if old.status != InterruptStatus.SUPERSEDED or Decision.objects.get(interrupt=old).voided_at is None:
        return [*wrong, f"the old question is {old.status}, its decision not void"]
    wrong += at_rest(thread)
    fresh = Interrupt.objects.open().get(thread=thread)
    decisions.decide(person("alice"), fresh.id, ballot(fresh))
    wrong += _ring(thread, rng.randint(1, MOST_AT_ONCE), deliver)
    done = [effect.partition(" where ")[2] for effect in effects(thread).elements()]
    if done != [f"{fresh.value['amount']} was approved"]:
        wrong.append(f"{fresh.value['amount']} was approved, but done was: {done}")
    return [*wrong, *at_rest(thread)]


def _ring(thread: Thread, times: int, deliver: Deliver) -> list[str]:
    return deliver([run.id for run in Run.objects.live().filter(thread=thread)] * times)


def run_again_behind_our_back(thread: Thread) -> None:
    with checkpointer().hold(str(thread.id)) as held:
        graph = compiled(thread.chain, held.saver, held.graphs)
        graph.invoke(None, {"configurable": {"thread_id": str(thread.id)}}, durability="sync")


@contextmanager
def crowd() -> Iterator[Deliver]:
    """As many workers as answer at once, each with connections of its own for as long as the crowd stands."""
    with ThreadPoolExecutor(MOST_AT_ONCE + LATE_AT_ONCE) as workers:

        def deliver(runs: Sequence[uuid.UUID]) -> list[str]:
            gate = threading.Barrier(min(len(runs), MOST_AT_ONCE + LATE_AT_ONCE)) if runs else None

            def look(run_id: uuid.UUID, meets: bool) -> None:
                if gate is not None and meets:
                    gate.wait(timeout=30)
                execution.look(run_id)

            looks = [
                workers.submit(look, run_id, place < MOST_AT_ONCE + LATE_AT_ONCE) for place, run_id in enumerate(runs)
            ]
            errors = [error for one in looks if (error := one.exception()) is not None]
            return [f"look() raised {type(error).__name__}: {error}" for error in errors]

        yield deliver
        for _ in workers.map(lambda _: connection.close(), range(MOST_AT_ONCE + LATE_AT_ONCE)):
            pass


CAMPAIGNS = (
    Campaign(
        "doubled_resumes",
        "A doorbell answered many times, at once and late, has its effects once",
        5_000,
        200,
        run,
    ),
)
