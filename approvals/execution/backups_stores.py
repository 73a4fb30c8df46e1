"""Checkpoints that are in a place of their own: into a backup and back."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from approvals.execution.backups_tables import Dumped, dump_table, load_table, measured, private
from chains.checkpointers import Kind, Place

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
FOLDER = "checkpoints"
FILE = "checkpoints.sqlite3"
# Their connections hold threads, and write what they hold.
CUT_OFF = """
SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'holdpoint worker' AND pid <> pg_backend_pid()
"""
OWN_TOOLS = "Holdpoint cannot back up {name}. Back it up with its own tools, after this and never before."


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
    if place.kind is Kind.SQLITE and dumped:
        with _sqlite(directory / dumped[0].file) as source, _sqlite(Path(place.target)) as target:
            source.backup(target)
    elif place.kind is Kind.POSTGRES and dumped:
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


@contextlib.contextmanager
def _postgres(place: Place) -> Iterator["psycopg.Cursor[Any]"]:
    options = f"-c search_path={place.schema},public" if place.schema else ""
    with psycopg.connect(place.target, options=options) as connection, connection.cursor() as cursor:
        yield cursor


@contextlib.contextmanager
def _sqlite(path: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
        yield connection
