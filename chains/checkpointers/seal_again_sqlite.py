"""Sealing a thread of SQLite again."""

import json
import sqlite3

from chains.checkpointers.seal_again import Again
from chains.checkpointers.sealed import READABLE, SEALED_KEY, SealedSqliteSaver
from chains.checkpointers.sealing import in_thread

TAGS = """
SELECT tag, count(*) FROM (
    SELECT type AS tag FROM checkpoints
    UNION ALL SELECT type FROM writes
    UNION ALL SELECT substr(sealed, 1, instr(sealed, ' ') - 1) FROM (
        SELECT json_extract(CAST(metadata AS TEXT), '$.holdpoint_sealed') AS sealed FROM checkpoints
    ) WHERE sealed IS NOT NULL
    UNION ALL SELECT '' FROM checkpoints
        WHERE EXISTS (SELECT 1 FROM json_each(CAST(metadata AS TEXT)) WHERE key NOT IN (SELECT value FROM json_each(?)))
) GROUP BY tag
"""


def reseal_sqlite(saver: SealedSqliteSaver, thread_id: str, *, plain_too: bool) -> int:
    with saver.cursor(transaction=False) as cursor, in_thread(thread_id):
        cursor.execute("BEGIN IMMEDIATE")
        again = SqliteAgain(saver.seal, thread_id, plain_too)
        try:
            again.reseal(cursor)
        except BaseException:
            cursor.execute("ROLLBACK")
            raise
        cursor.execute("COMMIT")
    return again.rows


def tags_in_sqlite(saver: SealedSqliteSaver) -> list[tuple[str, int]]:
    """As of PostgreSQL."""
    with saver.cursor(transaction=False) as cursor:
        found = cursor.execute(TAGS, (json.dumps(sorted(READABLE | {SEALED_KEY})),)).fetchall()
    return [(str(tag or ""), int(count)) for tag, count in found]


class SqliteAgain(Again):
    def reseal(self, cursor: sqlite3.Cursor) -> None:
        for row in self._rows(cursor, "SELECT rowid FROM checkpoints WHERE thread_id = ?"):
            self._reseal_metadata(cursor, row)
            read = "SELECT type, checkpoint FROM checkpoints WHERE rowid = ?"
            self._reseal_value(cursor, row, read, "UPDATE checkpoints SET type = ?, checkpoint = ? WHERE rowid = ?")
        for row in self._rows(cursor, "SELECT rowid FROM writes WHERE thread_id = ?"):
            read = "SELECT type, value FROM writes WHERE rowid = ?"
            self._reseal_value(cursor, row, read, "UPDATE writes SET type = ?, value = ? WHERE rowid = ?")

    def _rows(self, cursor: sqlite3.Cursor, query: str) -> list[int]:
        return [row for (row,) in cursor.execute(query, (self.thread_id,)).fetchall()]

    def _reseal_value(self, cursor: sqlite3.Cursor, row: int, read: str, update: str) -> None:
        tag, blob = cursor.execute(read, (row,)).fetchone()
        if tag == self.seal.tag:
            return
        expected = self.opened(tag, blob)
        cursor.execute(update, (*self.seal.seal(*expected), row))
        self.require_same(cursor.execute(read, (row,)).fetchone(), expected)

    def _reseal_metadata(self, cursor: sqlite3.Cursor, row: int) -> None:
        read = "SELECT metadata FROM checkpoints WHERE rowid = ?"
        (written,) = cursor.execute(read, (row,)).fetchone()
        expected = self.opened_metadata(json.loads(written or "{}"))
        if expected is None:
            return
        sealed = json.dumps(self.sealed_metadata(expected), ensure_ascii=False).encode("utf-8", "ignore")
        cursor.execute("UPDATE checkpoints SET metadata = ? WHERE rowid = ?", (sealed, row))
        (stored,) = cursor.execute(read, (row,)).fetchone()
        self.require_same_metadata(json.loads(stored), expected)
