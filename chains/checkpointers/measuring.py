"""How much there is: from the databases' own catalogues and from samples, so that asking costs little at any size."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, LiteralString

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver
from psycopg import sql

TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")
SIZES: LiteralString = """
SELECT c.relname AS name, pg_relation_size(c.oid) AS heap, pg_indexes_size(c.oid) AS indexes,
    coalesce(pg_total_relation_size(nullif(c.reltoastrelid, 0)), 0) AS toast, c.reltuples::bigint AS rows
FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ANY(%s)
"""
PER_THREAD: LiteralString = """
SELECT thread_id, sum(size)::bigint AS size, sum(one)::bigint AS checkpoints FROM (
    SELECT thread_id, pg_column_size(c.*) AS size, 1 AS one FROM checkpoints c {sample}
    UNION ALL SELECT thread_id, pg_column_size(b.*), 0 FROM checkpoint_blobs b {sample}
    UNION ALL SELECT thread_id, pg_column_size(w.*), 0 FROM checkpoint_writes w {sample}
) AS found GROUP BY thread_id ORDER BY size DESC
"""
DISTINCT: LiteralString = """
SELECT n_distinct FROM pg_stats WHERE schemaname = current_schema() AND tablename = 'checkpoints'
AND attname = 'thread_id'
"""
NEWEST: LiteralString = "SELECT coalesce(max(v), -1) AS newest FROM checkpoint_migrations"
# Up to here every row is counted; beyond, about as much is looked at.
COUNTED_BYTES = 256 * 1024 * 1024
SAMPLED_ROWS = 5_000


@dataclass(frozen=True)
class Measured:
    """`by_thread` are (bytes, checkpoints) as far as they were looked at, without indexes and empty space;
    `share` is how much of all that was.
    """

    heap: int = 0
    indexes: int = 0
    toast: int = 0
    checkpoints: int = 0
    threads: int = 0
    by_thread: dict[str, tuple[int, int]] = field(default_factory=dict)
    share: float = 1.0
    migration: str = ""

    @property
    def bytes(self) -> int:
        return self.heap + self.indexes + self.toast

    @property
    def live(self) -> float:
        """Without the space that removed rows have left, which is used again; indexes have their share."""
        rows = sum(size for size, _ in self.by_thread.values()) / self.share
        return rows * (1 + self.indexes / max(1, self.heap + self.toast))

    @property
    def is_estimated(self) -> bool:
        return self.share < 1

    def largest(self, how_many: int) -> list[tuple[str, int, int]]:
        """(thread, bytes, checkpoints), scaled up where it is a sample."""
        found = sorted(self.by_thread.items(), key=lambda item: item[1], reverse=True)[:how_many]
        return [(name, round(size / self.share), round(count / self.share)) for name, (size, count) in found]


class CannotMeasure(RuntimeError):
    """This saver tells nothing about its sizes; the sentence says what can be done."""


def measure(
    saver: BaseCheckpointSaver[Any], known: Sequence[str], *, all_threads: int, counted_bytes: int = COUNTED_BYTES
) -> Measured:
    """`known` are some threads, for savers that can only be asked for one at a time. Raises CannotMeasure."""
    if isinstance(saver, PostgresSaver):
        return _postgres(saver, counted_bytes)
    if isinstance(saver, SqliteSaver):
        return _sqlite(saver, counted_bytes)
    return _by_asking(saver, known, all_threads=all_threads)


def _postgres(saver: PostgresSaver, counted_bytes: int) -> Measured:
    with saver._cursor() as cursor:
        tables = {row["name"]: row for row in cursor.execute(SIZES, (list(TABLES),))}
        if not tables:
            raise CannotMeasure("The checkpoint tables are missing. Run manage.py checkpoints setup.")
        heap, indexes, toast = (sum(int(row[part]) for row in tables.values()) for part in ("heap", "indexes", "toast"))
        share = min(1.0, counted_bytes / max(1, heap + toast))
        sample: sql.Composable = sql.SQL("")
        if share < 1:
            rows = max(1, sum(int(row["rows"]) for row in tables.values()))
            share = min(share, max(SAMPLED_ROWS / rows, 1e-6))
            sample = sql.SQL("TABLESAMPLE SYSTEM ({})").format(sql.Literal(100 * share))
        found = cursor.execute(sql.SQL(PER_THREAD).format(sample=sample)).fetchall()
        by_thread = {row["thread_id"]: (int(row["size"]), int(row["checkpoints"])) for row in found}
        checkpoints = sum(count for _, count in by_thread.values())
        threads = len(by_thread)
        if share < 1:
            checkpoints = max(int(tables["checkpoints"]["rows"]), round(checkpoints / share))
            row = cursor.execute(DISTINCT).fetchone()
            threads = _distinct(float(row["n_distinct"]) if row else 0.0, checkpoints) or threads
        newest = cursor.execute(NEWEST).fetchone()
    migration = f"{newest['newest'] if newest else -1} of {len(saver.MIGRATIONS) - 1}"
    return Measured(heap, indexes, toast, checkpoints, threads, by_thread, share, migration)


def _distinct(told: float, rows: int) -> int:
    """As pg_stats tells: a number, or below zero a share of the rows; nothing before the first ANALYZE."""
    return round(-told * rows) if told < 0 else round(told)


def _sqlite(saver: SqliteSaver, counted_bytes: int) -> Measured:
    with saver.cursor(transaction=False) as cursor:

        def one(query: str) -> int:
            return int(cursor.execute(query).fetchone()[0] or 0)

        size = one("PRAGMA page_count") * one("PRAGMA page_size")
        rows = one("SELECT max(rowid) FROM checkpoints")
        share = 1.0 if size <= counted_bytes else min(1.0, SAMPLED_ROWS / max(1, rows))
        checkpoints, extra = ("", "") if share == 1 else (_some(rows), _some(one("SELECT max(rowid) FROM writes")))
        by_thread: Counter[str] = Counter()
        counts: Counter[str] = Counter()
        for name, length in cursor.execute(
            f"SELECT thread_id, length(checkpoint) + length(metadata) + 120 FROM checkpoints {checkpoints}"
        ):
            by_thread[name] += length
            counts[name] += 1
        for name, length in cursor.execute(f"SELECT thread_id, length(value) + 160 FROM writes {extra}"):
            by_thread[name] += length
    found = {name: (total, counts[name]) for name, total in by_thread.items()}
    threads = len(found) if share == 1 else max(len(found), round(len(found) / share))
    return Measured(size, 0, 0, rows if share < 1 else sum(counts.values()), threads, found, share)


def _some(rows: int) -> str:
    """Row numbers that were given once; of those that are gone by now nothing comes."""
    numbers = random.sample(range(1, rows + 1), min(rows, SAMPLED_ROWS))
    return f"WHERE rowid IN ({', '.join(map(str, numbers))})"


def _by_asking(saver: BaseCheckpointSaver[Any], known: Sequence[str], *, all_threads: int) -> Measured:
    if isinstance(saver, InMemorySaver):
        known = list(saver.storage)
        all_threads = len(known)
    by_thread = {}
    try:
        for thread_id in known:
            found = list(saver.list({"configurable": {"thread_id": thread_id}}))
            if found:
                by_thread[thread_id] = (sum(_size(saver, one) for one in found), len(found))
    except NotImplementedError:
        raise CannotMeasure(f"{type(saver).__name__} lists no checkpoints. Measure it with its own tools.") from None
    share = min(1.0, len(known) / all_threads) if all_threads else 1.0
    checkpoints = round(sum(count for _, count in by_thread.values()) / (share or 1))
    size = round(sum(size for size, _ in by_thread.values()) / (share or 1))
    return Measured(size, 0, 0, checkpoints, round(len(by_thread) / (share or 1)), by_thread, share or 1.0)


def _size(saver: BaseCheckpointSaver[Any], found: Any) -> int:
    """What the serializer makes of it."""
    values = (found.checkpoint, found.metadata, *(value for _, _, value in found.pending_writes or ()))
    return sum(len(saver.serde.dumps_typed(value)[1]) for value in values)
