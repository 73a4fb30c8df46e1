"""The cast: rita asks, alice and bob review, oscar operates, mallory may see nothing."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test import Client
from hypothesis import HealthCheck, settings

from approvals import execution, threads
from approvals.models import Edits, Interrupt, Policy, Run, Thread
from approvals.opened import checkpointer
from tests.asked import ask, rest
from tests.browser import browser, page_for
from tests.queue_desk import signed_in
from tests.stack import stack
from tests.written import write

pytest_plugins = ("tests.shared_stack", "tests.workbench")
__all__ = ["browser", "page_for", "stack", "write"]

# How fast a machine makes up its examples says nothing about the code.
settings.register_profile("holdpoint", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("holdpoint")

PASSWORD = "an-honest-password"
REQUEST = "Hello, this is Marta Nowak. Both lamps of order ORD-48213 arrived broken. Please refund 1,240.00 EUR."


@dataclass(frozen=True)
class Cast:
    rita: User
    alice: User
    bob: User
    oscar: User
    mallory: User


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        execution.set_up_checkpoints()
        yield
        checkpointer().close()
        _part_from_others()


@pytest.fixture
def cast(db: None) -> Cast:
    return everybody()


def everybody() -> Cast:
    """Groups and the default policy come from a migration, and go whenever a test empties the tables."""
    groups = {name: Group.objects.get_or_create(name=name)[0] for name in ("requesters", "reviewers", "operators")}
    policy, _ = Policy.objects.get_or_create(name="Default", defaults={"priority": -1000})
    policy.reviewers.set([groups["reviewers"]])
    Policy.objects.update(undo_seconds=0, edits=Edits.ALONE)
    return Cast(
        rita=_person("rita", groups["requesters"], first_name="Rita", last_name="Sen"),
        alice=_person("alice", groups["reviewers"], first_name="Alice", last_name="Okafor"),
        bob=_person("bob", groups["reviewers"], first_name="Bob", last_name="Meyer"),
        oscar=_person("oscar", groups["operators"], first_name="Oscar", last_name="Lind"),
        mallory=_person("mallory"),
    )


@pytest.fixture
def submitted(cast: Cast) -> Thread:
    return threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})


@pytest.fixture
def paused(submitted: Thread) -> Thread:
    """A thread whose draft waits for a reviewer."""
    work_off(submitted)
    submitted.refresh_from_db()
    return submitted


@pytest.fixture
def question(submitted: Thread) -> Interrupt:
    """Put by nobody's graph, on a thread that rests."""
    asked = ask(submitted)
    rest(submitted)
    return asked


@pytest.fixture
def alice(cast: Cast) -> Client:
    """Signed in."""
    return signed_in(cast.alice)


def work_off(thread: Thread) -> None:
    """What a worker would do on the thread's doorbell, here and now."""
    for run in Run.objects.live().filter(thread=thread):
        execution.look(run.id)


def open_question(thread: Thread) -> Interrupt:
    return Interrupt.objects.open().get(thread=thread)


@functools.cache
def _hashed() -> str:
    """Hashing is slow on purpose: once for everybody is enough."""
    return make_password(PASSWORD)


def _part_from_others() -> None:
    """A process that was killed, or a thread that was left to end, may be connected for a moment longer, and PostgreSQL
    drops no database that anybody is connected to.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT application_name, state, query, pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        for name, state, query, _ in cursor.fetchall():
            print(f"still connected when the tests had ended: {name or 'unnamed'}, {state}: {query}")


def _person(username: str, *groups: Group, first_name: str = "", last_name: str = "") -> User:
    person = User.objects.create(username=username, password=_hashed(), first_name=first_name, last_name=last_name)
    person.groups.set(groups)
    return person
