"""Backups of checkpoints that are not where they should be, or in a saver of another make, say so."""

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command

from approvals import inspection, opened
from approvals.execution.backups import BadBackup, restore, take
from approvals.execution.backups_manifest import NAME
from approvals.execution.backups_stores import dump_store
from approvals.models import Event, EventKind, Hold
from tests.backends import CUSTOM, ELSEWHERE, OWN, SCHEMA, SQLITE, keeping, options_for, own_address, setting_for
from tests.conftest import Cast, open_question
from tests.test_backups import asked, wiped_and_restored

pytestmark = pytest.mark.django_db(transaction=True)
FILE = "checkpoints.sqlite3"


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "attached"


@contextlib.contextmanager
def kept_in(kind: str, tmp_path: Path) -> Iterator[str]:
    with setting_for(kind, tmp_path) as setting, keeping(setting, **options_for(kind, tmp_path)):
        yield setting


@contextlib.contextmanager
def without(kind: str, setting: str, tmp_path: Path) -> Iterator[None]:
    """What the saver writes in is away, all of it or a part."""
    if kind == SQLITE:
        (tmp_path / FILE).rename(tmp_path / "elsewhere")
        yield
        return
    address, _, schema = (setting or own_address()).partition("?schema=")
    with psycopg.connect(address, autocommit=True, options=f"-c search_path={schema or 'public'}") as line:
        line.execute("ALTER TABLE checkpoint_writes RENAME TO away")
        try:
            yield
        finally:
            line.execute("ALTER TABLE away RENAME TO checkpoint_writes")


@pytest.mark.parametrize("kind", [OWN, SCHEMA, ELSEWHERE, SQLITE])
def test_no_backup_is_taken_where_the_checkpoints_are_not(kind: str, cast: Cast, tmp_path: Path) -> None:
    with kept_in(kind, tmp_path) as setting, without(kind, setting, tmp_path):
        with pytest.raises(CommandError, match=r"No backup was taken: HOLDPOINT_CHECKPOINTS .* the workers"):
            call_command("checkpoints", "backup", "--to", str(tmp_path / "backups"))

        assert not (tmp_path / "backups").exists()
        assert not (tmp_path / FILE).exists()
    assert not Event.objects.filter(kind=EventKind.BACKUP_TAKEN).exists()


def test_a_file_without_tables_is_not_backed_up(cast: Cast, tmp_path: Path) -> None:
    with kept_in(SQLITE, tmp_path):
        (tmp_path / FILE).unlink()
        (tmp_path / FILE).touch()
        with pytest.raises(BadBackup, match="has no tables checkpoints, writes"):
            take(tmp_path / "backups", tell=print)


def test_a_file_that_goes_away_meanwhile_is_not_made_anew(cast: Cast, tmp_path: Path) -> None:
    with kept_in(SQLITE, tmp_path):
        (tmp_path / FILE).unlink()
        (tmp_path / "backup").mkdir()
        with pytest.raises(sqlite3.OperationalError):
            dump_store(opened.place(), tmp_path / "backup")

        assert not (tmp_path / FILE).exists()


def emptied(kind: str, backup: Path) -> None:
    """As an earlier release made them, of a file that was not there."""
    told = json.loads((backup / NAME).read_text())
    if kind == SQLITE:
        (backup / FILE).unlink()
        with contextlib.closing(sqlite3.connect(backup / FILE)) as connection:
            connection.execute("VACUUM")
        content = (backup / FILE).read_bytes()
        told["checkpoints"][0].update(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
    for name in ("rows", "checkpoints"):
        told[name] = [one for one in told[name] if not one["table"].startswith("checkpoint")]
    (backup / NAME).write_text(json.dumps(told))


@pytest.mark.parametrize("kind", [OWN, ELSEWHERE, SQLITE])
def test_a_backup_without_checkpoints_is_refused_before_anything_is_cleared(
    kind: str, cast: Cast, tmp_path: Path
) -> None:
    with kept_in(kind, tmp_path):
        thread = asked(cast, tmp_path, "one")
        backup = take(tmp_path / "backups", tell=print)
        emptied(kind, backup)

        with pytest.raises(BadBackup, match=r"The backup has no tables checkpoint.*Use another backup"):
            wiped_and_restored(backup)

        assert open_question(thread)
        assert inspection.state_of(thread) is not None
        assert not Hold.objects.exists()


def test_a_backup_that_lacks_the_file_is_refused(cast: Cast, tmp_path: Path) -> None:
    with kept_in(SQLITE, tmp_path):
        backup = take(tmp_path / "backups", tell=print)
        told = json.loads((backup / NAME).read_text())
        (backup / NAME).write_text(json.dumps({**told, "checkpoints": []}))

        with pytest.raises(BadBackup, match="Use another backup"):
            wiped_and_restored(backup)


def test_a_saver_of_another_make_is_left_to_its_own_tools_and_everybody_is_told(
    cast: Cast, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with kept_in(CUSTOM, tmp_path):
        call_command("checkpoints", "backup", "--to", str(tmp_path / "backups"))
        (backup,) = (tmp_path / "backups").iterdir()
        said = capsys.readouterr().out
        assert said.index("is complete.") < said.index("Holdpoint cannot back up custom:tests.graphs.savers.file_saver")
        assert json.loads((backup / NAME).read_text())["with_checkpoints"] is False

        told: list[str] = []
        restore(backup, wipe=True, tell=told.append)

    assert "custom:tests.graphs.savers.file_saver" in told[-1]
    assert "before you release" in told[-1]


def test_the_manifest_says_that_the_checkpoints_are_in_it(cast: Cast, tmp_path: Path) -> None:
    backup = take(tmp_path / "backups", tell=print)

    assert json.loads((backup / NAME).read_text())["with_checkpoints"] is True
