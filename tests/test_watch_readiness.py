"""/readyz: each cause of not being ready, caused for real, is named within two seconds, and goes away again."""

import os
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.db import connection
from django.test import Client

from approvals import tasks
from approvals.models import Beat
from approvals.models.beat import ANSWERED, SWEPT
from approvals.watch import readiness
from approvals.watch.readiness import NAMES
from tests.faults.proxy import Proxy
from tests.stack import Stack
from tests.waiting import eventually

TOKEN = "a-token-of-some-length"
QUICK = {"HOLDPOINT_WORKER_SILENT_SECONDS": "3", "HOLDPOINT_SWEEP_SECONDS": "0.3", "HOLDPOINT_METRICS_TOKEN": TOKEN}
# Of /readyz, with some time for a machine that does other things as well.
AT_MOST = 2.5


@pytest.fixture
def redis() -> Iterator[Proxy]:
    with closing(Proxy(os.environ["REDIS_URL"])) as proxy:
        yield proxy


@pytest.fixture
def database(transactional_db: None) -> Iterator[Proxy]:
    address = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    with closing(Proxy(address)) as proxy:
        yield proxy


def ask(stack: Stack, *, only: str = "", token: str = "") -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    url = f"{stack.url}/readyz"
    begun = time.monotonic()
    answer = httpx.get(url, params={"only": only} if only else {}, headers=headers, timeout=10)
    assert time.monotonic() - begun < AT_MOST
    return answer.status_code, answer.json()


def failing(stack: Stack) -> set[str]:
    status, answer = ask(stack)
    found = {name for name, passed in answer["checks"].items() if not passed}
    assert (status, answer["ready"]) == ((503, False) if found else (200, True))
    assert tuple(answer["checks"]) == NAMES
    assert set(answer) == {"ready", "checks"}
    return found


def test_it_is_ready_with_a_worker_and_not_when_that_is_gone(stack: Stack) -> None:
    stack.start_web(**QUICK)
    assert failing(stack) == {"worker", "sweep"}
    worker = stack.start_worker(**QUICK)
    eventually(lambda: failing(stack) == set(), what="ready")

    worker.kill()
    eventually(lambda: failing(stack) == {"worker", "sweep"}, what="without a worker")


def test_a_redis_that_hangs_or_is_gone_is_named_and_so_is_who_no_longer_hears(redis: Proxy, stack: Stack) -> None:
    quick = {**QUICK, "REDIS_URL": redis.url}
    stack.start_web(**quick)
    stack.start_worker(**quick)
    eventually(lambda: failing(stack) == set(), what="ready")

    redis.swallow()
    eventually(lambda: failing(stack) >= {"redis", "worker"}, what="Redis hangs")
    assert failing(stack) <= {"redis", "worker", "sweep"}

    redis.heal()
    redis.cut()
    eventually(lambda: failing(stack) == set(), what="ready again", within=60)


def test_a_database_that_hangs_or_is_gone_is_named(database: Proxy, stack: Stack) -> None:
    stack.start_web(**QUICK, DATABASE_URL=database.url)
    Beat.mark(ANSWERED)
    Beat.mark(SWEPT)
    eventually(lambda: failing(stack) <= {"worker", "sweep"}, what="ready")

    database.swallow()
    eventually(lambda: failing(stack) == {"database", "migrations", "saver", "worker", "sweep"}, what="it hangs")
    status, answer = ask(stack, token=TOKEN)
    assert (status, answer["details"]["database"]["said"]) == (503, readiness.SILENT)

    database.heal()
    database.cut()
    eventually(lambda: failing(stack) <= {"worker", "sweep"}, what="it is back", within=60)


def test_a_migration_that_is_missing_is_named(stack: Stack) -> None:
    stack.start_web(**QUICK)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'approvals' AND name = '0009_watching'")
    try:
        eventually(lambda: failing(stack) == {"migrations", "worker", "sweep"}, what="the missing one")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO django_migrations VALUES (DEFAULT, 'approvals', '0009_watching', now())")
    eventually(lambda: failing(stack) == {"worker", "sweep"}, what="all of them")


def test_a_saver_that_cannot_read_is_named(stack: Stack) -> None:
    stack.start_web(**QUICK)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE checkpoints RENAME TO elsewhere")
    try:
        eventually(lambda: failing(stack) == {"saver", "worker", "sweep"}, what="no tables")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO checkpoints")


def test_who_has_the_token_hears_why_and_nobody_else(stack: Stack) -> None:
    stack.start_web(**QUICK, REDIS_URL="redis://:word-of-redis@127.0.0.1:1/0")

    _, told = ask(stack, token=TOKEN)
    assert "127.0.0.1:1" in told["details"]["redis"]["said"]
    assert "word-of-redis" not in str(told)
    for token in ("", "another-token-of-length", f"{TOKEN}x"):
        assert set(ask(stack, token=token)[1]) == {"ready", "checks"}


def test_a_proxy_may_ask_for_what_it_needs_alone(stack: Stack) -> None:
    stack.start_web(**QUICK)

    assert ask(stack, only="database,saver") == (200, {"ready": True, "checks": {"database": True, "saver": True}})
    assert ask(stack, only="worker")[0] == 503
    assert ask(stack, only="weather")[0] == 400


def test_a_doorbell_for_nobody_is_answered_on_the_database_s_clock(db: None) -> None:
    assert Beat.age(ANSWERED) is None
    tasks.look_at_run(str(tasks.NOBODY))

    age = Beat.age(ANSWERED)
    assert age is not None
    assert 0 <= age < 5


def test_of_all_sweepers_one_rings_in_a_turn(db: None) -> None:
    assert [Beat.take_turn("rung", every=60) for _ in range(3)] == [True, False, False]
    assert Beat.take_turn("rung", every=0)


def test_it_is_open_to_everybody_and_says_alive_without_looking(client: Client, db: None) -> None:
    assert client.get("/healthz").content == b"ok"
    assert client.get("/readyz").status_code == 503
    assert client.post("/readyz").status_code == 405
