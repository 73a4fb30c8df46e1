"""Sealing a thread of PostgreSQL again: blobs, writes, and what LangGraph's own saver had left in the JSON."""

from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import DictRow, dict_row
from psycopg.types.json import Jsonb

from chains.checkpointers.seal_again import Again, CannotReseal, WouldBeLost
from chains.checkpointers.sealed import READABLE, SEALED_KEY, SealedPostgresSaver
from chains.checkpointers.sealing import NotSealed, in_thread

CHECKPOINTS: LiteralString = """
SELECT checkpoint_ns, checkpoint_id, metadata,
    coalesce(checkpoint -> 'channel_values', '{}') AS inline, checkpoint -> 'channel_versions' AS versions
FROM checkpoints WHERE thread_id = %s
"""
BLOBS: LiteralString = """
SELECT type, blob, checkpoint_ns, channel, version FROM checkpoint_blobs
WHERE thread_id = %s AND type NOT IN ('empty', %s)
"""
BLOB_AGAIN: LiteralString = """
UPDATE checkpoint_blobs SET type = %s, blob = %s
WHERE thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s RETURNING type, blob
"""
WRITES: LiteralString = """
SELECT type, blob, checkpoint_ns, checkpoint_id, task_id, idx FROM checkpoint_writes WHERE thread_id = %s AND type <> %s
"""
WRITE_AGAIN: LiteralString = """
UPDATE checkpoint_writes SET type = %s, blob = %s
WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s AND task_id = %s AND idx = %s RETURNING type, blob
"""
KEPT: LiteralString = """
SELECT type, blob FROM checkpoint_blobs
WHERE thread_id = %s AND checkpoint_ns = %s AND channel = %s AND version = %s AND type <> 'empty'
"""
NEW_BLOB: LiteralString = """
INSERT INTO checkpoint_blobs (type, blob, thread_id, checkpoint_ns, channel, version) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (thread_id, checkpoint_ns, channel, version) DO UPDATE SET type = EXCLUDED.type, blob = EXCLUDED.blob
RETURNING type, blob
"""
STRIP: LiteralString = """
UPDATE checkpoints
SET checkpoint = jsonb_set(checkpoint, '{channel_values}', (checkpoint -> 'channel_values') - %s::text[])
WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s
"""
METADATA: LiteralString = """
UPDATE checkpoints SET metadata = %s WHERE thread_id = %s AND checkpoint_ns = %s AND checkpoint_id = %s
RETURNING metadata
"""
TAGS: LiteralString = """
SELECT tag, count(*) FROM (
    SELECT type AS tag FROM checkpoint_blobs WHERE type <> 'empty'
    UNION ALL SELECT type FROM checkpoint_writes
    UNION ALL SELECT split_part(metadata ->> 'holdpoint_sealed', ' ', 1) FROM checkpoints
        WHERE metadata ? 'holdpoint_sealed'
    UNION ALL SELECT '' FROM checkpoints
        WHERE EXISTS (SELECT FROM jsonb_each(checkpoint -> 'channel_values') AS inline WHERE inline.value <> 'true')
        OR EXISTS (SELECT FROM jsonb_object_keys(metadata) AS name WHERE name <> ALL (%s))
) AS found GROUP BY tag
"""
# Rows fetched at a time: values may be of any size.
FEW = 16


def reseal_postgres(saver: SealedPostgresSaver, thread_id: str, *, plain_too: bool) -> int:
    if not isinstance(saver.conn, Connection):
        raise CannotReseal("Hold the thread first: it is sealed again on the connection that holds it.")
    with saver.lock, in_thread(thread_id), saver.conn.transaction():
        again = PostgresAgain(saver.seal, thread_id, plain_too, connection=saver.conn)
        again.reseal()
    return again.rows


def tags_in_postgres(saver: SealedPostgresSaver) -> list[tuple[str, int]]:
    """Rows by the type they are stored under; a checkpoint with anything readable in it counts under the empty one."""
    with saver._cursor() as cursor:
        found = cursor.execute(TAGS, (sorted(READABLE | {SEALED_KEY}),)).fetchall()
    return [(str(row["tag"]), int(row["count"])) for row in found]


class PostgresAgain(Again):
    def __init__(self, *common: Any, connection: "Connection[DictRow]") -> None:
        super().__init__(*common)
        self.connection = connection

    def reseal(self) -> None:
        with self.connection.cursor("checkpoints_to_seal", row_factory=dict_row) as rows:
            rows.itersize = FEW
            for row in rows.execute(CHECKPOINTS, (self.thread_id,)):
                self._reseal_metadata(row)
                self._move_inline(row)
        self._reseal_values("blobs_to_seal", BLOBS, BLOB_AGAIN)
        self._reseal_values("writes_to_seal", WRITES, WRITE_AGAIN)

    def _reseal_metadata(self, row: DictRow) -> None:
        expected = self.opened_metadata(row["metadata"])
        if expected is not None:
            place = (self.thread_id, row["checkpoint_ns"], row["checkpoint_id"])
            stored = self._first(METADATA, Jsonb(self.sealed_metadata(expected)), *place)
            self.require_same_metadata(stored["metadata"], expected)

    def _move_inline(self, row: DictRow) -> None:
        moved = [name for name, value in row["inline"].items() if self._is_moved(row, name, value)]
        if moved:
            self.connection.execute(STRIP, (moved, self.thread_id, row["checkpoint_ns"], row["checkpoint_id"]))
            self.rows += 1

    def _is_moved(self, row: DictRow, name: str, value: Any) -> bool:
        """False for the true that marks a snapshot, whose value is in a blob. Where both have a value, the blob's is
        the one that is read.
        """
        place = (self.thread_id, row["checkpoint_ns"], name, str((row["versions"] or {}).get(name)))
        plain = self.seal.plain(value)
        kept = self.connection.execute(KEPT, place).fetchone()
        if kept is not None and value is True and self.opened(kept["type"], kept["blob"]) != plain:
            return False
        if not self.plain_too:
            raise NotSealed
        if kept is None:
            if name not in (row["versions"] or {}):
                raise WouldBeLost(f"The saved channel {name!r} has no version, so it would be lost. Restore it.")
            stored = self._first(NEW_BLOB, *self.seal.seal(*plain), *place)
            self.require_same((stored["type"], stored["blob"]), plain)
        return True

    def _reseal_values(self, name: str, query: LiteralString, update: LiteralString) -> None:
        with self.connection.cursor(name, row_factory=dict_row, binary=True) as rows:
            rows.itersize = FEW
            for row in rows.execute(query, (self.thread_id, self.seal.tag)):
                expected = self.opened(row.pop("type"), row.pop("blob"))
                stored = self._first(update, *self.seal.seal(*expected), self.thread_id, *row.values())
                self.require_same((stored["type"], stored["blob"]), expected)

    def _first(self, query: LiteralString, *arguments: Any) -> DictRow:
        with self.connection.cursor(row_factory=dict_row, binary=True) as cursor:
            row = cursor.execute(query, arguments).fetchone()
        if row is None:
            raise RuntimeError("A row that was to be sealed again has gone. Hold the thread, then try again.")
        return row
