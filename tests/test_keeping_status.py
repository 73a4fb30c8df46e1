"""How much there is, and whether all of it can be read."""

import json
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError
from django.utils import timezone
from langgraph.checkpoint.base import empty_checkpoint

from approvals import opened
from approvals.execution import keeping
from approvals.models import Retention, Thread, ThreadStatus
from chains.checkpointers.measuring import measure
from tests import keeping_desk as desk
from tests.backends import AS_CONTEXT, ELSEWHERE, MEMORY, OWN, SQLITE, options_for, setting_for
from tests.backends import keeping as kept_in
from tests.conftest import Cast


@pytest.fixture(params=(OWN, ELSEWHERE, SQLITE, MEMORY, AS_CONTEXT))
def kind(
    request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    desk.together(monkeypatch)
    with setting_for(request.param, tmp_path) as setting, kept_in(setting, **options_for(request.param, tmp_path)):
        yield request.param


def test_status_counts_what_is_there_and_all_of_it_can_be_read(kind: str, cast: Cast) -> None:
    found = [desk.finished(cast), desk.waiting(cast)]
    stranger("somebody elses")
    told = json.loads(desk.told("status", "--json"))
    mine = {str(thread.id) for thread in found}

    assert told["threads"] == {"done": 1, "paused": 1}
    assert told["is_fenced"] == opened.checkpointer().is_fenced
    assert told["sizes"]["all"] > 0
    assert told["orphans"] >= 1
    if kind != OWN:  # where other tests leave checkpoints behind
        assert told["checkpoints"] == sum(desk.left(*found)) + 1
        assert {row["thread"] for row in told["largest"]} - {"somebody elses"} == mine
    said = desk.told("status")
    assert "1 needs review, 1 done" in said
    assert opened.checkpointer().label in said
    assert "kept until somebody removes them" in said
    assert all("can be read" in desk.told("verify", f"--thread={thread.id}") for thread in found)


def test_growth_is_new_threads_a_day_times_what_one_has(cast: Cast) -> None:
    desk.finished(cast)
    Thread.objects.update(created_at=timezone.now() - timedelta(days=3.5))
    desk.waiting(cast)
    desk.waiting(cast)

    found = keeping.status(now=timezone.now() + timedelta(seconds=1))

    assert found.new_per_day == pytest.approx(3 / 3.5, rel=0.01)
    assert found.in_days(30) == pytest.approx(found.in_days(0) + 30 * found.new_per_day * found.per_thread)


@pytest.mark.parametrize("place", [OWN, SQLITE])
def test_a_sample_is_called_one_and_is_near(place: str, transactional_db: None, cast: Cast, tmp_path: Path) -> None:
    with setting_for(place, tmp_path) as setting, kept_in(setting):
        for _ in range(3):
            desk.finished(cast)
        with opened.checkpointer().hold("measured") as held, opened.checkpointer().read() as reading:
            if place == OWN:
                held.write("ANALYZE checkpoints")
            exact = measure(reading.saver, [], all_threads=3)
            sampled = measure(reading.saver, [], all_threads=3, counted_bytes=1)

    assert not exact.is_estimated
    assert sampled.is_estimated or place == SQLITE
    assert sampled.checkpoints == pytest.approx(exact.checkpoints, rel=0.5)


def test_memory_of_another_process_is_not_made_up(
    transactional_db: None, cast: Cast, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opened, "_together", [])
    with setting_for(MEMORY, tmp_path) as setting, kept_in(setting):
        assert "and this is another" in desk.told("status")
        with pytest.raises(CommandError, match="and this is another"):
            desk.told("verify")


def test_retention_is_told_by_status_and_doctor(cast: Cast, settings: object) -> None:
    settings.HOLDPOINT_RETENTION = True  # type: ignore[attr-defined]
    assert "no chain has one" in desk.told("status")
    Retention.objects.create(chain="prompt_chain", days=90, archive_first=True)

    assert "prompt_chain 90 days, archived first" in desk.told("status")
    assert "HOLDPOINT_ARCHIVE names no directory" in keeping.retention_problem()


def test_what_cannot_be_read_is_named_and_the_exit_says_so(cast: Cast) -> None:
    thread = desk.waiting(cast)
    with opened.checkpointer().hold(str(thread.id)) as held:
        spoilt = held.write(
            "UPDATE checkpoint_blobs SET blob = '\\xc1'::bytea WHERE thread_id = %s AND channel = 'messages' "
            "AND version = (SELECT max(version) FROM checkpoint_blobs WHERE thread_id = %s AND channel = 'messages') "
            "RETURNING checkpoint_ns",
            str(thread.id),
            str(thread.id),
        )
    assert spoilt

    said = refused("verify", f"--thread={thread.id}")

    assert f"{thread.id}  " in said
    assert "messages  The saved state cannot be read" in said


def test_a_value_that_is_missing_is_named(cast: Cast) -> None:
    thread = desk.waiting(cast)
    with opened.checkpointer().hold(str(thread.id)) as held:
        held.write("DELETE FROM checkpoint_blobs WHERE thread_id = %s AND channel = 'messages'", str(thread.id))

    assert "messages  Its value is missing." in refused("verify", f"--thread={thread.id}")


def test_a_write_that_waits_and_cannot_be_read_is_named(cast: Cast) -> None:
    thread = desk.waiting(cast)
    with opened.checkpointer().hold(str(thread.id)) as held:
        held.write(
            "UPDATE checkpoint_writes SET blob = '\\xc1'::bytea WHERE thread_id = %s AND channel = '__interrupt__'",
            str(thread.id),
        )

    assert "__interrupt__  The saved state cannot be read" in refused("verify", f"--thread={thread.id}")


def test_a_spoilt_row_of_sqlite_is_named(transactional_db: None, cast: Cast, tmp_path: Path) -> None:
    with setting_for(SQLITE, tmp_path) as setting, kept_in(setting):
        thread = desk.waiting(cast)
        with opened.checkpointer().read() as reading:
            saver = reading.saver
            with saver.cursor() as cursor:  # type: ignore[attr-defined]
                cursor.execute("UPDATE checkpoints SET checkpoint = X'C1' WHERE thread_id = ?", (str(thread.id),))

        assert str(thread.id) in refused("verify")


def test_checkpoints_that_went_without_anybody_removing_them_are_named(cast: Cast) -> None:
    lost, removed = desk.waiting(cast), desk.finished(cast)
    desk.prune(keep_latest=False)
    with opened.checkpointer().hold(str(lost.id)) as held:
        held.saver.delete_thread(str(lost.id))

    assert "waits for review and nobody removed them" in refused("verify", f"--thread={lost.id}")
    assert "all can be read" in desk.told("verify", f"--thread={removed.id}")
    assert "0 threads" in desk.told("verify", f"--since={timezone.now() + timedelta(days=1):%Y-%m-%d}")


def test_a_chain_that_is_gone_is_named(cast: Cast) -> None:
    thread = desk.waiting(cast)
    Thread.objects.filter(id=thread.id).update(chain="gone", status=ThreadStatus.PAUSED)

    assert "Its chain cannot be used" in refused("verify", f"--thread={thread.id}")


def refused(*arguments: str) -> str:
    """What was printed before the exit with 1."""
    said: list[str] = []
    with pytest.raises(CommandError, match="found in"):
        desk.told_into(said, *arguments)
    return "".join(said)


def stranger(name: str) -> None:
    """A thread that this application knows nothing of."""
    checkpoint = empty_checkpoint()
    with opened.checkpointer().hold(name) as held:
        held.saver.delete_thread(name)
        config = {"configurable": {"thread_id": name, "checkpoint_ns": ""}}
        held.saver.put(config, {**checkpoint, "id": str(uuid.uuid1())}, {}, {})  # type: ignore[arg-type]
