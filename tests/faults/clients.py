"""People over HTTP, as patient as a person: the same form, under the same key, until the server has answered it."""

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import httpx
from django.contrib.auth.models import User
from django.db import DatabaseError, connection

from approvals.models import Interrupt, Thread, ThreadStatus
from tests.faults.crowd import APPROVED, CHAIN, ENDED, People, request_values
from tests.faults.refusals import Refusals
from tests.faults.report import Tally
from tests.stack import Stack
from tests.test_http_race import client_of, form

PATIENCE = 90.0
BETWEEN_TRIES = (0.1, 0.3)
Found = TypeVar("Found")


class OutOfPatience(Exception):
    """The server gave no answer for so long that nobody would still be waiting."""


@dataclass
class Sending:
    """One try of one form. `status` 0: no answer came."""

    what: str
    began: float
    seconds: float
    status: int
    path: str


@dataclass
class Visitor:
    """One person's client. `sent` is every try, failed ones too."""

    http: httpx.Client
    person: User
    sent: list[Sending] = field(default_factory=list)

    @classmethod
    def of(cls, stack: Stack, person: User) -> "Visitor":
        return cls(client_of(stack, person), person)

    def send(self, what: str, path: str, data: dict[str, Any]) -> httpx.Response:
        """Tried again after every answer that is none. Raises OutOfPatience."""
        key, deadline = str(uuid.uuid4()), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            answer = self._try(what, path, {**data, "key": key})
            if answer is not None and answer.status_code < 500:
                return answer
            time.sleep(Random().uniform(*BETWEEN_TRIES))
        raise OutOfPatience(f"{self.person.username} got no answer to {path} within {PATIENCE:.0f} s")

    def submit(self, effects: Path, seconds: float, request: str) -> tuple[uuid.UUID | None, httpx.Response]:
        answer = self.send("submit", f"/new/{CHAIN}/", request_values(effects, seconds, request=request))
        if answer.status_code != 303:
            return None, answer
        return uuid.UUID(answer.headers["Location"].strip("/").split("/")[-1]), answer

    def decide(self, question: Interrupt, *, approve: bool) -> httpx.Response:
        verdict = {"verdict": "approve"} if approve else {"verdict": "reject", "note": "No."}
        return self.send("decide", f"/interrupts/{question.id}/decision/", {**form(question), **verdict})

    def _try(self, what: str, path: str, data: dict[str, Any]) -> httpx.Response | None:
        began, answer = time.time(), None
        try:
            answer = self.http.post(path, data=data)
        except httpx.TransportError:
            return None
        finally:
            status = answer.status_code if answer is not None else 0
            self.sent.append(Sending(what, began, time.time() - began, status, path))
        return answer


@dataclass
class Lives:
    """Many requesters at once; each request is seen through to its end, two reviewers racing for every question."""

    stack: Stack
    people: People
    effects: Path
    tally: Tally
    seconds: tuple[float, float]
    rng: Random
    accepted: list[uuid.UUID] = field(default_factory=list)
    # Who was told that the decision is theirs, by question.
    winners: dict[uuid.UUID, int] = field(default_factory=dict)
    visitors: list[Visitor] = field(default_factory=list)
    # Begins the title of each of their requests: other campaigns have theirs on the same database.
    tag: str = field(default_factory=lambda: f"Life {uuid.uuid4().hex[:8]}")
    _ending: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, count: int) -> None:
        for number in range(count):
            trio = [Visitor.of(self.stack, person) for person in (self.people.rita, *self.people.reviewers[:2])]
            self.visitors += trio
            life = threading.Thread(target=self._live, args=(number, trio, Random(self.rng.random())), daemon=True)
            self._threads.append(life)
            life.start()

    def end(self, *, within: float) -> None:
        """Nothing new; what is under way must come to its end."""
        self._ending.set()
        deadline = time.monotonic() + within
        for life in self._threads:
            life.join(max(0.0, deadline - time.monotonic()))
        left = sum(life.is_alive() for life in self._threads)
        self.tally.expect(left == 0, f"{left} threads did not reach their end within {within:.0f} s of the last fault")

    def _live(self, number: int, trio: list[Visitor], rng: Random) -> None:
        requester, *reviewers = trio
        try:
            with ThreadPoolExecutor(2) as both:
                for count in range(10**9):
                    if self._ending.is_set():
                        return
                    seconds = rng.uniform(*self.seconds)
                    thread_id, answer = requester.submit(self.effects, seconds, f"{self.tag} {number}.{count}")
                    if thread_id is None:
                        self.tally.expect(False, f"request {number}.{count}: {answer.status_code} {answer.text[:200]}")
                        continue
                    self.accepted.append(thread_id)
                    self._see_through(thread_id, reviewers, both, rng)
        except OutOfPatience as gave_up:
            self.tally.expect(False, str(gave_up))
        finally:
            connection.close()

    def _see_through(
        self, thread_id: uuid.UUID, reviewers: list[Visitor], both: ThreadPoolExecutor, rng: Random
    ) -> None:
        while True:
            thread = patiently(lambda: Thread.objects.get(id=thread_id))
            if thread.status in ENDED:
                return
            question = patiently(lambda: Interrupt.objects.open().filter(thread_id=thread_id).first())
            if question is None or thread.status != ThreadStatus.PAUSED:
                time.sleep(rng.uniform(0.1, 0.3))
                continue
            decide = partial(Visitor.decide, question=question, approve=rng.random() < APPROVED)
            self._judge(question, reviewers, list(both.map(decide, reviewers)))

    def _judge(self, question: Interrupt, reviewers: list[Visitor], answers: list[httpx.Response]) -> None:
        """One is told that it is theirs; the other who was first."""
        told = sorted(answer.status_code for answer in answers)
        words = [f"{answer.status_code} {answer.text[:120]}" for answer in answers]
        self.tally.expect(told == [200, 409], f"question {question.id}: both reviewers were told {words}")
        for reviewer, answer in zip(reviewers, answers, strict=True):
            if answer.status_code == 200:
                self.winners[question.id] = reviewer.person.id


def refusals_of(visitors: list[Visitor]) -> Refusals:
    refusals = Refusals()
    for visitor in visitors:
        for sending in visitor.sent:
            refusals.note(sending.path, visitor.person.id, sending.status)
    return refusals


def judge_winners(winners: dict[uuid.UUID, int], tally: Tally) -> None:
    """Who was told that they decided is who decided."""
    rows = dict(Interrupt.objects.filter(id__in=winners).values_list("id", "decision__decided_by"))
    for question, winner in winners.items():
        tally.expect(
            rows.get(question) == winner,
            f"question {question}: {winner} was told that they decided it, the row says {rows.get(question)}",
        )


def patiently(ask: Callable[[], Found]) -> Found:
    """What the harness itself asks the database, which may be away. Raises OutOfPatience."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return ask()
        except DatabaseError:
            connection.close()
            time.sleep(0.2)
    raise OutOfPatience("the database was away for too long")
