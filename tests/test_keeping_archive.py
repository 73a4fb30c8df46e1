"""Archives: exactly what was there, read back before anything goes, and back again as it was."""

import gzip
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError

from approvals import inspection, opened, threads
from approvals.execution import keeping
from approvals.execution.keeping import How, archiving
from approvals.models import Event, EventKind, Removal, RemovalStatus, Thread, ThreadStatus
from chains.checkpointers.archives import BadArchive, manifests
from tests import keeping_desk as desk
from tests.backends import AS_CONTEXT, ELSEWHERE, OWN, SQLITE, options_for, setting_for
from tests.backends import keeping as kept_in
from tests.conftest import REQUEST, Cast, work_off


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "archive"


@pytest.fixture(params=(OWN, ELSEWHERE, SQLITE, AS_CONTEXT))
def kind(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path) -> Iterator[str]:
    with setting_for(request.param, tmp_path) as setting, kept_in(setting, **options_for(request.param, tmp_path)):
        yield request.param


def archive(home: Path, *, removes: bool = True, **how: object) -> keeping.Archived:
    chosen = How(desk.wanted(**{"keep_latest": False, **how}), why="a test")
    return keeping.archive(chosen, home, pace=desk.unhurried(), removes=removes)


def bring_back(home: Path, thread: Thread) -> int:
    return keeping.bring_back(str(thread.id), home, keeping.in_archive(home)[str(thread.id)])


def test_a_thread_comes_back_exactly_as_it_was_and_goes_on(kind: str, home: Path, cast: Cast) -> None:
    old, waits = desk.finished(cast), desk.waiting(cast)
    before, values = desk.rows(old), inspection.state_of(old)

    found = archive(home)

    assert (found.written, found.removed.threads, desk.left(old)) == (1, 1, [0])
    assert desk.left(waits)[0] > 1
    assert Removal.objects.get(thread=old).archive == found.files[0]
    assert desk.removals(old)[0]["archive"] == found.files[0]
    assert bring_back(home, old) == len([table for table, _ in before if table == "checkpoints"])
    assert desk.rows(old) == before
    after = inspection.state_of(old)
    assert values is not None
    assert after is not None
    assert after.values == values.values
    assert Removal.objects.get(thread=old).status == RemovalStatus.RETURNED
    threads.send_message(cast.rita, old.id, {"request": REQUEST})
    work_off(old)
    old.refresh_from_db()
    assert old.status == ThreadStatus.PAUSED


def test_files_are_private_whole_and_told_of_by_their_manifest(home: Path, cast: Cast) -> None:
    old = desk.finished(cast)
    name = archive(home, removes=False).files[0]

    found = sorted(path.name for path in home.iterdir())
    manifest = json.loads((home / name.replace(".jsonl.gz", ".json")).read_text())

    assert found == sorted([name, name.replace(".jsonl.gz", ".json")])
    assert {stat.S_IMODE(os.stat(home / one).st_mode) for one in found} == {0o600}
    assert stat.S_IMODE(os.stat(home).st_mode) == 0o700
    assert (manifest["format"], manifest["version"]) == ("holdpoint-archive", 1)
    assert manifest["packages"]["langgraph"]
    assert manifest["threads"][str(old.id)]["checkpoints"] == desk.left(old)[0]
    with gzip.open(home / name) as lines:
        assert json.loads(next(lines))["thread"] == str(old.id)


def test_what_the_archive_has_as_it_is_now_is_not_written_twice(home: Path, cast: Cast) -> None:
    old = desk.finished(cast)

    assert [archive(home, removes=False).written for _ in range(2)] == [1, 0]
    assert archive(home).written == 0
    assert desk.left(old) == [0]
    assert archive(home).files == []


