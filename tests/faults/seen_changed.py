"""Between looking and deciding the question changes: what was looked at is approved, or nothing is.

The change is made by another process that stands still at one of its points while the verdict comes in.
"""

import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from approvals import decisions, execution, threads
from approvals.ballots import Ballot
from approvals.decisions import AlreadyDecided, Changed, MissingSeen
from approvals.inspection import BadEdit, HeadMoved
from approvals.models import Decision, Interrupt, Run, Thread, ThreadStatus, Vote
from approvals.threads import NotNow
from tests.faults.checking import at_rest, effects, told, values_of
from tests.faults.doubled import RESTLESS, run_again_behind_our_back
from tests.faults.forks import Forked
from tests.faults.journeys import CASES, Case, ballot, person, submit, sweep_until_rest, walk
from tests.faults.kill_points import warm_up
from tests.faults.lanes import tally
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

Change = Callable[[Thread, Interrupt], Any]
# How long the verdict has while the change stands still; when the change holds the thread's row, it must wait.
STANDSTILL_SECONDS = 0.05
# One change in so many is over before the verdict comes.
OVER = 0.25
REFUSED = (AlreadyDecided, Changed, MissingSeen)
CHANGE_REFUSED = (AlreadyDecided, BadEdit, Changed, HeadMoved, NotNow)
ACCEPTED = "accepted"


def edit(thread: Thread, question: Interrupt) -> None:
    seen = question.checkpoint_id
    threads.edit_state(person("oscar"), thread.id, {"amount": 99}, seen_checkpoint_id=seen, reason="It is more.")
    _work(thread)


def ask_next(thread: Thread, question: Interrupt) -> None:
    decisions.decide(person("bob"), question.id, replace(ballot(question), key=""))
    _work(thread)


def stop(thread: Thread, question: Interrupt) -> None:
    threads.stop(person("rita"), thread.id)
    _work(thread)


def run_again(thread: Thread, question: Interrupt) -> None:
    run_again_behind_our_back(thread)


def _work(thread: Thread) -> None:
    for run in Run.objects.live().filter(thread=thread):
        execution.look(run.id)


@dataclass(frozen=True)
class Kind:
    """`shows` is whether the page can know of the change at all, once it was made."""

    case: Case
    change: Change
    shows: bool = True


KINDS = {
    "edited": Kind(CASES["asks"], edit),
    "edited, raw": Kind(Case("asks_raw", ("Pay",)), edit),
    "decided and asked again": Kind(CASES["loop"], ask_next),
    "decided and asked on": Kind(CASES["twice"], ask_next),
    "stopped": Kind(CASES["asks"], stop),
    "run again from outside": Kind(RESTLESS, run_again, shows=False),
}


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    return tally(site, _trials, [rng.randrange(2**32) for _ in range(trials)])


def _trials(seeds: Sequence[int]) -> Tally:
    warm_up()
    points = {name: _points(name, kind) for name, kind in KINDS.items()}
    found = Tally()
    for seed in seeds:
        rng = random.Random(seed)
        name = rng.choice(list(KINDS))
        at = 0 if rng.random() < OVER else rng.randint(1, points[name])
        found.trials += 1
        found.violations += told(f"seed {seed}, {name}, at point {at}", _trial(rng, KINDS[name], at, f"seed {seed}"))
    return found


def _points(name: str, kind: Kind) -> int:
    thread, question = _waiting(kind, f"{name}, counted")
    ended = Forked(lambda: kind.change(thread, question)).ended()
    if ended.error:
        raise RuntimeError(f"{name}: {ended.error}")
    return ended.points


def _waiting(kind: Kind, name: str) -> tuple[Thread, Interrupt]:
    thread = submit(kind.case, name)
    _work(thread)
    return thread, Interrupt.objects.open().get(thread=thread)


