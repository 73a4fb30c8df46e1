"""Real Celery workers that are killed, frozen or never rung: the thread ends right all the same, and only once."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from django.conf import settings

from approvals import threads
from approvals.models import Event, EventKind, Run, RunStatus, Thread, ThreadStatus
from tests.conftest import Cast
from tests.stack import Stack
from tests.waiting import eventually, until_status

QUICK = {"HOLDPOINT_LEASE_SECONDS": "2", "HOLDPOINT_SWEEP_SECONDS": "0.3"}


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    file = tmp_path / "effects"
    file.touch()
    return file


@pytest.fixture
def slow(stack: Stack, cast: Cast, effects: Path) -> Callable[[float], Thread]:
    return lambda seconds: threads.submit(cast.rita, "slow", {"effects": str(effects), "seconds": seconds})


def lines(effects: Path) -> list[str]:
    return effects.read_text().splitlines()


def test_a_thread_whose_worker_is_killed_is_finished_by_another(
    stack: Stack, slow: Callable[[float], Thread], effects: Path
) -> None:
    first = stack.start_worker(**QUICK)
    thread = slow(3)
    eventually(lambda: lines(effects) == ["work begins"], what="the first worker at work")

    os.kill(first.pid, signal.SIGKILL)
    stack.start_worker(**QUICK)

    until_status(thread, ThreadStatus.PAUSED)
    assert lines(effects) == ["work begins", "work begins", "work ends"]
    run = Run.objects.get(thread=thread)
    assert (run.status, run.generation, run.attempt) == (RunStatus.SUCCEEDED, 2, 2)
    assert Event.objects.filter(thread=thread, kind=EventKind.RUN_TAKEN_OVER).count() == 1


def test_a_frozen_worker_is_cut_off_and_writes_nothing_when_it_wakes(
    stack: Stack, slow: Callable[[float], Thread], effects: Path
) -> None:
    frozen = stack.start_worker(**QUICK)
    thread = slow(4)
    eventually(lambda: lines(effects) == ["work begins"], what="the first worker at work")

    os.kill(frozen.pid, signal.SIGSTOP)
    stack.start_worker(**QUICK)
    until_status(thread, ThreadStatus.PAUSED)
    recorded = list(Event.objects.filter(thread=thread).values_list("kind", flat=True))
    os.kill(frozen.pid, signal.SIGCONT)
    eventually(lambda: lines(effects).count("work ends") == 2, what="the woken worker's node at its end")

    eventually(lambda: "nothing was recorded" in stack.log("worker-0"), what="the woken worker's own admission")
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.PAUSED
    assert list(Event.objects.filter(thread=thread).values_list("kind", flat=True)) == recorded
    assert Run.objects.get(thread=thread).generation == 2


def test_a_redis_that_was_read_only_for_a_while_leaves_no_worker_deaf(
    stack: Stack, slow: Callable[[float], Thread]
) -> None:
    stack.start_worker(concurrency=1, **QUICK)
    first, second = slow(2), slow(0)
    eventually(lambda: stack.log("worker-0").count("] received") >= 2, what="the second doorbell, taken and not begun")

    server = redis.Redis.from_url(settings.REDIS_URL)
    server.replicaof("127.0.0.1", "1")
    try:
        until_status(second, ThreadStatus.PAUSED)
    finally:
        server.replicaof("NO", "ONE")
    third = slow(0)

    until_status(third, ThreadStatus.PAUSED)
    first.refresh_from_db()
    assert first.status == ThreadStatus.PAUSED


def test_work_nobody_rang_for_is_found_by_the_sweep(stack: Stack, slow: Callable[[float], Thread]) -> None:
    thread = slow(0)
    redis.Redis.from_url(settings.REDIS_URL).flushdb()

    stack.start_worker(**QUICK)

    until_status(thread, ThreadStatus.PAUSED, within=20)


def test_a_running_thread_stops_at_the_end_of_its_step(
    stack: Stack, slow: Callable[[float], Thread], cast: Cast, effects: Path
) -> None:
    stack.start_worker(**QUICK)
    thread = slow(3)
    eventually(lambda: lines(effects) == ["work begins"], what="the worker at work")

    threads.stop(cast.rita, thread.id, reason="Enough.")

    until_status(thread, ThreadStatus.CANCELLED)
    assert lines(effects) == ["work begins", "work ends"]


def test_a_run_that_keeps_losing_its_worker_is_given_up(
    stack: Stack, slow: Callable[[float], Thread], effects: Path
) -> None:
    thread = slow(0)
    Run.objects.filter(thread=thread).update(attempt=5)

    stack.start_worker(**QUICK)

    until_status(thread, ThreadStatus.FAILED)
    assert lines(effects) == []
    assert "stopped 5 times" in Run.objects.get(thread=thread).error_message
