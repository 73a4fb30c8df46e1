"""Backup and restore of everything that is in a database: rows, checkpoints, and the files that people attached."""

import tarfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from psycopg import Cursor, sql

from approvals import opened
from approvals.execution.backups_clearing import clearing_the_way
from approvals.execution.backups_holding import hold_unfinished
from approvals.execution.backups_manifest import Manifest, migrations
from approvals.execution.backups_stores import (
    CUT_OFF,
    OWN_TOOLS,
    PUT_BACK,
    TABLES,
    dump_store,
    is_store_empty,
    load_store,
    require_dumped,
    require_store,
)
from approvals.execution.backups_tables import BadBackup, Dumped, dump_table, in_order, load_table, measured, private
from approvals.execution.moving_places import name_of
from approvals.models import CheckpointPlace, CopiedThread, Event, EventKind, Thread
from chains.checkpointers import Kind, Place

__all__ = ["BadBackup", "Restored", "hold_only", "left_out", "name_of", "restore", "take"]

# Made by manage.py migrate; and who is signed in, which nobody should be again.
NOT_KEPT = ("django_migrations", "django_session")
ATTACHED = "files.tar.gz"
PATIENCE = "60s"
TRIES = 5
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Restored:
    taken_at: datetime
    rows: int
    held: list[Thread]


def take(into: Path, *, tell: Tell) -> Path:
    """A new directory in `into`: rows in one snapshot, and what is elsewhere after that. Raises BadBackup."""
    place = opened.place()
    if place.kind is Kind.MEMORY:
        raise BadBackup("memory:// keeps checkpoints in one process, and nothing of them can be backed up.")
    require_store(place, name_of(place), own=opened.own_dsn())
    into.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory = into / f"holdpoint-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    unfinished = into / f".{directory.name}.unfinished"
    unfinished.mkdir(mode=0o700)
    facts = _dump_rows(place, unfinished)
    tell(f"{sum(dumped.rows for dumped in facts['rows'])} rows")
    manifest = Manifest(
        place=name_of(place),
        kind=place.kind.value,
        checkpoints=dump_store(place, unfinished),
        files=list(_dump_attached(unfinished)),
        **facts,
    )
    kept = manifest.write(unfinished)
    unfinished.rename(directory)
    with transaction.atomic():
        Event.append_for_desk(EventKind.BACKUP_TAKEN, manifest_sha256=kept.sha256)
    return directory


def left_out() -> str:
    """What a backup has not got, and what to do about it; empty when it has everything."""
    place = opened.place()
    return OWN_TOOLS.format(name=name_of(place)) if place.kind is Kind.CUSTOM else ""


def restore(directory: Path, *, wipe: bool, tell: Tell) -> Restored:
    """Into an empty database, or with `wipe` over what is there. All rows or none; where checkpoints are elsewhere,
    nobody works until those are there, too. What was unfinished is held. Raises BadBackup.
    """
    manifest, place = Manifest.read(directory), opened.place()
    manifest.require_same_tables()
    if manifest.kind != place.kind.value:
        raise BadBackup(
            f"The backup has its checkpoints in {manifest.place}, and HOLDPOINT_CHECKPOINTS says {name_of(place)}. "
            "Set it to a place of the same kind, and move them afterwards."
        )
    require_dumped(place, [*manifest.rows, *manifest.checkpoints], directory)
    opened.set_up_checkpoints()
    if not wipe and not is_store_empty(place):
        raise BadBackup(f"There are checkpoints in {name_of(place)} already. Take an empty place, or --wipe.")
    held = _patiently(lambda: _load_rows(manifest, place, directory, wipe=wipe), tell)
    tell("The rows are back.")
    load_store(place, manifest.checkpoints, directory)
    _load_attached(manifest, directory)
    CheckpointPlace.change(is_closed=False)
    if place.kind is Kind.CUSTOM:
        tell(PUT_BACK.format(name=name_of(place)))
    return Restored(manifest.taken_at, sum(dumped.rows for dumped in manifest.rows), held)


