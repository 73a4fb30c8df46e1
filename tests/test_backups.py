"""Backups: everything comes back as it was, and nothing that may have gone on since goes on by itself."""

import gzip
import json
import stat
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from approvals import decisions, inspection, limits, opened, threads
from approvals.execution import checks
from approvals.execution.backups import BadBackup, Restored, hold_only, restore, take
from approvals.execution.backups_manifest import NAME
from approvals.models import (
    AtLimit,
    CheckpointPlace,
    Event,
    EventKind,
    Hold,
    Interrupt,
    Policy,
    Run,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from approvals.policies import NotAllowed
from tests.backends import ELSEWHERE, OWN, SQLITE, keeping, setting_for
from tests.conftest import Cast, open_question, work_off
from tests.record_desk import findings
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "attached"


@pytest.fixture(params=[OWN, SQLITE, ELSEWHERE])
def anywhere(request: pytest.FixtureRequest, db: None, tmp_path: Path) -> Iterator[str]:
    with setting_for(request.param, tmp_path) as setting, keeping(setting):
        yield request.param


def asked(cast: Cast, tmp_path: Path, name: str) -> Thread:
    thread = threads.submit(cast.rita, "outside", {"file": str(tmp_path / "world"), "name": name})
    work_off(thread)
    return thread


def approve(cast: Cast, thread: Thread) -> None:
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))


def world(tmp_path: Path) -> list[str]:
    path = tmp_path / "world"
    return sorted(path.read_text().split()) if path.exists() else []


def wiped_and_restored(backup: Path) -> Restored:
    return restore(backup, wipe=True, tell=print)


def test_everything_comes_back(anywhere: str, cast: Cast, tmp_path: Path) -> None:
    waiting, done, decided = (asked(cast, tmp_path, name) for name in ("waiting", "done", "decided"))
    approve(cast, done)
    work_off(done)
    approve(cast, decided)
    backup = take(tmp_path / "backups", tell=print)
    work_off(decided)
    approve(cast, waiting)
    work_off(waiting)
    later = asked(cast, tmp_path, "later")

    restored = wiped_and_restored(backup)

    assert {thread.id for thread in restored.held} == {waiting.id, decided.id}
    assert not Thread.objects.filter(id=later.id).exists()
    assert inspection.state_of(done).values["answer"]  # type: ignore[union-attr]
    assert Interrupt.objects.open().get().thread_id == waiting.id
    assert findings() == []
    assert Event.objects.filter(kind=EventKind.BACKUP_RESTORED).count() == 1
    assert not CheckpointPlace.objects.get().is_closed
    fresh = asked(cast, tmp_path, "fresh")  # counters go on behind what came back
    assert open_question(fresh)


def test_what_was_decided_is_carried_out_once_whether_or_not_the_backup_knew(
    anywhere: str, cast: Cast, tmp_path: Path
) -> None:
    """The checkpoints of the backup may be newer than its rows, as they are here; never older."""
    thread = asked(cast, tmp_path, "one")
    approve(cast, thread)
    rows = take(tmp_path / "backups", tell=print)
    work_off(thread)
    assert world(tmp_path) == ["one"]
    checkpoints = take(tmp_path / "backups", tell=print)
    if anywhere != OWN:
        with_checkpoints_of(rows, checkpoints)
        wiped_and_restored(rows)
        call_command("checkpoints", "release", "--all")
    else:
        wiped_and_restored(checkpoints)

    work_off(thread)

    thread.refresh_from_db()
    assert (thread.status, world(tmp_path)) == (ThreadStatus.DONE, ["one"])


def with_checkpoints_of(rows: Path, checkpoints: Path) -> None:
    told, newer = (json.loads((path / NAME).read_text()) for path in (rows, checkpoints))
    for one in newer["checkpoints"]:
        (rows / one["file"]).write_bytes((checkpoints / one["file"]).read_bytes())
    (rows / NAME).write_text(json.dumps({**told, "checkpoints": newer["checkpoints"]}))


