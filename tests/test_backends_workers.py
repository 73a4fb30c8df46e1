"""Real worker processes on checkpoints of every kind that processes can share, and many that set them up at once."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from approvals import decisions, inspection, opened, threads
from approvals.models import Event, EventKind, Run, RunStatus, Thread, ThreadStatus, Verdict
from chains.checkpointers import Place
from tests.backends import (
    CUSTOM,
    ELSEWHERE,
    OWN,
    SCHEMA,
    SQLITE,
    environment_for,
    keeping,
    options_for,
    setting_for,
)
from tests.conftest import Cast, open_question
from tests.stack import ROOT, Stack
from tests.test_main_job import ballot
from tests.waiting import eventually, until_status

QUICK = {"HOLDPOINT_LEASE_SECONDS": "2", "HOLDPOINT_SWEEP_SECONDS": "0.3"}


@dataclass(frozen=True)
class Kept:
    kind: str
    environment: dict[str, Any]


@pytest.fixture
def kept(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path) -> Iterator[Kept]:
    kind: str = request.param
    with setting_for(kind, tmp_path) as setting:
        options = options_for(kind, tmp_path)
        with keeping(setting, **options):
            yield Kept(kind, {**QUICK, **environment_for(setting, options)})


on = pytest.mark.parametrize("kept", [ELSEWHERE, SQLITE, CUSTOM], indirect=True, ids=str)


def lines(effects: Path) -> list[str]:
    return effects.read_text().splitlines() if effects.exists() else []


@on
def test_a_worker_that_is_killed_is_taken_over_and_the_request_is_done(
    kept: Kept, stack: Stack, cast: Cast, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    first = stack.start_worker(**kept.environment)
    thread = threads.submit(cast.rita, "slow", {"effects": str(effects), "seconds": 1.5})
    eventually(lambda: lines(effects) == ["work begins"], what="the first worker at work")
    os.kill(first.pid, signal.SIGKILL)
    first.wait()

    stack.start_worker(**kept.environment)
    until_status(thread, ThreadStatus.PAUSED)
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    until_status(thread, ThreadStatus.DONE)

    assert lines(effects) == ["work begins", "work begins", "work ends", "act 40"]
    start = Run.objects.filter(thread=thread).earliest("created_at")
    assert (start.status, start.generation, start.attempt) == (RunStatus.SUCCEEDED, 2, 2)
    assert Event.objects.filter(thread=thread, kind=EventKind.RUN_TAKEN_OVER).count() == 1
    state = inspection.state_of(thread)
    assert state is not None
    assert state.values["answer"] == "approve"


@pytest.mark.parametrize("kept", [SQLITE], indirect=True)
def test_one_worker_process_has_the_file_until_it_is_gone_and_none_that_forks(kept: Kept, stack: Stack) -> None:
    first = stack.start_worker(**kept.environment)
    second = stack.begin_worker(**kept.environment)
    forking = stack.begin_worker(pool="prefork", **kept.environment)

    assert second.process.wait(30) != 0
    assert forking.process.wait(30) != 0
    assert "This worker does not start. A worker process already writes to this SQLite file" in stack.log(second.name)
    assert "Checkpoints in SQLite are for one worker process. Start it with --pool=threads" in stack.log(forking.name)

    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    stack.start_worker(**kept.environment)


@pytest.mark.parametrize("kept", [CUSTOM], indirect=True)
def test_a_custom_saver_is_made_in_each_process_that_a_worker_forks(
    kept: Kept, stack: Stack, cast: Cast, tmp_path: Path
) -> None:
    stack.start_worker(pool="prefork", concurrency=2, **kept.environment)
    values = {"effects": str(tmp_path / "effects"), "seconds": 0.3}
    all_of_them: list[Thread] = [threads.submit(cast.rita, "slow", values) for _ in range(4)]

    for thread in all_of_them:
        until_status(thread, ThreadStatus.PAUSED)


@pytest.mark.parametrize("kept", [SCHEMA, ELSEWHERE], indirect=True)
def test_a_worker_that_is_frozen_is_cut_off_in_both_databases(
    kept: Kept, stack: Stack, cast: Cast, tmp_path: Path
) -> None:
    effects = tmp_path / "effects"
    frozen = stack.start_worker(**kept.environment)
    thread = threads.submit(cast.rita, "slow", {"effects": str(effects), "seconds": 2})
    eventually(lambda: lines(effects) == ["work begins"], what="the first worker at work")
    os.kill(frozen.pid, signal.SIGSTOP)
    second = stack.begin_worker(**kept.environment)

    until_status(thread, ThreadStatus.PAUSED)
    kept_before = [step.checkpoint_id for step in inspection.steps_of(thread)]
    os.kill(frozen.pid, signal.SIGCONT)
    eventually(lambda: lines(effects).count("work ends") == 2, what="the frozen worker awake")

    assert second.is_running
    assert [step.checkpoint_id for step in inspection.steps_of(thread)] == kept_before
    assert Run.objects.get(thread=thread).generation == 2


SET_UP = """
import sys
from chains.checkpointers import Place
Place.parse(sys.argv[1]).open(sys.argv[2]).set_up(patience=60)
"""


@pytest.mark.parametrize("kind", [OWN, SCHEMA, SQLITE])
def test_eight_processes_set_up_at_once_from_nothing(kind: str, transactional_db: None, tmp_path: Path) -> None:
    """The application's own tables are taken away first."""
    if kind == OWN:
        opened.checkpointer().close()
        with psycopg.connect(opened.own_dsn(), autocommit=True) as line:
            line.execute("DROP TABLE checkpoints, checkpoint_blobs, checkpoint_writes, checkpoint_migrations")
    with setting_for(kind, tmp_path) as setting:
        command = [sys.executable, "-c", SET_UP, setting, opened.own_dsn()]
        at_once = [
            subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) for _ in range(8)
        ]
        said = [process.communicate(timeout=120)[0].decode() for process in at_once]
        problems = Place.parse(setting).open(opened.own_dsn()).problems()

    assert [process.returncode for process in at_once] == [0] * 8, said
    assert problems == []
    if kind == SQLITE:
        with closing(sqlite3.connect(tmp_path / "checkpoints.sqlite3")) as file:
            assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
