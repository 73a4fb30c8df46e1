"""Journeys: a thread from its request to its end, walked by whoever is alive, and what must be so on the way."""

import json
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models.functions import Now

from approvals import decisions, execution, threads
from approvals.ballots import Ballot, Seen
from approvals.models import Interrupt, Outbox, QuestionKind, Run, Thread, Verdict

PATIENCE_SECONDS = 20.0


@dataclass(frozen=True)
class Case:
    """A chain, and the titles it asks for one after the other (or at once)."""

    chain: str
    titles: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)


CASES = {
    case.chain: case
    for case in (
        Case("asks", ("Pay",)),
        Case("twice", ("First", "Second")),
        Case("bound_twice", ("First", "Second")),
        Case("thrice", ("First", "Second", "Third")),
        Case("loop", ("Round 1", "Round 2")),
        Case("parallel", ("Left", "Right")),
        Case("fan", ("Part 1", "Part 2", "Part 3")),
        Case("nested", ("First", "Second")),
    )
}


class Stuck(AssertionError):
    """The thread does not come to rest, though nothing keeps it from doing so."""


def person(username: str) -> User:
    return User.objects.get(username=username)


def submit(case: Case, name: str) -> Thread:
    """Sent again with the same name, it is the same request."""
    return threads.submit(person("rita"), case.chain, {"name": name, **case.values}, key=name)


def walk(case: Case, name: str) -> Thread:
    """Submit, and be its worker and its reviewer until there is nothing more to do."""
    thread = submit(case, name)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        run = Run.objects.live().filter(thread=thread).first()
        question = Interrupt.objects.open().filter(thread=thread).oldest_first().first()
        if run is not None:
            execution.look(run.id)
        elif question is not None:
            decisions.decide(person("alice"), question.id, ballot(question))
        else:
            thread.refresh_from_db()
            return thread
    raise Stuck(f"{case.chain}: not at its end after {PATIENCE_SECONDS} s")


def ballot(question: Interrupt) -> Ballot:
    """An answer that names the question it was given to, sent under a key of its own."""
    value = question.value
    answer = {**value, "to": value["title"]}
    seen = Seen(question.interrupt_id, question.checkpoint_id, question.payload_sha256)
    note = value["title"] if question.kind == QuestionKind.BOUND else json.dumps(answer)
    verdict = Verdict.APPROVE if value.get("action") == "pay" else Verdict.RESPOND
    return Ballot(verdict=verdict, seen=seen, note=note, key=str(question.id))


def send_again(thread: Thread) -> None:
    """What a client does that got no answer: the same forms, with the same keys."""
    for question in Interrupt.objects.filter(thread=thread, votes__isnull=False):
        decisions.decide(person("alice"), question.id, ballot(question))


def sweep_until_rest() -> None:
    """What the sweep of any other worker does, as often as it takes, and nothing else."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while Run.objects.live().exists():
        if time.monotonic() > deadline:
            raise Stuck(f"the sweep finds no end: {list(Run.objects.live().values('kind', 'status', 'attempt'))}")
        let_time_pass()
        for run_id in execution.due_runs():
            execution.look(run_id)


def let_time_pass() -> None:
    """Set back what waits for the clock, a dead worker's lease and the next ring, instead of waiting for it."""
    past = Now() - timedelta(seconds=1)
    Run.objects.filter(status="running", lease_expires_at__isnull=False).update(lease_expires_at=past)
    Outbox.objects.filter(settled_at__isnull=True).update(due_at=past)