def test_what_is_held_neither_runs_nor_is_decided_until_it_is_released(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str], client: Client
) -> None:
    waiting, decided = asked(cast, tmp_path, "waiting"), asked(cast, tmp_path, "decided")
    approve(cast, decided)
    wiped_and_restored(take(tmp_path / "backups", tell=print))

    work_off(decided)
    with pytest.raises(NotAllowed, match="a backup of"):
        approve(cast, waiting)
    client.force_login(cast.alice)
    for path in (f"/t/{waiting.id}/", "/queue/"):
        page = client.get(path).content.decode()
        assert "This request is held" in page
        assert "data-approve" not in page
    assert '<b class="required">Held</b>' in client.get("/queue/").content.decode()
    assert "Needs review" not in client.get("/queue/").content.decode()
    assert client.get("/threads/").content.decode().count("Held</span>") == 2
    assert world(tmp_path) == []
    capsys.readouterr()
    assert "since a backup was put back: 2." in " ".join(checks.keeps_workers_waiting())
    call_command("checkpoints", "release")
    said = capsys.readouterr().out
    assert "carry out: approve by Alice Okafor" in said
    assert "Held: 2." in said

    call_command("checkpoints", "release", "--thread", str(decided.id), "--by", "oscar")
    work_off(decided)
    assert world(tmp_path) == ["decided"]
    assert Hold.objects.get().thread_id == waiting.id
    call_command("checkpoints", "release", "--all")
    for path in ("/queue/", "/threads/"):
        assert "Held" not in client.get(path).content.decode()
    assert "data-approve" in client.get("/queue/").content.decode()
    approve(cast, waiting)
    work_off(waiting)
    assert world(tmp_path) == ["decided", "waiting"]
    assert findings() == []


def test_no_policy_decides_on_what_is_held(cast: Cast, tmp_path: Path) -> None:
    Policy.objects.update(decide_within=1, at_limit=AtLimit.REJECT)
    thread = asked(cast, tmp_path, "late")
    wiped_and_restored(take(tmp_path / "backups", tell=print))
    time.sleep(1.1)

    limits.sweep()

    assert not limits.expire(open_question(thread).id)
    call_command("checkpoints", "release", "--all")
    assert limits.expire(open_question(thread).id)


def test_a_worker_from_before_writes_nothing(cast: Cast, tmp_path: Path) -> None:
    thread = asked(cast, tmp_path, "one")
    approve(cast, thread)
    backup = take(tmp_path / "backups", tell=print)
    run = thread.runs.live().get()
    for _ in range(3):  # it was lost and taken over since
        run.claim(owner="old", backend={"pid": 1, "started": "1"}, lease=timedelta(seconds=60))
    wiped_and_restored(backup)
    again = Run.objects.get(id=run.id)
    assert again.generation > 1_000_000
    Hold.objects.all().delete()
    again.claim(owner="new", backend={"pid": 2, "started": "2"}, lease=timedelta(seconds=60))

    assert not run.extend_lease(timedelta(seconds=60))
    assert not run.finish(RunStatus.SUCCEEDED)


@pytest.mark.parametrize("only_held", [False, True])
def test_whoever_holds_a_thread_meanwhile_is_cut_off(cast: Cast, tmp_path: Path, only_held: bool) -> None:
    thread = asked(cast, tmp_path, "one")
    backup = take(tmp_path / "backups", tell=print)

    with opened.checkpointer().hold(str(thread.id)) as held:
        held.write("SELECT 1")
        if only_held:
            hold_only(timezone.now())
        else:
            wiped_and_restored(backup)
        with pytest.raises(psycopg.OperationalError):
            held.write("SELECT 1")


