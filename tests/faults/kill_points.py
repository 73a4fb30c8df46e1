"""A worker, or the web process, is killed at each point of a thread's way; the sweep of another one does the rest."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from approvals.models import Thread
from approvals.opened import registry
from tests.faults.checking import at_rest, effects, finished, not_durable, told
from tests.faults.forks import Ended, forked
from tests.faults.journeys import CASES, Case, send_again, sweep_until_rest, walk
from tests.faults.lanes import spread, tally
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

# Half of the trials that are left when each point was had once kill the recovery as well.
DOUBLE_KILLS = 0.5
# Fewer trials than all points: the shortest chain at each of its points, then any chain at any point.
SHORT_CHAIN = "asks"


@dataclass(frozen=True)
class Undisturbed:
    """What a journey is without any fault."""

    points: int
    effects: Counter[str]


@dataclass(frozen=True)
class Kill:
    """`second` is a point of the recovery, or 0."""

    chain: str
    first: int
    second: int = 0

    @property
    def name(self) -> str:
        return f"{self.chain} killed at {self.first}" + (f" and at {self.second}" if self.second else "")


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    known = undisturbed(site, list(CASES))
    kills = plan(trials, rng, known)
    found = tally(site, killed_at(known), kills)
    doubles = sum(1 for kill in kills if kill.second)
    found.note = f"{sum(known[chain].points for chain in CASES):,} points, {doubles:,} double kills"
    return found


def plan(trials: int, rng: random.Random, known: dict[str, Undisturbed]) -> list[Kill]:
    """Every point of every chain, when there are as many trials; the rest anywhere."""
    every = [Kill(chain, point) for chain in CASES for point in range(1, known[chain].points + 1)]
    if trials < len(every):
        every = [kill for kill in every if kill.chain == SHORT_CHAIN][:trials]
    return [*every, *(_anywhere(rng, known) for _ in range(trials - len(every)))]


def _anywhere(rng: random.Random, known: dict[str, Undisturbed]) -> Kill:
    chain = rng.choice(list(CASES))
    first = rng.randint(1, known[chain].points)
    doubled = rng.random() < DOUBLE_KILLS
    return Kill(chain, first, rng.randint(1, known[chain].points - first + 1) if doubled else 0)


def undisturbed(site: Site, chains: list[str]) -> dict[str, Undisturbed]:
    def measure(share: Sequence[str]) -> dict[str, Undisturbed]:
        warm_up()
        return {chain: measured(CASES[chain]) for chain in share}

    return {chain: found for part in spread(site, measure, chains) for chain, found in part.items()}


def warm_up() -> None:
    """What is imported and built at its first use is so before the forks, which need not do it each."""
    for name in registry().names():
        registry().compile(name)
    for chain in ("asks", "nested"):
        walk(CASES[chain], f"{chain} before the trials")


def measured(case: Case) -> Undisturbed:
    """Raises RuntimeError when even this journey does not keep every promise."""

    def journey() -> Counter[str]:
        return effects(walk(case, f"{case.chain} undisturbed"))

    counted = forked(lambda: walk(case, f"{case.chain} counted"))
    reference: Counter[str] = forked(journey).result
    thread = Thread.objects.get(input__name=f"{case.chain} undisturbed")
    wrong = list(finished(thread, case, reference=reference, exact=True))
    if wrong or counted.error:
        raise RuntimeError(f"{case.chain} is wrong without any fault: {wrong} {counted.error}")
    return Undisturbed(counted.points, reference)


def killed_at(known: dict[str, Undisturbed]) -> Callable[[Sequence[Kill]], Tally]:
    def trials(share: Sequence[Kill]) -> Tally:
        warm_up()
        found = Tally()
        for number, kill in enumerate(share):
            found.trials += 1
            found.violations += trial(kill, known[kill.chain].effects, f"{number} {kill.name}")
        return found

    return trials


def trial(kill: Kill, reference: Counter[str], name: str) -> list[str]:
    case = CASES[kill.chain]
    first = forked(lambda: walk(case, name), kill_at=kill.first)
    wrong = [*_unwanted(first), *not_durable()]
    if kill.second:
        wrong += _unwanted(forked(lambda: _recover(case, name), kill_at=kill.second))
    last = forked(lambda: _recover(case, name, reference=reference))
    wrong += [*_unwanted(last), *(last.result or [])]
    return told(f"{name} ({first.last})", wrong)


def _recover(case: Case, name: str, *, reference: Counter[str] | None = None) -> list[str]:
    """Nobody helps: the sweep, then whoever got no answer sends the same form again, then all goes on as usual."""
    sweep_until_rest()
    thread = Thread.objects.filter(input__name=name).first()
    wrong = list(at_rest(thread)) if thread is not None and reference is not None else []
    if thread is not None:
        send_again(thread)
    thread = walk(case, name)
    return wrong if reference is None else [*wrong, *finished(thread, case, reference=reference)]


def _unwanted(ended: Ended) -> list[str]:
    """An error nobody should get, in its last line."""
    return [ended.error.strip().splitlines()[-1]] if ended.error else []


CAMPAIGNS = (
    Campaign("kill_points", "A killed worker or web process loses nothing and doubles nothing", 2_000, 120, run),
)
