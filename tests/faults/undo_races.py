"""At the very end of the undo window, the reviewer takes the decision back while a worker claims its run."""

import random
from collections import Counter
from functools import partial

import httpx
from django.contrib.auth.models import User

from approvals import execution
from approvals.models import Decision, Interrupt, InterruptStatus, Run, RunStatus, Thread, ThreadStatus, Verdict
from tests.faults.decision_races import fields_of
from tests.faults.desk import Desk, in_flight, open_desk, payments, wait_for, work_off
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site
from tests.test_races import together

WINDOW = 1
# Seconds around the end of the window. A request takes longer to reach the row than a worker's look does.
UNDO = (-0.3, 0.0)
CLAIM = (-0.03, 0.05)


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally(trials=trials)
    first: Counter[str] = Counter()
    with open_desk(site, "undo_races", undo_seconds=WINDOW) as desk:
        desk.sign_everybody_in()

        def race(trial: int, rng: random.Random) -> None:
            question, person = desk.asked(amount=trial), rng.choice(desk.reviewers)
            where = f"race {trial}, question {question.id}"
            told = desk.client(person).post(
                f"/interrupts/{question.id}/decision/", data=fields_of(question, Verdict.APPROVE, rng)
            )
            tally.expect(told.status_code == 200, f"{where}: approving was answered {told.status_code}")
            run = Run.objects.live().get(thread=question.thread_id)
            undone = _race(desk, person, question, run, rng)
            first[_judge(tally, where, question, run, undone)] += 1

        in_flight(trials, rng, race, at_once=6)
    tally.note = f"{first['reviewer']:,} reviewers and {first['worker']:,} workers first"
    return tally


def _race(desk: Desk, person: User, question: Interrupt, run: Run, rng: random.Random) -> object:
    """What the reviewer was told."""
    undo_at, claim_at = rng.uniform(*UNDO), rng.uniform(*CLAIM)

    def undo() -> httpx.Response:
        wait_for(run.not_before, offset=undo_at)
        return desk.client(person).post(f"/interrupts/{question.id}/undo/")

    def claim() -> None:
        wait_for(run.not_before, offset=claim_at)
        execution.look(run.id)

    undone, claimed = together(undo, claim)
    if isinstance(claimed, Exception):
        raise claimed
    return undone


def _judge(tally: Tally, where: str, question: Interrupt, run: Run, undone: object) -> str:
    """Who was first. Whoever looks next, an hour later say, must find the same."""
    was_undone = isinstance(undone, httpx.Response) and undone.status_code == 200
    wait_for(run.not_before, offset=0.05)
    work_off(question.thread)
    expect = partial(_expect, tally, where)
    thread, decision = Thread.objects.get(id=question.thread_id), Decision.objects.get(interrupt=question)
    run.refresh_from_db()
    question.refresh_from_db()
    if was_undone:
        again = Interrupt.objects.open().filter(thread=thread)
        expect("voided", decision.voided_at is not None and decision.applied_at is None, True)
        expect("run", run.status, RunStatus.CANCELLED)
        expect("question", question.status, InterruptStatus.SUPERSEDED)
        expect("open again", [found.key for found in again], [question.key])
        expect("thread", thread.status, ThreadStatus.PAUSED)
        expect("payments", payments(thread), [])
        return "reviewer"
    refused = isinstance(undone, httpx.Response) and undone.status_code == 409 and undone.json()["error"] == "too_late"
    expect("told that it is too late", refused, True)
    expect("applied", decision.applied_at is not None and decision.voided_at is None, True)
    expect("run", run.status, RunStatus.SUCCEEDED)
    expect("thread", thread.status, ThreadStatus.DONE)
    expect("payments", payments(thread), [f"paid {thread.input['amount']}"])
    return "worker"


def _expect(tally: Tally, where: str, what: str, found: object, wanted: object) -> None:
    tally.expect(found == wanted, f"{where}: {what} is {found!r}, not {wanted!r}")


PROMISE = "At the end of the undo window either the reviewer or the worker wins, never both"
CAMPAIGNS = (Campaign("undo_races", PROMISE, full=300, short=20, run=run),)