def test_whoever_writes_checkpoints_in_a_place_of_their_own_is_cut_off(db: None, cast: Cast, tmp_path: Path) -> None:
    with setting_for(ELSEWHERE, tmp_path) as setting, keeping(setting):
        thread = asked(cast, tmp_path, "one")
        backup = take(tmp_path / "backups", tell=print)
        head = {"configurable": {"thread_id": str(thread.id), "checkpoint_ns": ""}}

        with opened.checkpointer().hold(str(thread.id)) as held:
            assert held.saver.get_tuple(head) is not None
            wiped_and_restored(backup)
            with pytest.raises(psycopg.OperationalError):
                held.saver.get_tuple(head)


def test_a_restore_that_fails_changes_nothing(cast: Cast, tmp_path: Path) -> None:
    thread = asked(cast, tmp_path, "one")
    backup = take(tmp_path / "backups", tell=print)
    told = json.loads((backup / NAME).read_text())
    (threads_file,) = [one for one in told["rows"] if one["table"] == "approvals_thread"]
    threads_file["rows"] += 1
    (backup / NAME).write_text(json.dumps(told))

    with pytest.raises(BadBackup, match="has 1 rows, not 2"):
        wiped_and_restored(backup)

    assert open_question(thread)
    assert not Hold.objects.exists()


def test_a_backup_is_refused_that_is_not_what_it_was(cast: Cast, tmp_path: Path) -> None:
    backup = take(tmp_path / "backups", tell=print)
    with gzip.open(backup / "rows" / "auth_user.copy.gz", "ab") as file:
        file.write(b"one more\n")
    with pytest.raises(BadBackup, match="of the backup is missing, or not what it was"):
        wiped_and_restored(backup)
    with pytest.raises(BadBackup, match="is no backup"):
        wiped_and_restored(tmp_path)


def test_a_backup_of_other_tables_is_refused(cast: Cast, tmp_path: Path) -> None:
    backup = take(tmp_path / "backups", tell=print)
    told = json.loads((backup / NAME).read_text())
    for migrations, why in (
        ([*told["migrations"], "approvals.9999_later"], "Run manage.py migrate"),
        (told["migrations"][:-1], "with the release it is of"),
    ):
        (backup / NAME).write_text(json.dumps({**told, "migrations": migrations}))
        with pytest.raises(BadBackup, match=why):
            wiped_and_restored(backup)


def test_nothing_is_restored_over_rows_without_being_told_so(cast: Cast, tmp_path: Path) -> None:
    asked(cast, tmp_path, "one")
    backup = take(tmp_path / "backups", tell=print)
    with pytest.raises(CommandError, match="Take an empty"):
        call_command("checkpoints", "restore", str(backup))
    with pytest.raises(CommandError, match="nothing was changed"):
        call_command("checkpoints", "restore", str(backup), "--wipe", "--yes-wipe", "another")
    call_command("checkpoints", "restore", str(backup), "--wipe", "--yes-wipe", connection.settings_dict["NAME"])
    assert Hold.objects.count() == 1


def test_a_backup_is_for_its_owner_alone(cast: Cast, tmp_path: Path, settings: Any) -> None:
    (tmp_path / "attached" / "files").mkdir(parents=True)
    (tmp_path / "attached" / "files" / "photo.png").write_bytes(b"a photo")
    backup = take(tmp_path / "backups", tell=print)

    for path in (tmp_path / "backups", *backup.rglob("*")):
        assert stat.S_IMODE(path.stat().st_mode) in (0o600, 0o700), path
    assert connection.settings_dict["PASSWORD"] not in (backup / NAME).read_text()
    (tmp_path / "attached" / "files" / "photo.png").unlink()
    wiped_and_restored(backup)
    assert (tmp_path / "attached" / "files" / "photo.png").read_bytes() == b"a photo"


def test_what_other_tools_have_restored_can_be_held(cast: Cast, tmp_path: Path) -> None:
    asked(cast, tmp_path, "one")
    assert len(hold_only(timezone.now())) == 1
    with pytest.raises(CommandError, match="time zone"):
        call_command("checkpoints", "restore", "--hold-only", datetime.now(UTC).replace(tzinfo=None).isoformat())
