"""Desk: who asks and who decides, their threads, and a real web process and workers to do it with."""

import io
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import redis
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import connection
from django.db.models.functions import Now

from approvals import execution, threads
from approvals.models import Interrupt, Outbox, Policy, Run, RunStatus, Thread
from tests.faults.paying import EFFECTS
from tests.faults.report import Tally
from tests.faults.site import Site
from tests.stack import Stack
from tests.test_http_race import CSRF
from tests.test_socket import session_of

REVIEWERS = 4


class Desk:
    """`reviewers` are distinct people; each has one signed-in client."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.rita = _person("rita", group="requesters")
        self.reviewers = [_person(f"reviewer{number}", group="reviewers") for number in range(REVIEWERS)]
        self._clients: dict[int, httpx.Client] = {}

    def client(self, person: User) -> httpx.Client:
        """Call once for everybody before there are threads: a client can be shared, its making cannot."""
        if person.id not in self._clients:
            self._clients[person.id] = self._signed_in(person)
        return self._clients[person.id]

    def _signed_in(self, person: User) -> httpx.Client:
        """A connection for each request: one that was kept may be closed by the server just as it is used again."""
        cookies = {settings.SESSION_COOKIE_NAME: session_of(person), settings.CSRF_COOKIE_NAME: CSRF}
        headers = {"X-CSRFToken": CSRF, "Accept": "application/json", "Origin": self.stack.url}
        limits = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(base_url=self.stack.url, cookies=cookies, headers=headers, timeout=60, limits=limits)

    def sign_everybody_in(self) -> None:
        for person in (self.rita, *self.reviewers):
            self.client(person)

    def submit(self, *, amount: int, seconds: float = 0) -> Thread:
        return threads.submit(self.rita, "pays", {"amount": amount, "seconds": seconds})

    def asked(self, *, amount: int) -> Interrupt:
        """A question that waits; the worker's part is done here and now."""
        thread = self.submit(amount=amount)
        work_off(thread)
        return Interrupt.objects.open().get(thread=thread)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()
        with redirect_stdout(io.StringIO()):  # it would show every log
            self.stack.stop()


@contextmanager
def open_desk(site: Site, name: str, *, undo_seconds: int = 0, **rules: Any) -> Iterator[Desk]:
    """Nothing of what other campaigns left is due in it, and nothing of it afterwards. `rules` are of the policy."""
    logs = Path(site.directory) / name
    logs.mkdir(exist_ok=True)
    _quiet_down()
    with connection.cursor() as cursor:
        cursor.execute(EFFECTS)
    before = Policy.objects.values("undo_seconds", *rules).get(name="Default")
    Policy.objects.filter(name="Default").update(undo_seconds=undo_seconds, **rules)
    desk = Desk(Stack(logs))
    try:
        yield desk
    finally:
        desk.close()
        Policy.objects.filter(name="Default").update(**before)
        _quiet_down()


def in_flight(trials: int, rng: random.Random, one: Callable[[int, random.Random], None], *, at_once: int = 4) -> None:
    """`one(trial, rng)` for each trial, several at a time; an error of the harness itself is raised."""
    seed = rng.random()

    def run(trial: int) -> None:
        try:
            one(trial, random.Random(f"{seed} {trial}"))
        finally:
            connection.close()

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(run, range(trials)))


@contextmanager
def counted(tally: Tally, where: str) -> Iterator[None]:
    """Waiting in vain is a broken promise, not the end of the campaign."""
    try:
        yield
    except AssertionError as error:
        tally.expect(False, f"{where}: {error}")


def work_off(thread: Thread) -> None:
    """What a worker would do on the thread's doorbell."""
    for run in Run.objects.live().filter(thread=thread):
        execution.look(run.id)


def effects(thread: Thread) -> list[str]:
    """What its nodes did, in order."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT what FROM fault_effects WHERE thread_id = %s ORDER BY at", [str(thread.id)])
        return [what for (what,) in cursor.fetchall()]


def payments(thread: Thread) -> list[str]:
    return [what for what in effects(thread) if what.startswith("paid")]


def wait_for(moment: datetime, *, offset: float = 0) -> None:
    """Until that many seconds after a moment of the database's clock."""
    with connection.cursor() as cursor:
        sleep = "SELECT pg_sleep(greatest(0, extract(epoch FROM %s - clock_timestamp()) + %s))"
        cursor.execute(sleep, [moment, offset])


def _person(name: str, *, group: str) -> User:
    person, _ = User.objects.get_or_create(username=f"fault-{name}", defaults={"password": "!"})
    Group.objects.get(name=group).user_set.add(person)
    return person


def _quiet_down() -> None:
    """Whatever is owed is called off, so that it does not wake the workers of the next campaign."""
    Run.objects.live().update(status=RunStatus.CANCELLED, finished_at=Now())
    Outbox.objects.filter(settled_at__isnull=True).update(settled_at=Now())
    redis.Redis.from_url(settings.REDIS_URL).flushdb()
