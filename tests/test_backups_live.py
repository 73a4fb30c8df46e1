"""A backup is put back while workers work and people send and decide: nothing happens twice, nothing is lost."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.models import Max

from approvals import decisions, threads
from approvals.decisions import AlreadyDecided, Changed
from approvals.execution.backups import restore, take
from approvals.models import Decision, Event, Hold, Interrupt, Run, Thread, Verdict
from approvals.models.thread import ENDED
from approvals.policies import NotAllowed
from tests.conftest import Cast
from tests.record_desk import findings
from tests.stack import Stack
from tests.test_main_job import ballot
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
# What a restore does to somebody who is at work: their rows are gone, or their line is.
TROUBLE = (DatabaseError, ObjectDoesNotExist, NotAllowed, AlreadyDecided, Changed)


class Office:
    """Two who send and two who decide, until they are told to go home."""

    def __init__(self, cast: Cast, world: Path) -> None:
        self.cast, self.world = cast, world
        self.over = threading.Event()
        self.sent = 0
        self._counting = threading.Lock()

    def send(self) -> None:
        while not self.over.wait(0.1):
            with self._counting:
                self.sent += 1
                name = f"request-{self.sent}"
            self._try(partial(threads.submit, self.cast.rita, "outside", {"file": str(self.world), "name": name}))
        connection.close()

    def decide(self) -> None:
        while not self.over.wait(0.1):
            self._try(self._decide_one)
        connection.close()

    def _decide_one(self) -> None:
        waiting = list(Interrupt.objects.open()[:20])
        if waiting:
            question = random.choice(waiting)
            decisions.decide(self.cast.alice, question.id, ballot(question, Verdict.APPROVE))

    def _try(self, act: Any) -> None:
        try:
            act()
        except TROUBLE:
            connection.close()


def done(world: Path) -> Counter[str]:
    return Counter(world.read_text().split()) if world.exists() else Counter()


def test_nothing_that_was_decided_happens_twice(cast: Cast, stack: Stack, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "attached"
    office = Office(cast, tmp_path / "world")
    for _ in range(2):
        stack.start_worker(concurrency=2)
    with ThreadPoolExecutor(4) as people:
        at_work = [people.submit(act) for act in (office.send, office.send, office.decide, office.decide)]
        try:
            eventually(
                lambda: Interrupt.objects.open().count() > 6 and done(office.world), within=60, what="work to back up"
            )
            accepted = last_lines()
            backup = take(tmp_path / "backups", tell=print)
            unfinished = {thread.input["name"] for thread in Thread.objects.exclude(status__in=ENDED)}
            eventually(lambda: len(unfinished & done(office.world).keys()) > 2, within=60, what="work it does not know")
            restored = restore(backup, wipe=True, tell=print)
            at_restore = done(office.world)
            eventually(lambda: len(done(office.world)) > len(at_restore) + 1, within=60, what="what came later")
        finally:
            office.over.set()
        for worker in at_work:
            worker.result()
    eventually(
        lambda: not Run.objects.live().exclude(thread__hold__isnull=False).exists(),
        within=60,
        what="all free work done",
    )

    assert_whole(accepted)
    held = {thread.id: thread.input["name"] for thread in restored.held}
    assert any(at_restore[name] for name in held.values())  # done after the backup, which does not know of it
    assert any(not at_restore[name] for name in held.values())
    assert_once(office.world)
    assert not Decision.objects.filter(interrupt__thread__in=held, decided_at__gt=restored.taken_at).exists()
    assert Thread.objects.exclude(id__in=held).filter(created_at__gt=restored.taken_at).exists()

    look_at_each(cast, office.world)

    assert_once(office.world)
    assert findings() == []


def last_lines() -> dict[Any, int]:
    found = Event.objects.exclude(thread_id__isnull=True).values("thread_id").annotate(last=Max("seq"))
    return {row["thread_id"]: row["last"] for row in found}


def assert_whole(accepted: dict[Any, int]) -> None:
    """Every line there was before the backup began is there."""
    now = last_lines()
    assert len(accepted) > 6
    assert [thread for thread, last in accepted.items() if now.get(thread, 0) < last] == []


def assert_once(world: Path) -> None:
    assert [name for name, times in done(world).items() if times > 1] == []


def look_at_each(cast: Cast, world: Path) -> None:
    """As an operator does: what the world has of it already is stopped, the rest goes on."""
    for hold in Hold.objects.select_related("thread"):
        if done(world)[hold.thread.input["name"]]:
            threads.stop(cast.oscar, hold.thread_id)
        else:
            call_command("checkpoints", "release", "--thread", str(hold.thread_id))
    free = Thread.objects.filter(hold__isnull=True)
    eventually(lambda: not Run.objects.live().filter(thread__in=free).exists(), what="the rest done")
    for question in Interrupt.objects.open().filter(thread__in=free):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    eventually(lambda: not free.exclude(status__in=ENDED).exists(), what="the end")