def hold_only(taken_at: datetime) -> list[Thread]:
    """For a database that other tools have brought back."""
    with transaction.atomic():
        _cut_off()
        held = hold_unfinished(taken_at)
        _record(taken_at, held)
    return held


def _dump_rows(place: Place, directory: Path) -> dict[str, Any]:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute("SELECT transaction_timestamp(), current_setting('server_version_num')::int")
        taken_at, server = cursor.fetchone()
        rows = [dump_table(cursor.cursor, table, directory / "rows" / f"{table}.copy.gz") for table in _tables(place)]
        return {"taken_at": taken_at, "server": server, "migrations": migrations(), "rows": rows}


def _tables(place: Place) -> list[str]:
    ours = set(connection.introspection.django_table_names(only_existing=True, include_views=False))
    return sorted(ours.difference(NOT_KEPT).union(TABLES if place.kind is Kind.OWN else ()))


def _load_rows(manifest: Manifest, place: Place, directory: Path, *, wipe: bool) -> list[Thread]:
    """Everybody else waits for the end of this, and then sees all of it. Whoever wrote checkpoints is cut off, so that
    what they were at does not come after it.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        tables = _tables(place)
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        with clearing_the_way():
            cursor.execute(_each("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", tables))
        if not wipe:
            _require_empty(cursor.cursor, place)
        _cut_off()
        cursor.execute(_each("TRUNCATE {}", [*tables, "django_session"]))
        _fill(cursor.cursor, manifest, directory)
        CopiedThread.objects.all().delete()
        required = name_of(place) if CheckpointPlace.required() else ""
        CheckpointPlace.change(name=required, is_closed=place.kind is not Kind.OWN)
        held = hold_unfinished(manifest.taken_at)
        _record(manifest.taken_at, held)
    return held


def _fill(cursor: "Cursor[Any]", manifest: Manifest, directory: Path) -> None:
    """The triggers are about what may change, and these rows were right when they were written. Keys between tables
    are looked at all the same.
    """
    tables = [sql.Identifier(dumped.table) for dumped in manifest.rows]
    for table in tables:
        cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(table))
    for dumped in in_order(cursor, manifest.rows):
        load_table(cursor, dumped, directory)
    cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in tables:
        cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(table))


def _require_empty(cursor: "Cursor[Any]", place: Place) -> None:
    for table in ("approvals_thread", "approvals_event", "auth_user", *(TABLES[:1] if place.kind is Kind.OWN else ())):
        found = cursor.execute(sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table))).fetchone()
        if found is not None and found[0]:
            raise BadBackup(f"There are rows in {table} already. Take an empty database, or --wipe what is there.")


def _cut_off() -> None:
    with connection.cursor() as cursor:
        cursor.execute(CUT_OFF)


def _record(taken_at: datetime, held: list[Thread]) -> None:
    Event.append_for_desk(EventKind.BACKUP_RESTORED, backup_at=taken_at.isoformat(), held=len(held))


def _patiently(load: Callable[[], list[Thread]], tell: Tell) -> list[Thread]:
    """Those who work hold rows and want others: one of us may be told to begin again."""
    for _ in range(TRIES - 1):
        try:
            return load()
        except OperationalError as error:
            tell(f"Tried again: {str(error).splitlines()[0]}")
    return load()


def _each(statement: Any, tables: Iterable[str]) -> sql.Composed:
    return sql.SQL(statement).format(sql.SQL(", ").join(map(sql.Identifier, tables)))


def _dump_attached(directory: Path) -> Iterable[Dumped]:
    """After the rows, so that none is missing; a file that is written never changes."""
    if Path(settings.MEDIA_ROOT).is_dir():
        with private(directory / ATTACHED) as file, tarfile.open(fileobj=file, mode="w:gz") as packed:
            packed.add(settings.MEDIA_ROOT, arcname=".")
        yield measured(directory / ATTACHED, directory)


def _load_attached(manifest: Manifest, directory: Path) -> None:
    for dumped in manifest.files:
        Path(settings.MEDIA_ROOT).mkdir(mode=0o700, parents=True, exist_ok=True)
        with tarfile.open(directory / dumped.file) as packed:
            packed.extractall(settings.MEDIA_ROOT, filter="data")
