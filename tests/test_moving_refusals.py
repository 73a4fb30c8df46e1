"""Moves that are refused, and threads that are no requests."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from approvals import opened
from approvals.execution.moving import CannotMove, move, place_of
from approvals.models import Thread
from chains.checkpointers.copying import copy_thread, thread_ids
from tests.backends import ELSEWHERE, keeping, own_address, setting_for
from tests.conftest import Cast
from tests.test_moving import state_of, submitted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sqlite_setting(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/first.sqlite3"


def test_other_checkpoints_of_a_thread_are_not_written_over(cast: Cast, sqlite_setting: str) -> None:
    with keeping(""):
        (thread,) = submitted(cast, 1)
    with keeping(sqlite_setting):
        with opened.open_at(place_of("own"), None).read() as reading, opened.checkpointer().read() as here:
            copy_thread(reading.saver, here.saver, str(thread.id))
        with pytest.raises(CannotMove, match="other checkpoints of thread"):
            move(place_of(sqlite_setting), place_of("own"), tell=print)


def test_threads_that_are_no_requests_are_listed_and_moved_when_asked_for(cast: Cast, sqlite_setting: str) -> None:
    with keeping(sqlite_setting), opened.checkpointer().read() as reading:
        graph = opened.registry().compile("fan_out", reading.saver)
        graph.invoke({}, {"configurable": {"thread_id": "a stranger's"}})
        assert move(place_of(sqlite_setting), place_of("own"), tell=print).orphans == ["a stranger's"]
        assert move(place_of(sqlite_setting), place_of("own"), orphans=True, tell=print).threads == 1
    with keeping(""), opened.checkpointer().read() as reading:
        assert "a stranger's" in thread_ids(reading.saver)
        reading.saver.delete_thread("a stranger's")


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("own", "own", "are in own already"),
        ("sqlite:///elsewhere.sqlite3", "own", "own already"),
        ("own", "memory://", "another process"),
        ("sqlite:///elsewhere.sqlite3", "sqlite:///other.sqlite3", "Move them from there"),
    ],
)
def test_what_cannot_be_moved_is_refused(db: None, source: str, target: str, why: str) -> None:
    with pytest.raises(CannotMove, match=why):
        move(place_of(source), place_of(target), tell=print)


def test_an_address_may_be_in_a_variable(
    cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with setting_for(ELSEWHERE, tmp_path) as elsewhere:
        monkeypatch.setenv("ELSEWHERE", elsewhere)
        with keeping(""):
            submitted(cast, 2)
            call_command("checkpoints", "move", "--to", "env:ELSEWHERE", "--switch")
        with keeping(elsewhere):
            assert all(state_of(thread) for thread in Thread.objects.all())
    said = capsys.readouterr().out
    assert "Set HOLDPOINT_CHECKPOINTS to postgresql://127.0.0.1" in said
    assert own_address().split("@")[0].split(":")[-1] not in said
    with pytest.raises(CommandError, match="Say where to"):
        call_command("checkpoints", "move")
