"""Archives where checkpoints are sealed: nothing is sealed twice the same, and nothing comes back in the clear."""

import base64
import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection

from approvals import decisions, inspection, opened, threads
from approvals.execution import keeping
from approvals.execution.keeping import How
from approvals.models import Event, EventKind, Interrupt, Removal, RemovalStatus, Thread, ThreadStatus, Verdict
from chains.checkpointers.resealing import keys_in_use
from tests import keeping_desk as desk
from tests.backends import AS_CONTEXT, OWN, SQLITE, setting_for
from tests.backends import keeping as kept_in
from tests.conftest import REQUEST, Cast, work_off
from tests.graphs import savers
from tests.sealing_desk import key_text
from tests.test_main_job import ballot

CANARY = b"Marta Nowak"
BASE64 = re.compile(rb'"((?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)"')
OLD, NEW = key_text("old"), key_text("new")


@pytest.fixture(params=(OWN, SQLITE, AS_CONTEXT))
def kind(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path, settings: Any) -> Iterator[str]:
    """LangGraph's tables are not emptied between tests."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")
    settings.HOLDPOINT_CHECKPOINT_KEYS = ""
    with setting_for(request.param, tmp_path) as setting, kept_in(setting):
        yield request.param
    settings.HOLDPOINT_CHECKPOINT_KEYS = ""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "archive"


def seal_with(settings: Any, keys: str) -> None:
    """From now on; a store in memory is empty after that."""
    opened.checkpointer().close()
    opened.checkpointer.cache_clear()
    settings.HOLDPOINT_CHECKPOINT_KEYS = keys


def archive(home: Path, *, removes: bool = True) -> keeping.Archived:
    chosen = How(desk.wanted(keep_latest=False), why="a test")
    return keeping.archive(chosen, home, pace=desk.unhurried(), removes=removes)


def bring_back(home: Path, thread: Thread) -> int:
    return keeping.bring_back(str(thread.id), home, keeping.in_archive(home)[str(thread.id)])


def values_of(thread: Thread) -> dict[str, Any]:
    state = inspection.state_of(thread)
    assert state is not None
    return dict(state.values)


def goes_on_to_its_end(thread: Thread, cast: Cast) -> None:
    threads.send_message(cast.rita, thread.id, {"request": REQUEST})
    work_off(thread)
    question = Interrupt.objects.open().get(thread=thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE


def in_files(home: Path) -> bytes:
    """What the archive's files hold, and what is in there as base64."""
    found = [gzip.decompress(path.read_bytes()) for path in home.glob("*.gz")]
    return b"".join([*found, *(base64.b64decode(part) for one in found for part in BASE64.findall(one))])


def in_store(kind: str, directory: Path) -> bytes:
    """All bytes there are, those that were deleted included for SQLite."""
    if kind == SQLITE:
        return b"".join(path.read_bytes() for path in directory.glob("checkpoints.sqlite3*"))
    if kind == AS_CONTEXT:
        with opened.checkpointer().read() as reading:
            return repr([vars(reading.saver)[name] for name in ("storage", "blobs", "writes")]).encode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT c::text FROM checkpoints c")
        texts = [row[0].encode() for row in cursor.fetchall()]
        cursor.execute("SELECT blob FROM checkpoint_blobs UNION ALL SELECT blob FROM checkpoint_writes")
        return b"".join([*texts, *(bytes(row[0] or b"") for row in cursor.fetchall())])


def test_what_is_sealed_goes_comes_back_and_goes_on(
    kind: str, home: Path, cast: Cast, settings: Any, tmp_path: Path
) -> None:
    seal_with(settings, OLD)
    old = desk.finished(cast)
    values, there = values_of(old), desk.left(old)[0]

    found = archive(home)

    assert (found.written, found.removed.threads, found.removed.left, desk.left(old)) == (1, 1, {}, [0])
    assert CANARY not in in_files(home)
    assert bring_back(home, old) == there
    assert Removal.objects.get(thread=old).status == RemovalStatus.RETURNED
    assert values_of(old) == values
    assert CANARY not in in_store(kind, tmp_path)
    goes_on_to_its_end(old, cast)


