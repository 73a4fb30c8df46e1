"""Moving and removing at the same time: what was removed stays away, and only what is in use is changed."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.utils import timezone

from approvals import opened, retention
from approvals.execution import keeping as kept
from approvals.execution.moving import move, place_of, setting_for
from approvals.execution.moving_places import keeps_workers_waiting, name_of, not_here
from approvals.models import (
    CheckpointPlace,
    CopiedThread,
    Event,
    EventKind,
    Interrupt,
    Removal,
    RemovalStatus,
    Retention,
    RetentionNight,
    Thread,
    ThreadStatus,
)
from chains.checkpointers.copying import has_thread
from tests.backends import keeping
from tests.conftest import Cast, work_off
from tests.test_moving import approve, decide, submitted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sqlite_setting(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/first.sqlite3"


def ended(cast: Cast, count: int) -> list[Thread]:
    found = submitted(cast, count)
    for thread in found:
        approve(cast, thread)
    return found


def prune(*threads: Thread, keep: str = "--all") -> None:
    named = [word for thread in threads for word in ("--thread", str(thread.id))]
    call_command("checkpoints", "prune", keep, *named)


def is_there(thread: Thread) -> bool:
    with opened.checkpointer().read() as reading:
        return has_thread(reading.saver, str(thread.id))


def test_what_is_removed_after_it_was_copied_is_not_brought_back_by_the_move(
    cast: Cast, sqlite_setting: str, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    with keeping(sqlite_setting):
        first, second, third = ended(cast, 3)
        move(place_of(sqlite_setting), place_of("own"), tell=print)
        call_command("checkpoints", "archive", "--dir", str(archive), "--remove", "--thread", str(first.id))
        move(place_of(sqlite_setting), place_of("own"), switch=True, tell=print)
    with keeping(""):
        assert [is_there(thread) for thread in (first, second, third)] == [False, True, True]
        prune(second)
        move(place_of("own"), place_of(sqlite_setting), switch=True, tell=print)
    with keeping(sqlite_setting):
        assert [is_there(thread) for thread in (first, second, third)] == [False, False, True]
        call_command("checkpoints", "unarchive", "--dir", str(archive), "--thread", str(first.id))
        assert is_there(first)


def test_what_lost_its_older_checkpoints_is_copied_again(cast: Cast, sqlite_setting: str) -> None:
    """Asked of the rows alone: another maker's saver does not say how many it has."""
    with keeping(sqlite_setting):
        first, second = ended(cast, 2)
        move(place_of(sqlite_setting), place_of("own"), tell=print)
        prune(first, keep="--keep-latest")
        assert set(whole()) == {str(second.id)}
        move(place_of(sqlite_setting), place_of("own"), tell=print)
        assert set(whole()) == {str(first.id), str(second.id)}
        Removal.objects.filter(thread=first).update(status=RemovalStatus.MARKED, finished_at=None)
        assert set(whole()) == {str(second.id)}


def whole() -> list[str]:
    return list(CopiedThread.objects.whole("own").values_list("thread_id", flat=True))


def test_only_the_place_in_use_is_changed(cast: Cast, sqlite_setting: str, tmp_path: Path, settings: Any) -> None:
    archive = tmp_path / "archive"
    settings.HOLDPOINT_RETENTION, settings.HOLDPOINT_RETENTION_HOUR = True, timezone.localtime().hour
    with keeping(sqlite_setting):
        first, second = ended(cast, 2)
        Retention.objects.create(chain=second.chain, days=1)
        call_command("checkpoints", "archive", "--dir", str(archive), "--remove", "--thread", str(first.id))
        move(place_of(sqlite_setting), place_of("own"), switch=True, tell=print)
        for words in (["prune", "--all"], ["archive", "--dir", str(archive)], ["reseal"]):
            with pytest.raises(CommandError, match="The checkpoints are in own"):
                call_command("checkpoints", *words)
        known = kept.in_archive(archive)
        with pytest.raises(kept.CannotReturn, match="The checkpoints are in own"):
            kept.bring_back(str(first.id), archive, known[str(first.id)])
        wanted = kept.Wanted(before=timezone.now(), statuses=kept.FINISHED)
        left = kept.remove([second.id], kept.How(wanted, why="It is late.")).left
        assert left[str(second.id)].startswith("The checkpoints are in own")
        retention.sweep()
        assert not RetentionNight.objects.exists()
        Removal.objects.create(thread=second, keeps_latest=False, checkpoints=5)
        assert kept.complete().threads == 0
    with keeping(""):
        assert is_there(second)
        retention.sweep()
        assert RetentionNight.objects.exists()
        assert not is_there(second)


def test_nothing_is_removed_while_the_door_is_closed(cast: Cast, sqlite_setting: str) -> None:
    with keeping(sqlite_setting):
        (thread,) = ended(cast, 1)
        CheckpointPlace.change(is_closed=True)
        with pytest.raises(CommandError, match="Workers wait since"):
            prune(thread)
        call_command("checkpoints", "move", "--reopen")
        prune(thread)
        assert not is_there(thread)


def test_the_door_closes_once_those_are_done_who_were_let_in(db: None) -> None:
    """Several may be in at a time; between the question and the row that says so, nobody closes it."""
    closed = threading.Event()

    def close() -> None:
        CheckpointPlace.change(is_closed=True)
        closed.set()
        connection.close()

    with transaction.atomic():
        assert not_here() == ""
        other = threading.Thread(target=close)
        other.start()
        assert not closed.wait(0.5)
    assert closed.wait(10)
    other.join()
    assert not_here().startswith("Workers wait since")


def test_the_same_place_under_another_name_goes_on(cast: Cast, tmp_path: Path) -> None:
    first, second, empty = (f"sqlite:///{tmp_path}/{name}.sqlite3" for name in ("first", "second", "empty"))
    with keeping(""):
        (thread,) = submitted(cast, 1)
        move(place_of("own"), place_of(first), switch=True, tell=print)
    (tmp_path / "first.sqlite3").rename(tmp_path / "second.sqlite3")
    with keeping(empty), pytest.raises(CommandError, match=f"It is another place: .* of thread {thread.id}"):
        call_command("checkpoints", "move", "--renamed")
    with keeping(""), pytest.raises(CommandError, match="What is in own is a copy"):
        call_command("checkpoints", "move", "--renamed")
    with keeping(second):
        (why,) = keeps_workers_waiting()
        assert why.endswith("move --renamed.")
        decide(cast, Interrupt.objects.open().get(thread=thread))
        work_off(thread)
        call_command("checkpoints", "move", "--renamed")
        work_off(thread)
        assert list(keeps_workers_waiting()) == []
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    told = Event.objects.filter(kind=EventKind.CHECKPOINTS_MOVED).order_by("-id")[0].data
    assert (told["from"], told["to"], told["renamed"]) == (name_of(place_of(first)), name_of(place_of(second)), True)


def test_a_place_of_ones_own_is_advised_as_it_can_be_set() -> None:
    name = name_of(place_of("custom:tests.graphs.savers.file_saver", {"password": "unsaid"}))
    assert "(" in name
    assert setting_for(name).endswith("custom:tests.graphs.savers.file_saver, with the options that it had")
