"""Keeping a thread's newest checkpoint alone in SQLite, which LangGraph's saver cannot do.

In PostgreSQL it can, and the rules here are the same: of each namespace the newest stays, with its pending writes; a
subgraph's call goes with the outer checkpoint it began at, once that one is saved; a subgraph with a checkpointer of
its own keeps its newest; what is kept has no parent any more.
"""

import json
import sqlite3
from typing import Any, NamedTuple

from langgraph.checkpoint.sqlite import SqliteSaver

DELTA_SIGNS = ("counters_since_delta_snapshot", "delta_writes_versioned")
# From this version on a checkpoint holds its pending sends itself; before, they were its parent's.
OWN_SENDS = 4
DELTA = "It has a channel that is kept as differences, whose newest value needs the older checkpoints. Remove all."
OLD = "Its newest checkpoint is of an older LangGraph and needs the one before. Remove all, or let it stay."
ROWS = "SELECT checkpoint_ns, checkpoint_id, metadata FROM checkpoints WHERE thread_id = ? ORDER BY checkpoint_id"


class Row(NamedTuple):
    namespace: str
    checkpoint_id: str
    metadata: dict[str, Any]


def why_not_in_sqlite(saver: SqliteSaver, thread_id: str) -> str:
    """Empty when it can be done."""
    with saver.cursor(transaction=False) as cursor:
        rows = _rows(cursor, thread_id)
    if any(sign in row.metadata for row in rows for sign in DELTA_SIGNS):
        return DELTA
    for namespace, head in _heads(rows).items():
        config = {"thread_id": thread_id, "checkpoint_ns": namespace, "checkpoint_id": head.checkpoint_id}
        found = saver.get_tuple({"configurable": config})
        if found and found.checkpoint["v"] < OWN_SENDS:
            return OLD
    return ""


def keep_latest_in_sqlite(saver: SqliteSaver, thread_id: str) -> None:
    """In one transaction, which the others wait for."""
    with saver.lock:
        saver.setup()
        saver.conn.execute("BEGIN IMMEDIATE")
        try:
            _keep(saver.conn.cursor(), thread_id)
        except BaseException:
            saver.conn.rollback()
            raise
        saver.conn.commit()


def _keep(cursor: sqlite3.Cursor, thread_id: str) -> None:
    rows = _rows(cursor, thread_id)
    heads = _heads(rows)
    saved = {row.checkpoint_id for row in rows if not row.namespace}
    for namespace, head in heads.items():
        outer = head.metadata.get("parents", {}).get("")
        ends = bool(":" in namespace and outer in saved and outer != heads[""].checkpoint_id)
        kept = "" if ends else head.checkpoint_id
        where = (thread_id, namespace, kept)
        if ends:
            cursor.execute("DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ?", where[:2])
        else:
            # Writes may be saved before their checkpoint is: they go by the checkpoints that go.
            gone = [(thread_id, namespace, row.checkpoint_id) for row in rows if _goes(row, head)]
            cursor.executemany(
                "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?", gone
            )
        cursor.execute(
            "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id <> ?", where
        )
        cursor.execute(
            "UPDATE checkpoints SET parent_checkpoint_id = NULL WHERE thread_id = ? AND checkpoint_ns = ?", where[:2]
        )


def _goes(row: Row, head: Row) -> bool:
    return row.namespace == head.namespace and row.checkpoint_id != head.checkpoint_id


def _rows(cursor: sqlite3.Cursor, thread_id: str) -> list[Row]:
    found = cursor.execute(ROWS, (thread_id,)).fetchall()
    return [Row(namespace, name, json.loads(metadata) if metadata else {}) for namespace, name, metadata in found]


def _heads(rows: list[Row]) -> dict[str, Row]:
    """The newest of each namespace: rows are in the order of their ids."""
    return {row.namespace: row for row in rows}
