"""What a saver keeps of one thread, as it lies there: the very rows of PostgreSQL and SQLite, and of any other saver
what its methods give, so that nothing is read and written anew that need not be.
"""

import base64
import contextlib
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Any, cast

from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from psycopg import sql

from chains.checkpointers.copying_exact import byte_for_byte
from chains.strict import strictly

Row = dict[str, Any]


class Form(StrEnum):
    """How the rows are written. `TUPLES` fit any saver, the others their own kind alone."""

    POSTGRES = "postgres"
    SQLITE = "sqlite"
    TUPLES = "tuples"


class CannotPut(RuntimeError):
    """These rows do not fit where they should go; the sentence says why, and what to do."""


# The columns in the order of the primary key first; those in JSON are read and written as text.
POSTGRES: dict[str, tuple[str, ...]] = {
    "checkpoints": ("checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type", "checkpoint", "metadata"),
    "checkpoint_blobs": ("checkpoint_ns", "channel", "version", "type", "blob"),
    "checkpoint_writes": ("checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "type", "blob", "task_path"),
}
SQLITE: dict[str, tuple[str, ...]] = {
    "checkpoints": ("checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "type", "checkpoint", "metadata"),
    "writes": ("checkpoint_ns", "checkpoint_id", "task_id", "idx", "channel", "type", "value", "task_path"),
}
TUPLES: dict[str, tuple[str, ...]] = {
    "checkpoints": ("checkpoint_ns", "checkpoint_id", "parent_checkpoint_id", "checkpoint", "metadata", "writes")
}
COLUMNS = {Form.POSTGRES: POSTGRES, Form.SQLITE: SQLITE, Form.TUPLES: TUPLES}
JSON = ("checkpoint", "metadata")
KEYS = {"checkpoints": 2, "checkpoint_blobs": 3, "checkpoint_writes": 4, "writes": 4}


def form_of(saver: BaseCheckpointSaver[Any]) -> Form:
    if isinstance(saver, PostgresSaver):
        return Form.POSTGRES
    return Form.SQLITE if isinstance(saver, SqliteSaver) else Form.TUPLES


def rows_of(saver: BaseCheckpointSaver[Any], thread_id: str, form: Form | None = None) -> Iterator[tuple[str, Row]]:
    """(table, row), always in the same order; of any saver as TUPLES, if that is asked for. Hold the thread, or make
    sure that nobody writes it. Raises CannotRead for what such a saver gives of no known type.
    """
    if form is not Form.TUPLES and isinstance(saver, PostgresSaver):
        yield from _of_postgres(saver, thread_id)
    elif form is not Form.TUPLES and isinstance(saver, SqliteSaver):
        yield from _of_sqlite(saver, thread_id)
    else:
        yield from (("checkpoints", row) for row in _tuples_of(saver, thread_id))


def put_rows(saver: BaseCheckpointSaver[Any], thread_id: str, form: Form, rows: Sequence[tuple[str, Row]]) -> None:
    """Into a thread that has none. In databases all or nothing. Raises CannotPut."""
    if form is not Form.TUPLES and form is not form_of(saver):
        raise CannotPut(
            f"These rows are {form.value}'s own, and the checkpoints are kept in {form_of(saver).value} now. Bring "
            f"them back where {form.value} is in use, and take them over with manage.py checkpoints move."
        )
    if form is Form.POSTGRES and isinstance(saver, PostgresSaver):
        _into_postgres(saver, thread_id, rows)
    elif form is Form.SQLITE and isinstance(saver, SqliteSaver):
        _into_sqlite(saver, thread_id, rows)
    else:
        _put_tuples(saver, thread_id, [row for _, row in rows])


def _of_postgres(saver: PostgresSaver, thread_id: str) -> Iterator[tuple[str, Row]]:
    for table, columns in POSTGRES.items():
        shown = sql.SQL(", ").join(
            sql.SQL("{}::text AS {}").format(sql.Identifier(name), sql.Identifier(name))
            if name in JSON
            else sql.Identifier(name)
            for name in columns
        )
        order = sql.SQL(", ").join(
            sql.Identifier(name)
            if name == "idx"
            else sql.SQL("{} COLLATE {}").format(*map(sql.Identifier, (name, "C")))
            for name in columns[: KEYS[table]]
        )
        query = sql.SQL("SELECT {} FROM {} WHERE thread_id = %s ORDER BY {}").format(
            shown, sql.Identifier(table), order
        )
        with saver._cursor() as cursor:
            found = cursor.execute(query, (thread_id,)).fetchall()
        yield from ((table, _with_bytes(row)) for row in found)


def _of_sqlite(saver: SqliteSaver, thread_id: str) -> Iterator[tuple[str, Row]]:
    for table, columns in SQLITE.items():
        keys = ", ".join(columns[: KEYS[table]])
        query = f"SELECT {', '.join(columns)} FROM {table} WHERE thread_id = ? ORDER BY {keys}"
        with saver.cursor(transaction=False) as cursor:
            found = cursor.execute(query, (thread_id,)).fetchall()
        yield from ((table, dict(zip(columns, row, strict=True))) for row in found)


def _into_postgres(saver: PostgresSaver, thread_id: str, rows: Sequence[tuple[str, Row]]) -> None:
    with saver._cursor() as cursor, cursor.connection.transaction():
        for table, row in rows:
            names = sql.SQL(", ").join(map(sql.Identifier, ("thread_id", *row)))
            marks = sql.SQL(", ").join(sql.SQL("%s::jsonb" if name in JSON else "%s") for name in ("thread_id", *row))
            query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(sql.Identifier(table), names, marks)
            cursor.execute(query, (thread_id, *row.values()))


def _into_sqlite(saver: SqliteSaver, thread_id: str, rows: Sequence[tuple[str, Row]]) -> None:
    with saver.lock:
        saver.setup()
        with saver.conn:  # a transaction
            for table, row in rows:
                names, marks = ", ".join(("thread_id", *row)), ", ".join("?" * (len(row) + 1))
                saver.conn.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", (thread_id, *row.values()))


def _with_bytes(row: Row) -> Row:
    return {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}


def _place_of(found: CheckpointTuple) -> tuple[str, str]:
    place = found.config["configurable"]
    return str(place["checkpoint_id"]), str(place.get("checkpoint_ns") or "")


def _tuples_of(saver: BaseCheckpointSaver[Any], thread_id: str) -> list[Row]:
    """Byte for byte; as objects of a saver that does not read through the serializer it names."""
    try:
        with byte_for_byte(saver) as (exact,):
            return _all_rows(exact, thread_id)
    except TypeError:
        with strictly():
            return _all_rows(saver, thread_id)


def _all_rows(saver: BaseCheckpointSaver[Any], thread_id: str) -> list[Row]:
    found = saver.list({"configurable": {"thread_id": thread_id}})
    return [_as_row(saver, one) for one in sorted(found, key=_place_of)]


def _put_tuples(saver: BaseCheckpointSaver[Any], thread_id: str, rows: Sequence[Row]) -> None:
    """As _tuples_of reads them."""
    in_order = sorted(rows, key=lambda row: (row["checkpoint_id"], row["checkpoint_ns"]))
    try:
        with byte_for_byte(saver) as (exact,):
            for row in in_order:
                _put(exact, thread_id, row)
    except TypeError:
        with contextlib.suppress(NotImplementedError):
            saver.delete_thread(thread_id)
        with strictly():
            for row in in_order:
                _put(saver, thread_id, row)


def _as_row(saver: BaseCheckpointSaver[Any], found: CheckpointTuple) -> Row:
    checkpoint_id, namespace = _place_of(found)
    parent = found.parent_config["configurable"]["checkpoint_id"] if found.parent_config else None
    return {
        "checkpoint_ns": namespace,
        "checkpoint_id": checkpoint_id,
        "parent_checkpoint_id": parent,
        "checkpoint": _typed(saver, found.checkpoint),
        "metadata": _typed(saver, found.metadata),
        "writes": [[task, channel, *_typed(saver, value)] for task, channel, value in found.pending_writes or ()],
    }


def _typed(saver: BaseCheckpointSaver[Any], value: Any) -> list[str]:
    kind, written = saver.serde.dumps_typed(value)
    return [kind, base64.b64encode(written).decode()]


def _read(saver: BaseCheckpointSaver[Any], typed: Sequence[str]) -> Any:
    kind, written = typed
    return saver.serde.loads_typed((kind, base64.b64decode(written, validate=True)))


def _put(saver: BaseCheckpointSaver[Any], thread_id: str, row: Row) -> None:
    place = {"thread_id": thread_id, "checkpoint_ns": row["checkpoint_ns"]}
    checkpoint = _read(saver, row["checkpoint"])
    before: dict[str, Any] = {**place, **({"checkpoint_id": one} if (one := row["parent_checkpoint_id"]) else {})}
    metadata = cast(CheckpointMetadata, _read(saver, row["metadata"]))
    saver.put({"configurable": before}, checkpoint, metadata, checkpoint["channel_versions"])
    by_task: dict[str, list[tuple[str, Any]]] = {}
    for task, channel, kind, written in row["writes"]:
        by_task.setdefault(task, []).append((channel, _read(saver, (kind, written))))
    for task, writes in by_task.items():
        saver.put_writes({"configurable": {**place, "checkpoint_id": row["checkpoint_id"]}}, writes, task)