def test_nothing_is_removed_of_which_the_file_does_not_say_the_same(
    home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody wrote a checkpoint after the thread was archived, in a way that left the thread's row alone."""
    old = desk.finished(cast)
    archive(home, removes=False)
    with opened.checkpointer().hold(str(old.id)) as held:
        held.write("UPDATE checkpoints SET metadata = metadata || '{\"x\": 1}' WHERE thread_id = %s", str(old.id))

    tally = archive(home).removed

    assert tally.left == {str(old.id): "It is not what was archived any more."}
    assert desk.left(old)[0] > 1


def test_a_damaged_file_removes_nothing_and_brings_nothing_back(home: Path, cast: Cast) -> None:
    old, gone = desk.finished(cast), desk.finished(cast, "nested")
    archive(home, chain="nested")
    archive(home, chain="prompt_chain", removes=False)
    for path in home.glob("*.gz"):
        path.write_bytes(path.read_bytes()[:-9] + b"\0" + path.read_bytes()[-8:])

    with pytest.raises(BadArchive, match="is not the file its manifest tells of"):
        archive(home)
    with pytest.raises(BadArchive, match="is not the file its manifest tells of"):
        bring_back(home, gone)

    assert desk.left(old)[0] > 1
    assert desk.left(gone) == [0]


def test_a_file_that_somebody_wrote_anew_does_not_bring_in_other_columns(home: Path, cast: Cast) -> None:
    """A manifest can be written anew as well; names of columns go into a statement."""
    old = desk.finished(cast)
    name = archive(home).files[0]
    told = gzip.decompress((home / name).read_bytes()).replace(b'"checkpoint_ns"', b'"x) VALUES (1); --"', 1)
    (home / name).write_bytes(gzip.compress(told))
    path = home / name.replace(".jsonl.gz", ".json")
    manifest = json.loads(path.read_text())
    manifest["sha256"] = archives_sha(home / name)
    path.write_text(json.dumps(manifest))

    with pytest.raises(BadArchive, match="cannot be read"):
        bring_back(home, old)


def archives_sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_as_many_files_as_are_needed(home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    old = [desk.finished(cast) for _ in range(3)]
    monkeypatch.setattr(archiving, "BYTES_PER_FILE", 0)
    monkeypatch.setattr(archiving, "FEW", 1)

    found = archive(home)

    assert (found.written, len(found.files), desk.left(*old)) == (3, 3, [0, 0, 0])


def test_a_kill_in_the_middle_leaves_nothing_that_counts(
    home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = desk.finished(cast)

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("chains.checkpointers.archives._write_whole", die)  # the file is there, its manifest is not
        with pytest.raises(KeyboardInterrupt):
            archive(home)
    assert manifests(home) == []
    assert desk.left(old)[0] > 1

    with monkeypatch.context() as patch:
        patch.setattr(archiving, "_remove", die)  # archived, and not removed yet
        with pytest.raises(KeyboardInterrupt):
            archive(home)
    again = archive(home)

    assert (again.written, again.removed.threads, desk.left(old)) == (0, 1, [0])


def test_a_thread_that_has_checkpoints_is_not_brought_back(home: Path, cast: Cast) -> None:
    old = desk.finished(cast)
    archive(home, keep_latest=True)
    assert desk.left(old) == [1]

    with pytest.raises(CommandError, match="1 of 1 threads were not brought back"):
        desk.told("unarchive", f"--dir={home}", f"--thread={old.id}")
    desk.told("prune", "--all", f"--thread={old.id}", "--share=1")

    assert "checkpoints are back" in desk.told("unarchive", f"--dir={home}", f"--thread={old.id}")
    assert desk.left(old)[0] > 1
    assert Event.objects.filter(thread_id=old.id, kind=EventKind.CHECKPOINTS_RETURNED).count() == 1


def test_a_kill_after_the_rows_came_back_is_made_good(home: Path, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    old = desk.finished(cast)
    archive(home)

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("approvals.execution.keeping.returning._record", die)
        with pytest.raises(KeyboardInterrupt):
            bring_back(home, old)
    bring_back(home, old)
    bring_back(home, old)

    assert Removal.objects.get(thread=old).status == RemovalStatus.RETURNED
    assert Event.objects.filter(thread_id=old.id, kind=EventKind.CHECKPOINTS_RETURNED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_rows_of_one_kind_say_where_else_they_cannot_go(home: Path, cast: Cast, tmp_path: Path) -> None:
    old = desk.finished(cast)
    archive(home)

    with setting_for(SQLITE, tmp_path) as setting, kept_in(setting), pytest.raises(keeping.CannotReturn) as refusal:
        bring_back(home, old)

    assert "postgres's own, and the checkpoints are kept in sqlite now" in str(refusal.value)


def test_the_command_archives_and_removes(home: Path, cast: Cast) -> None:
    old = desk.finished(cast)

    assert "1 threads would be looked at" in desk.told("archive", f"--dir={home}", "--dry-run")
    assert not home.exists()
    said = desk.told("archive", f"--dir={home}", "--remove", "--share=1", "--older-than=1")

    assert "1 threads archived in 1 files." in said
    assert "1 threads pruned" in said
    assert desk.left(old) == [0]
    with pytest.raises(CommandError, match="Say where the archive is"):
        desk.told("archive")