def test_what_was_archived_in_the_clear_comes_back_sealed(
    kind: str, home: Path, cast: Cast, settings: Any, tmp_path: Path
) -> None:
    old = desk.finished(cast)
    values, there = values_of(old), desk.left(old)[0]
    archive(home)
    seal_with(settings, NEW)
    if kind == SQLITE:
        (tmp_path / "checkpoints.sqlite3").unlink()  # with what was deleted from it
        opened.set_up_checkpoints()
    assert CANARY in in_files(home)

    assert f"{there} checkpoints are back" in desk.told("unarchive", f"--dir={home}", "--all")

    assert CANARY not in in_store(kind, tmp_path)
    if kind != AS_CONTEXT:
        with opened.checkpointer().read() as reading:
            assert set(keys_in_use(reading.saver)) == {"new"}
    assert values_of(old) == values
    assert bring_back(home, old) == there  # as after a kill
    assert Event.objects.filter(thread_id=old.id, kind=EventKind.CHECKPOINTS_RETURNED).count() == 1
    goes_on_to_its_end(old, cast)
    assert "can be read" in desk.told("verify")


@pytest.mark.parametrize("kind", [OWN, SQLITE], indirect=True)
def test_what_was_sealed_after_it_was_archived_can_still_be_removed(
    kind: str, home: Path, cast: Cast, settings: Any
) -> None:
    """For the first time, and with a new key."""
    old = desk.finished(cast)
    archive(home, removes=False)
    seal_with(settings, OLD)
    desk.told("reseal", "--plain-too")
    seal_with(settings, f"{NEW},{OLD}")
    desk.told("reseal")

    found = archive(home)

    assert (found.written, found.removed.left, desk.left(old)) == (0, {}, [0])


def test_a_value_that_changed_under_the_seal_is_noticed(kind: str, home: Path, cast: Cast, settings: Any) -> None:
    seal_with(settings, OLD)
    old = desk.finished(cast)
    archive(home, removes=False)
    with opened.checkpointer().hold(str(old.id)) as held:
        newest = held.saver.get_tuple({"configurable": {"thread_id": str(old.id)}})
        assert newest is not None
        held.saver.put_writes(newest.config, [("draft", "another")], "a task")

    found = archive(home)

    assert (found.removed.left, desk.left(old)[0] > 1) == ({str(old.id): "It is not what was archived any more."}, True)


def test_a_thread_whose_key_is_gone_is_named_and_the_others_come_back(
    kind: str, home: Path, cast: Cast, settings: Any
) -> None:
    seal_with(settings, OLD)
    gone = desk.finished(cast)
    archive(home)
    seal_with(settings, NEW)
    opened.set_up_checkpoints()
    other = desk.finished(cast)
    archive(home)

    said: list[str] = []
    if kind == AS_CONTEXT:
        with pytest.raises(CommandError, match="1 of 2 threads were not brought back"):
            desk.told_into(said, "unarchive", f"--dir={home}", "--all")
        assert f"{gone.id}  Part of what is saved is sealed with the key 'old'" in said[0]
    else:  # its very rows, for when the key is there again
        said.append(desk.told("unarchive", f"--dir={home}", "--all"))

    assert f"{other.id}  {desk.left(other)[0]} checkpoints are back" in said[0]
    goes_on_to_its_end(other, cast)


