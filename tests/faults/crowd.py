"""A crowd of threads under way, the people who decide on them, and what must be so of each once it rests."""

import hmac
import json
import random
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import OperationalError, connection, transaction

from approvals import decisions, threads
from approvals.ballots import Ballot, Seen
from approvals.decisions import AlreadyDecided, Changed
from approvals.models import (
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Policy,
    Run,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from approvals.models.event import GENESIS
from approvals.opened import checkpointer, compiled
from chains.heads import HeadStatus, read_head
from tests.faults.refusals import Refusals
from tests.faults.report import Tally

CHAIN = "payments"
PARTS = 2
ENDED = (ThreadStatus.DONE, ThreadStatus.FAILED, ThreadStatus.CANCELLED)
APPROVED = 0.7
LONGEST_REST = 60.0


@dataclass(frozen=True)
class People:
    rita: User
    reviewers: list[User]


def people() -> People:
    """rita asks; alice, bob and carol review. Decisions count at once: waiting for an undo would only take time."""
    Policy.objects.update(undo_seconds=0)
    return People(_person("rita", "requesters"), [_person(name, "reviewers") for name in ("alice", "bob", "carol")])


@dataclass
class Crowd:
    """`size` threads in flight, each node of which takes between `seconds`; call `tend` often."""

    effects: Path
    rng: random.Random
    size: int
    seconds: tuple[float, float]
    people: People = field(default_factory=people)
    began: list[uuid.UUID] = field(default_factory=list)
    # Nobody else decides here, so a question that is open must be there to be decided.
    refused: list[str] = field(default_factory=list)

    def tend(self, *, submitting: bool = True) -> None:
        """Decide what is open, and bring the crowd up to its size."""
        for question in Interrupt.objects.open().filter(thread__in=self.began, thread__status=ThreadStatus.PAUSED):
            self._decide(question)
        for _ in range(self.size - self.unfinished().count() if submitting else 0):
            self.submit()

    def submit(self) -> None:
        values = request_values(self.effects, self.rng.uniform(*self.seconds), request=f"Request {len(self.began)}")
        self.began.append(threads.submit(self.people.rita, CHAIN, values).id)

    def _decide(self, question: Interrupt) -> None:
        """Whoever holds the thread may be frozen at this moment: then another time."""
        reviewer, approve = self.rng.choice(self.people.reviewers), self.rng.random() < APPROVED
        try:
            with suppress(OperationalError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '100ms'")
                decisions.decide(reviewer, question.id, ballot(question, approve=approve))
        except (AlreadyDecided, Changed) as refusal:
            self.refused.append(f"question {question.id} was open, and then: {type(refusal).__name__}, {refusal}")

    def unfinished(self) -> Any:
        return Thread.objects.filter(id__in=self.began).exclude(status__in=ENDED)

    def rest(self, *, within: float = LONGEST_REST) -> None:
        """No more requests; see those under way to their end, for as long as they may take."""
        deadline = time.monotonic() + within
        while self.unfinished().exists() and time.monotonic() < deadline:
            self.tend(submitting=False)
            time.sleep(0.1)

    def audit(self, tally: Tally, *, refusals: Refusals | None = None) -> None:
        tally.violations += self.refused
        audit(self.began, self.effects, tally, refusals=refusals)


def request_values(effects: Path, seconds: float, *, request: str) -> dict[str, Any]:
    return {"request": request, "effects": str(effects), "seconds": round(seconds, 3), "parts": PARTS}


def ballot(question: Interrupt, *, approve: bool, key: str = "") -> Ballot:
    seen = Seen(question.interrupt_id, question.checkpoint_id, question.payload_sha256)
    return Ballot(Verdict.APPROVE if approve else Verdict.REJECT, seen, note="" if approve else "No.", key=key)


def audit(thread_ids: list[uuid.UUID], effects: Path, tally: Tally, *, refusals: Refusals | None = None) -> None:
    """Every thread at its right end: rows, record, head and effects tell one story. `refusals` are those of clients
    that came over HTTP; without any, nothing was refused.
    """
    acts: dict[str, list[tuple[int, int, str]]] = {}
    for line in effects.read_text().splitlines() if effects.exists() else []:
        act = json.loads(line)
        acts.setdefault(act["thread"], []).append((act["part"], act["amount"], act["reviewer"]))
    for thread in Thread.objects.filter(id__in=thread_ids):
        for wrong in _wrongs(thread, acts.get(str(thread.id), [])):
            tally.expect(False, f"thread {thread.id} ({thread.title}): {wrong}")
    lost = len(thread_ids) - Thread.objects.filter(id__in=thread_ids).count()
    tally.expect(lost == 0, f"{lost} accepted threads have no row")
    tally.violations += (refusals or Refusals()).wrong(thread_ids)


def _wrongs(thread: Thread, acts: list[tuple[int, int, str]]) -> Iterator[str]:
    if thread.status != ThreadStatus.DONE:
        words = thread.runs.order_by("-created_at").values_list("status", "attempt", "error_class", "error_message")[:1]
        yield f"is {thread.status}, not done; its last run: {list(words)}"
        return
    unfinished = thread.runs.exclude(status=RunStatus.SUCCEEDED).values_list("kind", "status", "error_message")
    if unfinished:
        yield f"has runs that did not succeed: {list(unfinished)}"
    yield from _wrong_questions(thread, acts)
    yield from _wrong_record(thread)
    yield from _wrong_head(thread)


def _wrong_questions(thread: Thread, acts: list[tuple[int, int, str]]) -> Iterator[str]:
    """What was approved was done, with exactly its bytes and in its reviewer's name; nothing else was."""
    approved = set()
    questions = list(Interrupt.objects.filter(thread=thread).select_related("decision"))
    for question in questions:
        if question.status != InterruptStatus.APPLIED or question.decision.applied_at is None:
            yield f"question {question.id} is {question.status}"
        elif question.decision.verdict == Verdict.APPROVE:
            arguments = question.value["arguments"]
            approved.add((arguments["part"], arguments["amount"], question.decision.decided_by_name))
    if len(questions) != PARTS:
        yield f"was asked {len(questions)} questions instead of {PARTS}"
    if set(acts) != approved:
        yield f"did {sorted(set(acts))}, approved were {sorted(approved)}"


def _wrong_record(thread: Thread) -> Iterator[str]:
    events = list(Event.objects.filter(thread=thread).order_by("seq"))
    previous = GENESIS
    for seq, event in enumerate(events, start=1):
        if (event.seq, event.previous_mac) != (seq, previous) or not hmac.compare_digest(
            event.mac, event.computed_mac()
        ):
            yield f"the record breaks at line {seq}"
            return
        previous = event.mac
    counts = Counter(event.kind for event in events)
    once = {EventKind.THREAD_SUBMITTED: 1, EventKind.THREAD_FINISHED: 1}
    each = (EventKind.INTERRUPT_RAISED, EventKind.VOTE_CAST, EventKind.DECISION_MADE, EventKind.DECISION_APPLIED)
    expected = {**once, **dict.fromkeys(each, PARTS)}
    counts.pop(EventKind.RUN_TAKEN_OVER, None)
    counts.pop(EventKind.DECISION_REFUSED, None)  # compared with what those who came second were told
    if counts != expected:
        yield f"the record holds {dict(counts)}"


def _wrong_head(thread: Thread) -> Iterator[str]:
    with checkpointer().read() as line:
        graph = compiled(thread.chain, line.saver, line.graphs)
        head = read_head(graph, str(thread.id))
        state = graph.get_state({"configurable": {"thread_id": str(thread.id)}}).values
    if head.status is not HeadStatus.FINISHED or state["part"] != PARTS:
        yield f"is done by its row, and {head.status} at part {state['part']} by its head"


def _person(username: str, group: str) -> User:
    person, _ = User.objects.get_or_create(username=username, defaults={"password": "!"})
    person.groups.add(Group.objects.get(name=group))
    return person


def live_runs(crowd: list[uuid.UUID]) -> Any:
    return Run.objects.live().filter(thread__in=crowd)
