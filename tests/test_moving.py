"""Moving all checkpoints elsewhere: every thread goes on as one that was never moved."""

import contextlib
import io
import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from langgraph.checkpoint.sqlite import SqliteSaver

from approvals import decisions, inspection, opened, threads
from approvals.execution import checks
from approvals.execution.moving import CannotMove, move, place_of
from approvals.models import (
    CheckpointPlace,
    CopiedThread,
    Decision,
    Event,
    EventKind,
    Interrupt,
    Run,
    Thread,
    ThreadStatus,
    Verdict,
)
from chains.checkpointers.copying import compare_thread
from chains.jsonable import jsonable
from chains.runner import Work, advance
from tests.backends import keeping, own_address
from tests.conftest import REQUEST, Cast, work_off
from tests.stack import ROOT
from tests.test_main_job import ballot
from tests.waiting import eventually

pytestmark = pytest.mark.django_db(transaction=True)
COUNT = int(os.environ.get("MOVED_THREADS", "24"))
KILLS = int(os.environ.get("MOVE_KILLS", "10"))
UNLIKE = ("id", "duration_ms", "at", "started_at", "finished_at", "timestamp", "latency_ms", "step_metadata")
CHAINS: tuple[tuple[str, dict[str, str]], ...] = (
    ("prompt_chain", {"request": REQUEST}),
    ("fan_out", {}),
    ("in_subgraph", {}),
    ("in_subgraphs", {}),
    ("parallel_formats", {}),
    ("agent_batched", {}),
)


@pytest.fixture
def sqlite_setting(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/first.sqlite3"


def submitted(cast: Cast, count: int) -> list[Thread]:
    """Half of them are left at their questions."""
    found = []
    for number, (chain, values) in zip(range(count), itertools.cycle(CHAINS)):
        thread = threads.submit(cast.rita, chain, dict(values))
        work_off(thread)
        if number // len(CHAINS) % 2:
            approve(cast, thread)
        found.append(thread)
    return found


def approve(cast: Cast, thread: Thread) -> None:
    while waiting := list(Interrupt.objects.open().filter(thread=thread).order_by("node", "interrupt_id")):
        for question in waiting:
            decide(cast, question)
        work_off(thread)
    thread.refresh_from_db()


def decide(cast: Cast, question: Interrupt) -> None:
    try:
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    except inspection.BadAnswer:
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.REJECT, note="No."))


def test_every_thread_goes_on_as_one_that_was_never_moved(cast: Cast, sqlite_setting: str, tmp_path: Path) -> None:
    back = f"sqlite:///{tmp_path}/back.sqlite3"
    with keeping(sqlite_setting):
        moved = submitted(cast, COUNT)
        waiting = [thread for thread in moved if thread.status != ThreadStatus.DONE]
        assert len(waiting) * 2 >= COUNT
        twins = twin_of(sqlite_setting, tmp_path / "twin.sqlite3")
        move(place_of(sqlite_setting), place_of("own"), switch=True, tell=print)
    with keeping(""):
        move(place_of("own"), place_of(back), switch=True, tell=print)
    with keeping(back):
        assert_same(twins, moved)
        for thread in waiting:
            approve(cast, thread)
        finished = {thread.id: state_of(thread) for thread in waiting}

    assert finished == {thread.id: carried_on_like(thread, twins) for thread in waiting}
    assert Event.objects.filter(kind=EventKind.CHECKPOINTS_MOVED).count() == 2


def twin_of(setting: str, path: Path) -> SqliteSaver:
    """All that was saved, as it was."""
    copied = sqlite3.connect(path, check_same_thread=False)
    with contextlib.closing(sqlite3.connect(setting.removeprefix("sqlite:///"))) as source:
        source.backup(copied)
    return SqliteSaver(copied)


def assert_same(twins: SqliteSaver, moved: list[Thread]) -> None:
    with opened.checkpointer().read() as reading:
        for thread in moved:
            assert compare_thread(twins, reading.saver, str(thread.id)).checkpoints


def state_of(thread: Thread) -> Any:
    state = inspection.state_of(thread)
    assert state is not None
    return without_times(jsonable(state.values))


def carried_on_like(thread: Thread, twins: SqliteSaver) -> Any:
    """The twin, with the answers that the moved thread was given, in the same runs."""
    graph = opened.registry().compile(thread.chain, twins)
    for run in Run.objects.filter(thread=thread).order_by("created_at")[1:]:
        given = Decision.objects.filter(interrupt__thread=thread).select_related("interrupt")
        work = Work(str(run.id), answers={decision.interrupt.key: decision.answer for decision in given})
        outcome = advance(graph, str(thread.id), work)
        assert outcome.failure is None
    return without_times(jsonable(graph.get_state({"configurable": {"thread_id": str(thread.id)}}).values))


def without_times(value: Any) -> Any:
    """How long a step took, and ids that LangChain makes up, differ between any two runs."""
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key not in UNLIKE}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


def test_a_move_that_is_killed_again_and_again_ends_equal(cast: Cast, sqlite_setting: str, tmp_path: Path) -> None:
    with keeping(sqlite_setting):
        moved = submitted(cast, 24)
        twins = twin_of(sqlite_setting, tmp_path / "twin.sqlite3")
        whole = killed_after(60.0)
        killed = 0
        for _ in range(KILLS):
            if CopiedThread.objects.whole("own").count() > len(moved) / 2:
                CopiedThread.objects.update(copied_at=None)  # what is there is still known to be ours
            killed += not killed_after(random.uniform(0.05, 0.95) * whole)
        assert killed > KILLS / 2
        switched = in_a_process(sqlite_setting, "--to", "own", "--switch")
        assert "Unset HOLDPOINT_CHECKPOINTS" in switched
    with keeping(""):
        assert_same(twins, moved)
        approve(cast, moved[0])

    assert moved[0].status == ThreadStatus.DONE
    assert (CheckpointPlace.objects.get().name, CheckpointPlace.objects.get().is_closed) == ("own", False)


