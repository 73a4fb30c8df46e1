"""What a campaign finds out, and the one table that all of them end in."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.faults.site import Site

COLUMNS = ("promise", "trials", "violations", "worst recovery")
SHOWN_VIOLATIONS = 5


@dataclass
class Tally:
    """`worst_recovery` is seconds from the fault to the thread being right again; None where nothing recovers."""

    trials: int = 0
    violations: list[str] = field(default_factory=list)
    worst_recovery: float | None = None
    note: str = ""

    def expect(self, holds: bool, violation: str) -> None:
        """Count one broken promise, in words that let a person find it again."""
        if not holds:
            self.violations.append(violation)

    def recovered(self, seconds: float) -> None:
        self.worst_recovery = max(seconds, self.worst_recovery or 0.0)


class CannotCause(RuntimeError):
    """This machine does not allow the fault; the sentence says what is missing."""


@dataclass(frozen=True)
class Campaign:
    """`run(trials, rng, site)` causes that many faults. Raises CannotCause when the machine does not allow them.

    `full` is how many `make faults` runs, `short` how many the tests run; 0 leaves it out of them.
    """

    name: str
    promise: str
    full: int
    short: int
    run: Callable[[int, random.Random, Site], Tally]


def table(rows: Iterable[tuple[Campaign, Tally]]) -> str:
    """Markdown, so that docs/guarantees.md can hold it as it was printed."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for campaign, tally in rows:
        worst = "" if tally.worst_recovery is None else f"{tally.worst_recovery:.1f} s"
        told = f"{campaign.promise} ({tally.note})" if tally.note else campaign.promise
        lines.append(f"| {told} | {tally.trials:,} | {len(tally.violations)} | {worst} |")
    return "\n".join(lines)


def shown(campaign: Campaign, tally: Tally) -> str:
    """The first violations of a campaign, for whoever has to find out why."""
    more = len(tally.violations) - SHOWN_VIOLATIONS
    lines = [f"{campaign.name}: {violation}" for violation in tally.violations[:SHOWN_VIOLATIONS]]
    return "\n".join([*lines, f"{campaign.name}: and {more} more"] if more > 0 else lines)
