"""The guards, taken out one at a time in a process of its own: the trials must see that they are gone."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from langgraph.types import Command, StateSnapshot

from chains import heads, runner
from chains.checkpointers import PostgresCheckpointer
from chains.heads import Head, HeadStatus
from chains.runner import Work
from tests.faults import doubled
from tests.faults.forks import Forked
from tests.faults.journeys import CASES
from tests.faults.kill_points import Kill, measured, trial, warm_up
from tests.faults.lanes import tally
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

LONGEST_HUNT_SECONDS = 1_800.0


def plain_resume() -> None:
    """The answer alone, once for each doorbell: it goes to whatever is asked at that moment."""

    def plain(head: Head, work: Work) -> Any:
        if head.status is HeadStatus.MISSING or not work.answers:
            return _next_input(head, work)
        return Command(resume=next(iter(work.answers.values())))

    _put(runner, "_next_input", plain)
    _put(runner, "config_for", _not_strict)


def unchecked_resume() -> None:
    """The answer under the id of its question, without a look at what is pending now."""

    def unchecked(head: Head, work: Work) -> Any:
        if head.status is HeadStatus.MISSING or not work.answers:
            return _next_input(head, work)
        return Command(resume={interrupt_id: answer for (interrupt_id, _), answer in work.answers.items()})

    _put(runner, "_next_input", unchecked)
    _put(runner, "config_for", _not_strict)


def resume_by_id() -> None:
    """An id that is pending, without a look at the bytes that were decided on."""

    def by_id(head: Head, work: Work) -> Any:
        known = {interrupt_id: answer for (interrupt_id, _), answer in work.answers.items()}
        named = {pending.key: known[pending.interrupt_id] for pending in head.pending if pending.interrupt_id in known}
        return _next_input(head, replace(work, answers=named))

    _put(runner, "_next_input", by_id)


def no_next_is_finished() -> None:
    def finished(state: StateSnapshot, pending: tuple[heads.Pending, ...]) -> HeadStatus:
        if pending:
            return HeadStatus.WAITING
        return HeadStatus.UNFINISHED if state.next else HeadStatus.FINISHED

    _put(heads, "_status", finished)


def no_lock() -> None:
    _put(PostgresCheckpointer, "_lock", lambda self, connection, thread_id: connection)


_next_input: Final = runner._next_input
_config_for: Final = runner.config_for


def _not_strict(thread_id: str, work: Work) -> Any:
    config = _config_for(thread_id, work)
    del config["configurable"]["__pregel_strict_resume"]
    return config


def _put(owner: Any, name: str, mutant: Any) -> None:
    setattr(owner, name, mutant)


@dataclass(frozen=True)
class Mutant:
    """`chain` is the one whose kill points show that the guard is gone; empty: doubled doorbells show it."""

    remove: Callable[[], None]
    chain: str = ""

    @property
    def name(self) -> str:
        return self.remove.__name__


MUTANTS: Mapping[str, Mutant] = {
    mutant.name: mutant
    for mutant in (
        Mutant(plain_resume, "loop"),
        Mutant(unchecked_resume, "twice"),
        Mutant(resume_by_id),
        Mutant(no_next_is_finished, "asks"),
        Mutant(no_lock),
    )
}


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    """`trials` is how many each mutant may live through."""
    plans = [(name, rng.randrange(2**32), trials // len(MUTANTS)) for name in MUTANTS]
    return tally(site, _hunts, plans)


def _hunts(plans: Sequence[tuple[str, int, int]]) -> Tally:
    warm_up()
    found, caught = Tally(), list[str]()
    for name, seed, trials in plans:
        mutant = MUTANTS[name]
        hunt = _hunt_by_killing if mutant.chain else _hunt_by_doubling
        lived = Forked(lambda: hunt(mutant, seed, trials)).ended(within=LONGEST_HUNT_SECONDS)  # noqa: B023
        if lived.error or lived.killed:
            raise RuntimeError(f"{name}: {lived.error or 'the hunt took too long'}")
        found.trials += lived.result[0]
        found.expect(bool(lived.result[1]), f"{name} was not caught in {lived.result[0]} trials, seed {seed}")
        caught.append(f"{name} after {lived.result[0]}")
        print(f"{name}: {lived.result}", flush=True)
    found.note = ", ".join(caught)
    return found


def _hunt_by_killing(mutant: Mutant, seed: int, trials: int) -> tuple[int, list[str]]:
    """Points in any order, until one shows it."""
    known = measured(CASES[mutant.chain])
    mutant.remove()
    points = random.Random(seed).sample(range(1, known.points + 1), min(trials, known.points))
    for number, point in enumerate(points, start=1):
        wrong = trial(Kill(mutant.chain, point), known.effects, f"{mutant.name} {number}")
        if wrong:
            return number, wrong
    return len(points), []


def _hunt_by_doubling(mutant: Mutant, seed: int, trials: int) -> tuple[int, list[str]]:
    rng = random.Random(seed)
    reference = measured(doubled.slow("asks")).effects
    mutant.remove()
    with doubled.crowd() as deliver:
        for number in range(1, trials + 1):
            name = f"{mutant.name} {number}"
            wrong = doubled.changed(rng, name, deliver) + doubled.journey(rng, "asks", f"{name}b", deliver, reference)
            if wrong:
                return number, wrong
    return trials, []


CAMPAIGNS = (Campaign("mutants", "A guard that is missing is noticed, for each of five", 1_000, 300, run),)
