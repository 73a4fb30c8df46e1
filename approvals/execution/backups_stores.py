"""Checkpoints that are in a place of their own: into a backup and back."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from approvals.execution.backups_tables import BadBackup, Dumped, dump_table, load_table, measured, private
from chains.checkpointers import Kind, Place

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
SQLITE_TABLES = ("checkpoints", "writes")
FOLDER = "checkpoints"
FILE = "checkpoints.sqlite3"
# Their connections hold threads, and write what they hold.
CUT_OFF = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'holdpoint worker' AND pid <> pg_backend_pid()
"""
OWN_TOOLS = (
    "The checkpoints are not in it: Holdpoint cannot back up {name}. Back it up with its own tools, after this and "
    "never before."
)
PUT_BACK = (
    "The checkpoints are not in this backup. Put {name} back with its own tools, from a copy that was made after this "
    "backup, before you release what is held."
)
NOT_THERE = (
    "HOLDPOINT_CHECKPOINTS leads to {name}, which {lacks}. Look whether this is the host, the directory and the "
    "setting of the workers, and whether the disk is mounted; in a new installation, run manage.py checkpoints setup."
)
NOT_IN_IT = (
    "The backup has no tables {tables}: it was taken where the checkpoints were not. Nothing was changed. Use another "
    "backup."
)


def require_store(place: Place, name: str, *, own: str) -> None:
    """Before a backup is begun: one without checkpoints would wipe them when it is put back. `own`: the application's
    database. Raises BadBackup.
    """
    match place.kind:
        case Kind.SQLITE if not Path(place.target).is_file():
            raise BadBackup(NOT_THERE.format(name=name, lacks="is no file"))
        case Kind.SQLITE:
            missing = _missing_in_sqlite(Path(place.target))
        case Kind.POSTGRES | Kind.OWN:
            missing = _missing_in_postgres(place, own)
        case _:
            missing = []
    if missing:
        raise BadBackup(NOT_THERE.format(name=name, lacks=f"has no tables {', '.join(missing)}"))


def require_dumped(place: Place, dumped: list[Dumped], directory: Path) -> None:
    """Before anything is cleared. Raises BadBackup."""
    match place.kind:
        case Kind.SQLITE:
            files = [directory / one.file for one in dumped if one.file == FILE]
            missing = _missing_in_sqlite(files[0]) if files else list(SQLITE_TABLES)
        case Kind.POSTGRES | Kind.OWN:
            found = {one.table for one in dumped}
            missing = [table for table in TABLES if table not in found]
        case _:
            missing = []
    if missing:
        raise BadBackup(NOT_IN_IT.format(tables=", ".join(missing)))


def dump_store(place: Place, directory: Path) -> list[Dumped]:
    """After the rows, never before: a worker that finds checkpoints newer than its rows takes them as they are, and
    would do again what it finds in older ones.
    """
    match place.kind:
        case Kind.SQLITE:
            return [_dump_sqlite(Path(place.target), directory)]
        case Kind.POSTGRES:
            return list(_dump_postgres(place, directory))
        case _:
            return []


def load_store(place: Place, dumped: list[Dumped], directory: Path) -> None:
    """Over what is there. Processes that have it open see all of it change at once."""
    if place.kind is Kind.SQLITE:
        with _sqlite(directory / dumped[0].file) as source, _sqlite(Path(place.target)) as target:
            source.backup(target)
    elif place.kind is Kind.POSTGRES:
        with _postgres(place) as cursor:
            names = sql.SQL(", ").join(map(sql.Identifier, TABLES))
            cursor.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(names))
            cursor.execute(CUT_OFF)
            cursor.execute(sql.SQL("TRUNCATE {}").format(names))
            for one in dumped:
                load_table(cursor, one, directory)


def is_store_empty(place: Place) -> bool:
    match place.kind:
        case Kind.SQLITE:
            if not Path(place.target).exists():
                return True
            with _sqlite(Path(place.target)) as source:
                return source.execute("SELECT 1 FROM checkpoints LIMIT 1").fetchone() is None
        case Kind.POSTGRES:
            with _postgres(place) as cursor:
                return cursor.execute("SELECT 1 FROM checkpoints LIMIT 1").fetchone() is None
        case _:
            return True


def _dump_sqlite(path: Path, directory: Path) -> Dumped:
    """SQLite's own way, beside those who write."""
    into = directory / FILE
    with private(into):
        """So that nobody else may read it."""
    with _sqlite(path) as source, _sqlite(into) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")
    return measured(into, directory)


def _dump_postgres(place: Place, directory: Path) -> Iterator[Dumped]:
    with _postgres(place) as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for table in TABLES:
            yield dump_table(cursor, table, directory / FOLDER / f"{table}.copy.gz")


def _missing_in_sqlite(path: Path) -> list[str]:
    with _sqlite(path) as source:
        found = {row[0] for row in source.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    return [table for table in SQLITE_TABLES if table not in found]


def _missing_in_postgres(place: Place, own: str) -> list[str]:
    """In the schema itself: those of `public`, which come after it in the path, are somebody else's."""
    with psycopg.connect(place.target or own) as connection:
        names = {table: f"{place.schema}.{table}" if place.schema else table for table in TABLES}
        there = {
            table: connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() for table, name in names.items()
        }
    return [table for table, found in there.items() if found == (None,)]


@contextlib.contextmanager
def _postgres(place: Place) -> Iterator["psycopg.Cursor[Any]"]:
    options = f"-c search_path={place.schema},public" if place.schema else ""
    with psycopg.connect(place.target, options=options) as connection, connection.cursor() as cursor:
        yield cursor


@contextlib.contextmanager
def _sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    """A file that is there; none is made."""
    address = f"file:{quote(str(path))}?mode=rw"
    with contextlib.closing(sqlite3.connect(address, uri=True, timeout=60)) as connection:
        yield connection