def _trial(rng: random.Random, kind: Kind, at: int, name: str) -> Iterator[str]:
    """`at` 0: the change is over when the verdict comes."""
    thread, question = _waiting(kind, name)
    verdict, may_win = _verdict(rng, question)
    change = Forked(
        lambda: _outcome(lambda: kind.change(thread, question), CHANGE_REFUSED),
        halt_at=at,
        with_signal=signal.SIGSTOP,
    )
    stands_still = change.stopped()
    decided = Forked(lambda: _outcome(lambda: decisions.decide(person("alice"), question.id, verdict), REFUSED))
    if stands_still:
        decided.settles(within=STANDSTILL_SECONDS)
        change.go_on()
    changed, told_alice = change.ended(), decided.ended()
    for one in (changed, told_alice):
        if one.error or one.killed:
            yield one.error.strip().splitlines()[-1] if one.error else "it took too long"
    if told_alice.result == ACCEPTED and not may_win:
        yield "a verdict that did not say what was seen was accepted"
    if told_alice.result == ACCEPTED and kind.shows and not stands_still:
        yield "a stale verdict was accepted after the change"
    yield from _aftermath(kind, thread, name)


def _verdict(rng: random.Random, question: Interrupt) -> tuple[Ballot, bool]:
    """What alice sends, and whether it may be accepted: now and then part of what she saw is missing or wrong."""
    honest = replace(ballot(question), key="")
    part = rng.choice(["interrupt_id", "checkpoint_id", "payload_sha256"])
    wrong = rng.choice(["", "0" * 64, getattr(question, part)[::-1]])
    if rng.random() < 0.25:
        return replace(honest, seen=replace(honest.seen, **{part: wrong})), False
    return honest, True


def _outcome(act: Callable[[], Any], refusals: tuple[type[Exception], ...]) -> str:
    try:
        act()
    except refusals as error:
        return type(error).__name__
    return ACCEPTED


def _aftermath(kind: Kind, thread: Thread, name: str) -> Iterator[str]:
    """All goes on to its end, and whatever was done is what somebody saw and approved."""
    sweep_until_rest()
    thread = walk(kind.case, name)
    if thread.status == ThreadStatus.PAUSED:  # an edit takes the question away; it is asked anew when told to go on
        threads.carry_on(person("oscar"), thread.id)
        thread = walk(kind.case, name)
    if thread.status not in {ThreadStatus.DONE, ThreadStatus.CANCELLED}:
        yield f"the thread ended {thread.status}"
    if thread.status == ThreadStatus.DONE:
        yield from at_rest(thread)
        yield from _answers_in_place(kind, thread)
    for vote in Vote.objects.filter(interrupt__thread=thread).select_related("interrupt"):
        shown = (vote.interrupt.checkpoint_id, vote.interrupt.payload_sha256)
        if (vote.seen_checkpoint_id, vote.payload_sha256) != shown:
            yield f"{vote.reviewer_name} voted on something else than {vote.interrupt.title}"


def _answers_in_place(kind: Kind, thread: Thread) -> Iterator[str]:
    log = [tuple(line) for line in values_of(thread).get("log", [])]
    if kind.case.titles != ("Pay",):
        if log != [(title, title) for title in kind.case.titles]:
            yield f"answers are in the wrong places: {log}"
        return
    applied = Decision.objects.get(interrupt__thread=thread, applied_at__isnull=False)
    amount = applied.interrupt.value.get("arguments", applied.interrupt.value)["amount"]
    paid = [effect for effect in effects(thread).elements() if effect.startswith("pays ")]
    recomputed = kind.case is RESTLESS
    right = [f"pays {amount} where {amount} was approved"]
    if (paid != right) if not recomputed else ([p.partition(" where ")[2] for p in paid] != [f"{amount} was approved"]):
        yield f"{amount} was seen and approved, but: {paid}"


CAMPAIGNS = (
    Campaign(
        "see_then_change",
        "A verdict on a question that changed meanwhile is refused, or is for what was seen",
        1_000,
        60,
        run,
    ),
)