@pytest.mark.parametrize("removes", [True, False])
@pytest.mark.parametrize("kind", [AS_CONTEXT], indirect=True)
def test_a_thread_that_cannot_be_opened_is_left_and_the_others_are_archived(
    kind: str, home: Path, cast: Cast, settings: Any, removes: bool
) -> None:
    seal_with(settings, OLD)
    old, other = desk.finished(cast), desk.finished(cast)
    with opened.checkpointer().hold(str(old.id)) as held:
        memory: Any = held.saver
        memory.writes[(str(old.id), "", next(iter(memory.storage[str(old.id)][""])))]["a task", 0] = (
            "a task",
            "draft",
            ("null", b""),
            "",
        )

    said = desk.told("archive", f"--dir={home}", "--share=1", "--older-than=1", *["--remove"] * removes)

    assert "1 threads archived in 1 files." in said
    assert "1 left: Part of what is saved is not sealed" in said
    assert list(keeping.in_archive(home)) == [str(other.id)]
    assert (desk.left(other) == [0]) is removes


@pytest.mark.parametrize("kind", [AS_CONTEXT], indirect=True)
def test_what_is_sealed_is_not_given_to_a_saver_without_keys(kind: str, home: Path, cast: Cast, settings: Any) -> None:
    seal_with(settings, OLD)
    old = desk.finished(cast)
    archive(home)
    seal_with(settings, "")

    with pytest.raises(keeping.CannotReturn, match="is sealed, and HOLDPOINT_CHECKPOINT_KEYS is not set"):
        bring_back(home, old)
    assert desk.left(old) == [0]


@pytest.mark.parametrize("keys", ["", OLD], ids=["clear", "sealed"])
@pytest.mark.django_db(transaction=True)
def test_what_a_saver_keeps_differently_is_taken_out_again(
    home: Path, cast: Cast, settings: Any, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry says the same, and once the saver is mended it comes back."""
    settings.HOLDPOINT_CHECKPOINT_KEYS = keys
    with kept_in("custom:tests.graphs.savers.forgetful"):
        old = desk.finished(cast)
        there = desk.left(old)[0]
        archive(home)
        monkeypatch.setattr(savers.Forgetful, "forgets", True)
        for _ in range(2):
            with pytest.raises(keeping.CannotReturn, match="so it was taken out again"):
                bring_back(home, old)
            assert desk.left(old) == [0]
        assert Removal.objects.get(thread=old).status == RemovalStatus.DONE

        monkeypatch.setattr(savers.Forgetful, "forgets", False)
        assert bring_back(home, old) == there
        goes_on_to_its_end(old, cast)


@pytest.mark.parametrize("keys", ["", OLD], ids=["clear", "sealed"])
@pytest.mark.django_db(transaction=True)
def test_a_part_that_a_killed_process_left_does_not_stand_in_the_way(
    home: Path, cast: Cast, settings: Any, keys: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.HOLDPOINT_CHECKPOINT_KEYS = keys
    with kept_in("custom:tests.graphs.savers.forgetful"):
        old = desk.finished(cast)
        there = desk.left(old)[0]
        archive(home)
        monkeypatch.setattr(savers.Forgetful, "dies", True)
        with pytest.raises(KeyboardInterrupt):
            bring_back(home, old)
        monkeypatch.setattr(savers.Forgetful, "dies", False)
        assert 0 < desk.left(old)[0] < there

        assert bring_back(home, old) == there
        goes_on_to_its_end(old, cast)


@pytest.mark.parametrize("place", [OWN, SQLITE])
@pytest.mark.parametrize("keys", ["", OLD], ids=["clear", "sealed"])
@pytest.mark.django_db(transaction=True)
def test_what_a_saver_of_another_make_had_comes_back_into_a_database(
    home: Path, cast: Cast, settings: Any, tmp_path: Path, place: str, keys: str
) -> None:
    settings.HOLDPOINT_CHECKPOINT_KEYS = keys
    with kept_in("custom:tests.graphs.savers.memory_in_context"):
        old = desk.finished(cast)
        there = desk.left(old)[0]
        archive(home)
    with setting_for(place, tmp_path) as setting, kept_in(setting):
        assert bring_back(home, old) == there
        assert bring_back(home, old) == there
        goes_on_to_its_end(old, cast)