def killed_after(seconds: float) -> float:
    """The command, as a process that has loaded everything already: 0 if it was killed, else how long it took."""
    connection.close()
    opened.checkpointer().close()
    begun = time.monotonic()
    child = os.fork()
    if child == 0:
        # Beside a browser Django finds another connection here than in the parent: one of before, on whose socket the
        # parent still is. It is only let go, not closed, which would end it for both.
        inherited, connection.connection = connection.connection, None  # noqa: F841
        with contextlib.suppress(BaseException):
            call_command("checkpoints", "move", "--to", "own", stdout=io.StringIO())
            os._exit(0)
        os._exit(1)
    while time.monotonic() - begun < seconds:
        ended, code = os.waitpid(child, os.WNOHANG)
        if ended:
            assert code == 0
            return time.monotonic() - begun
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 0.0


def in_a_process(setting: str, *words: str) -> str:
    command = begun(setting, *words)
    said, wrong = command.communicate()
    assert command.returncode == 0, wrong
    return said


def begun(setting: str, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "manage.py", "checkpoints", "move", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": own_address(), "HOLDPOINT_CHECKPOINTS": setting},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_thread_that_goes_on_while_it_is_moved_is_copied_again(cast: Cast, sqlite_setting: str) -> None:
    with keeping(sqlite_setting):
        moved = submitted(cast, 6)
        move(place_of(sqlite_setting), place_of("own"), tell=print)
        decide(cast, Interrupt.objects.open().filter(thread=moved[0])[0])
        work_off(moved[0])
        late = submitted(cast, 1)[0]
        progress = move(place_of(sqlite_setting), place_of("own"), switch=True, tell=print)
    assert progress.threads == 2
    with keeping(""):
        assert state_of(moved[0])
        approve(cast, late)
    assert late.status == ThreadStatus.DONE


def test_an_answer_that_came_after_its_thread_was_copied_is_not_lost(cast: Cast, sqlite_setting: str) -> None:
    """The node refused it, so the newest checkpoint is the same one: only a write was added to it."""
    with keeping(sqlite_setting):
        thread = threads.submit(cast.rita, "picky", {})
        work_off(thread)
        move(place_of(sqlite_setting), place_of("own"), tell=print)
        question = Interrupt.objects.open().get(thread=thread)
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.RESPOND, note="no number"))
        work_off(thread)
        assert move(place_of(sqlite_setting), place_of("own"), switch=True, tell=print)
        twins = SqliteSaver(sqlite3.connect(sqlite_setting.removeprefix("sqlite:///")))
    with keeping(""):
        assert_same(twins, [thread])


def test_workers_wait_while_the_rest_is_copied(cast: Cast, sqlite_setting: str, submitted: Thread) -> None:
    with keeping(sqlite_setting):
        CheckpointPlace.change(is_closed=True)
        work_off(submitted)
        assert not submitted.runs.filter(generation__gt=0).exists()
        call_command("checkpoints", "move", "--reopen")
        work_off(submitted)
        assert submitted.runs.filter(generation=1).exists()


def test_a_move_that_is_killed_while_workers_wait_is_begun_again_and_ends(
    cast: Cast, sqlite_setting: str, tmp_path: Path
) -> None:
    with keeping(sqlite_setting):
        moved = submitted(cast, 2)
        twins = twin_of(sqlite_setting, tmp_path / "twin.sqlite3")
        with opened.checkpointer().hold(str(moved[0].id)):  # a worker that does not end keeps the command at the door
            command = begun(sqlite_setting, "--to", "own", "--switch")
            eventually(lambda: CheckpointPlace.objects.filter(is_closed=True).exists(), within=60, what="the door")
            command.kill()
            command.wait()
        assert "Workers wait since" in " ".join(checks.keeps_workers_waiting())
        in_a_process(sqlite_setting, "--to", "own", "--switch")
        (told,) = checks.keeps_workers_waiting()
        assert told.startswith("The checkpoints are in own, and this is set to sqlite:")
    with keeping(""):
        assert list(checks.keeps_workers_waiting()) == []
        assert_same(twins, moved)
        approve(cast, moved[0])
    assert moved[0].status == ThreadStatus.DONE


def test_a_worker_that_is_set_to_the_old_place_takes_nothing_up(cast: Cast, sqlite_setting: str) -> None:
    with keeping(sqlite_setting):
        (thread,) = submitted(cast, 1)
        move(place_of(sqlite_setting), place_of("own"), switch=True, tell=print)
        decide(cast, Interrupt.objects.open().get(thread=thread))
        work_off(thread)
        assert thread.runs.live().get().generation == 0
    with keeping(""):
        work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE


def test_a_worker_that_would_not_end_its_work_keeps_the_move_from_switching(cast: Cast, sqlite_setting: str) -> None:
    with keeping(sqlite_setting):
        (thread,) = submitted(cast, 1)
        with opened.checkpointer().hold(str(thread.id)):
            busy = move(place_of(sqlite_setting), place_of("own"), tell=print).busy
            assert busy == [str(thread.id)]
            with pytest.raises(CannotMove, match="would not end its work"):
                move(place_of(sqlite_setting), place_of("own"), switch=True, patience=0.2, tell=print)
    assert (CheckpointPlace.objects.get().name, CheckpointPlace.objects.get().is_closed) == ("", False)
