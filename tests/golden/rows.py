"""A thread as its rows: out of the database into plain JSON, and back into one of a later release."""

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from django.apps import apps
from django.contrib.auth.models import User
from django.db import connection, models

from tests.conftest import Cast, everybody

# What belongs to a thread, each after what it points to. Of checkpoints, the tables are LangGraph's.
OF_THREAD = {
    "approvals_thread": "id::text = %s",
    "approvals_run": "thread_id::text = %s",
    "approvals_interrupt": "thread_id::text = %s",
    "approvals_vote": "interrupt_id IN (SELECT id FROM approvals_interrupt WHERE thread_id::text = %s)",
    "approvals_decision": "interrupt_id IN (SELECT id FROM approvals_interrupt WHERE thread_id::text = %s)",
    "approvals_effect": "thread_id::text = %s",
    "approvals_event": "thread_id::text = %s",
    "checkpoints": "thread_id = %s",
    "checkpoint_blobs": "thread_id = %s",
    "checkpoint_writes": "thread_id = %s",
}
CHECKPOINTS = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
RECORD_KEY = "golden: the key that seals the record of these threads"
Row = dict[str, Any]


def people() -> Cast:
    """Always with the same numbers: the seals of the record are over them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('auth_user', 'id'), 48213000)")
    return everybody()


def dump(thread_id: UUID) -> Iterator[tuple[str, Row]]:
    """(table, row) pairs; people by their names."""
    names = dict(User.objects.values_list("id", "username"))
    for table, condition in OF_THREAD.items():
        people = {column for column, field in _columns(table).items() if field.related_model is User}
        with connection.cursor() as cursor:
            query = f"SELECT to_jsonb(found)::text FROM {table} AS found WHERE {condition} ORDER BY found"
            cursor.execute(query, [str(thread_id)])
            for (text,) in cursor.fetchall():
                row = json.loads(text)
                yield table, {key: names[row[key]] if key in people and row[key] else row[key] for key in row}


def load(rows: list[tuple[str, Row]]) -> None:
    """As a migration leaves them: columns that came later have their defaults, columns that are gone are left out.

    Triggers are passed by, as they are by pg_restore: these rows have been through them. Checkpoints are stored at
    once, since savers have connections of their own; what an earlier load has left of the thread is taken away first.
    """
    with connection.cursor() as cursor, _stored_at_once() as apart:
        cursor.execute("SET LOCAL session_replication_role = replica")
        for table in CHECKPOINTS:
            apart.execute(f"DELETE FROM {table} WHERE {OF_THREAD[table]}", [rows[0][1]["id"]])
        for table, row in rows:
            _insert(apart if table in CHECKPOINTS else cursor, table, _as_migrated(table, row))
        for table in OF_THREAD:
            _count_on(cursor, table)
        cursor.execute("SET LOCAL session_replication_role = origin")


@contextmanager
def _stored_at_once() -> Iterator[Any]:
    to: dict[str, Any] = connection.get_connection_params()
    named = {key: to[key] for key in ("host", "port", "user", "password", "dbname") if key in to}
    with psycopg.connect(**named, autocommit=True) as apart, apart.cursor() as cursor:
        yield cursor


def _as_migrated(table: str, row: Row) -> Row:
    columns = _columns(table)
    people = _people()
    ids = {column for column, field in columns.items() if field.related_model is User}
    named = {key: people[value] if key in ids and value else value for key, value in row.items()}
    return named | _defaults({name: field for name, field in columns.items() if name not in row})


def _people() -> dict[str, int]:
    return dict(User.objects.values_list("username", "id"))


def write(path: Path, rows: Iterator[tuple[str, Row]]) -> None:
    """One JSON array of a table and a row in each line; the same bytes for the same rows. `zcat` shows it."""
    lines = "".join(f"{json.dumps(pair, ensure_ascii=False, sort_keys=True)}\n" for pair in rows)
    path.write_bytes(gzip.compress(lines.encode(), 9, mtime=0))


def read(path: Path) -> list[tuple[str, Row]]:
    lines = gzip.decompress(path.read_bytes()).decode().splitlines()
    return [(table, row) for table, row in map(json.loads, lines)]


def _columns(table: str) -> dict[str, "models.Field[Any, Any]"]:
    """Ours by the column's name; none of a table that is LangGraph's, whose migrations have their own defaults."""
    found = [model for model in apps.get_models() if model._meta.db_table == table]
    return {field.column: field for model in found for field in model._meta.concrete_fields if field.column}


def _insert(cursor: Any, table: str, row: Row) -> None:
    cursor.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped", [table]
    )
    columns = ", ".join(f'"{name}"' for (name,) in cursor.fetchall() if name in row)
    query = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM jsonb_populate_record(NULL::{table}, %s::jsonb)"
    cursor.execute(query, [json.dumps(row, default=str)])


def _defaults(fields: "dict[str, models.Field[Any, Any]]") -> Row:
    """Without those that the database itself gives."""
    own = {name: field for name, field in fields.items() if field.has_default() or field.null}
    return {name: field.get_default() for name, field in own.items()}


def _count_on(cursor: Any, table: str) -> None:
    """So that the next row's number is none of those that were brought in."""
    if (key := _columns(table).get("id")) is not None and isinstance(key, models.AutoField):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), greatest(1, (SELECT max(id) FROM {table})))"
        )
