"""Tables into files and back, by COPY: PostgreSQL's own form, which needs no program of the server's version."""

import gzip
import hashlib
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

from psycopg import Cursor, sql

COLUMNS = """
SELECT attname FROM pg_attribute
WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum
"""
# What has to be there first. Other keys are only looked at in the end.
NEEDS = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f' AND NOT condeferrable
"""
COUNTERS = "SELECT name, pg_get_serial_sequence(quote_ident(%s), name) FROM unnest(%s::text[]) AS name"
QUICK = 3


class BadBackup(RuntimeError):
    """The backup cannot be used; the sentence says why."""


@dataclass(frozen=True)
class Dumped:
    """One file of a backup. `table` and `columns` are empty for a file that is no table's."""

    file: str
    sha256: str
    size: int
    table: str = ""
    columns: tuple[str, ...] = ()
    rows: int = 0

    @property
    def kept(self) -> dict[str, Any]:
        return asdict(self)


def dump_table(cursor: Cursor[Any], table: str, into: Path) -> Dumped:
    """In the snapshot the cursor is in."""
    columns = [str(row[0]) for row in cursor.execute(COLUMNS, (table,)).fetchall()]
    into.parent.mkdir(mode=0o700, exist_ok=True)
    with private(into) as file, gzip.GzipFile("", "wb", QUICK, file, mtime=0) as packed:
        with cursor.copy(_copy("COPY {} ({}) TO STDOUT", table, columns)) as copied:
            for block in copied:
                packed.write(block)
        rows = cursor.rowcount
    return measured(into, into.parent.parent, table=table, columns=tuple(columns), rows=rows)


def load_table(cursor: Cursor[Any], dumped: Dumped, directory: Path) -> None:
    """Into an empty table. Raises BadBackup."""
    statement = _copy("COPY {} ({}) FROM STDIN", dumped.table, dumped.columns)
    with gzip.open(directory / dumped.file) as file, cursor.copy(statement) as copied:
        while block := file.read(1 << 16):
            copied.write(block)
    if cursor.rowcount != dumped.rows:
        raise BadBackup(f"{dumped.file} has {cursor.rowcount} rows, not {dumped.rows}.")
    for column, sequence in cursor.execute(COUNTERS, (dumped.table, list(dumped.columns))).fetchall():
        if sequence is None:
            continue
        found = sql.SQL("SELECT setval(%s, greatest(coalesce(max({}), 0), 1), max({}) IS NOT NULL) FROM {}")
        name = sql.Identifier(column)
        cursor.execute(found.format(name, name, sql.Identifier(dumped.table)), (sequence,))


def in_order(cursor: Cursor[Any], tables: Iterable[Dumped]) -> list[Dumped]:
    """Those first that others need at once."""
    left = {dumped.table: dumped for dumped in tables}
    needs = [tuple(row) for row in cursor.execute(NEEDS).fetchall()]
    found: list[Dumped] = []
    while left:
        waiting = {one for one, other in needs if one in left and other in left and one != other}
        free = [table for table in left if table not in waiting] or list(left)
        found += [left.pop(table) for table in free]
    return found


def measured(path: Path, directory: Path, **facts: Any) -> Dumped:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return Dumped(str(path.relative_to(directory)), digest.hexdigest(), path.stat().st_size, **facts)


@contextmanager
def private(path: Path) -> Iterator[IO[bytes]]:
    """A new file that nobody else may read, on the disk when the block has ended."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _copy(statement: Any, table: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(statement).format(sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns)))
