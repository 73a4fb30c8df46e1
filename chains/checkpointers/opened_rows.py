"""Rows once their seal is opened: nothing is sealed twice to the same bytes, so that is how they are compared.

Rows that were archived in the clear are sealed here as well, before they are written where sealing is on.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from chains.checkpointers.archives import sha256_of_rows
from chains.checkpointers.copying_exact import Exact, Opaque, exactly
from chains.checkpointers.rows import CannotPut, Form, Row, form_of, rows_of
from chains.checkpointers.seal_again import WouldBeLost
from chains.checkpointers.seal_keys import NAME
from chains.checkpointers.sealed import READABLE, SEALED_KEY, open_metadata, seal_metadata
from chains.checkpointers.sealing import MARK, Sealed, in_thread
from chains.strict import strictly

Rows = Sequence[tuple[str, Row]]
# The column of a value, beside that of its type, by the table it is in.
VALUES = {"checkpoint_blobs": "blob", "checkpoint_writes": "blob", "writes": "value", "checkpoints": "checkpoint"}
BLOBS, EMPTY = "checkpoint_blobs", "empty"
NO_KEYS = (
    f"What the archive has of it is sealed, and {NAME} is not set. Set it to the keys of that time, and try again."
)


def seal_of(saver: BaseCheckpointSaver[Any]) -> Sealed | None:
    return saver.serde if isinstance(saver.serde, Sealed) else None


def is_as_kept(
    saver: BaseCheckpointSaver[Any], thread_id: str, form: Form, sha256: str, opened: Callable[[], str]
) -> bool:
    """Whether the saver has these rows, to the byte or with the same values: `opened` gives their opened_sha256.

    Raises CannotRead.
    """
    if form is not Form.TUPLES and form is not form_of(saver):
        return False
    rows, seal = list(rows_of(saver, thread_id, form)), seal_of(saver)
    if not rows or sha256_of_rows(form, rows) == sha256:
        return bool(rows)
    if seal is None and form is not Form.TUPLES:
        return False
    return opened_sha256(thread_id, form, rows, seal) == opened()


def opened_sha256(thread_id: str, form: Form, rows: Rows, seal: Sealed | None) -> str:
    """The same for the same values, whichever key sealed them, if any did. Raises CannotRead.

    Never to be written down: it would tell who guesses a value whether the guess is right.
    """
    with in_thread(thread_id), strictly():
        plain = _plain(form, rows, _exact(seal))
        told = sorted(f"{table} {_flat(_decoded(row) if form is Form.TUPLES else row)}" for table, row in plain)
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).hexdigest()


def as_written(saver: BaseCheckpointSaver[Any], thread_id: str, form: Form, rows: Rows) -> Rows:
    """What put_rows is to write: rows in the clear are sealed if the saver seals. What has a seal on any part is taken
    as it is, so that nothing that somebody put between is sealed for them. Raises CannotPut and CannotRead.
    """
    seal = seal_of(saver)
    is_sealed = any(tag.startswith(MARK) for row in rows for tag in _tags(form, *row))
    if seal is None and is_sealed and form is Form.TUPLES:
        raise CannotPut(NO_KEYS)
    if is_sealed and form is Form.TUPLES:
        opened_sha256(thread_id, form, rows, seal)  # before anything is written
    if seal is None or is_sealed:
        return rows
    with in_thread(thread_id), strictly():
        return [(table, _sealed(form, table, row, seal)) for table, row in _plain(form, rows, seal)]


def _exact(seal: Sealed | None) -> Sealed | None:
    found = exactly(seal)
    return found if isinstance(found, Sealed) else None


def _plain(form: Form, rows: Rows, seal: Sealed | None) -> list[tuple[str, Row]]:
    """Bytes as bytes, JSON as it is in Python, and of PostgreSQL all values among the blobs."""
    if form is Form.TUPLES:
        return [(table, _plain_tuple(row, seal)) for table, row in rows]
    if seal is None:
        return list(rows)
    found = [(table, _plain_row(form, table, row, seal)) for table, row in rows]
    return _with_blobs(found, seal) if form is Form.POSTGRES else found


def _plain_tuple(row: Row, seal: Sealed | None) -> Row:
    def opened(kind: str, written: str) -> tuple[str, bytes]:
        return _open(seal, kind, base64.b64decode(written, validate=True))

    writes = [[task, channel, *opened(kind, written)] for task, channel, kind, written in row["writes"]]
    return {**row, "checkpoint": opened(*row["checkpoint"]), "metadata": opened(*row["metadata"]), "writes": writes}


def _plain_row(form: Form, table: str, row: Row, seal: Sealed) -> Row:
    row = dict(row)
    if table == "checkpoints":
        metadata = json.loads(row["metadata"] or "{}")
        loose = {key: value for key, value in metadata.items() if key not in READABLE and key != SEALED_KEY}
        rest = {key: value for key, value in metadata.items() if key not in loose}
        row["metadata"] = {**loose, **open_metadata(seal, rest)}
    if table == "checkpoints" and form is Form.POSTGRES:
        row["checkpoint"] = json.loads(row["checkpoint"])
    elif row["type"] != EMPTY:
        row["type"], row[VALUES[table]] = _open(seal, row["type"], row[VALUES[table]])
    return row


def _open(seal: Sealed | None, kind: str | None, data: bytes | None) -> tuple[str, bytes]:
    """What is not sealed stays as it is."""
    if seal is not None and (kind or "").startswith(MARK):
        return seal.open(kind, data)
    return str(kind), bytes(data or b"")


def _with_blobs(rows: list[tuple[str, Row]], seal: Sealed) -> list[tuple[str, Row]]:
    """Values that LangGraph's own saver left in the JSON of a checkpoint, where the seal keeps them."""
    blobs = {(row["checkpoint_ns"], row["channel"], row["version"]): row for table, row in rows if table == BLOBS}
    for table, row in rows:
        if table == "checkpoints":
            _move_inline(row, blobs, seal)
    return [*(one for one in rows if one[0] != BLOBS), *((BLOBS, row) for row in blobs.values())]


def _move_inline(row: Row, blobs: dict[tuple[str, str, str], Row], seal: Sealed) -> None:
    """As resealing does in the database: a true beside a blob marks a snapshot and stays, and a blob goes first."""
    inline, versions = row["checkpoint"].get("channel_values") or {}, row["checkpoint"].get("channel_versions") or {}
    for name, value in list(inline.items()):
        key = (row["checkpoint_ns"], name, str(versions.get(name)))
        blob = blobs.get(key)
        has_value = blob is not None and blob["type"] != EMPTY
        if blob is not None and has_value and value is True and (blob["type"], blob["blob"]) != seal.plain(True):
            continue
        if not has_value:
            if name not in versions:
                raise WouldBeLost(f"The saved channel {name!r} has no version, so it would be lost. Restore it.")
            kind, data = seal.plain(value)
            names = ("checkpoint_ns", "channel", "version", "type", "blob")
            blobs[key] = dict(zip(names, (*key, kind, data), strict=True))
        del inline[name]


def _sealed(form: Form, table: str, row: Row, seal: Sealed) -> Row:
    row = dict(row)
    if form is Form.TUPLES:
        writes = [[task, channel, *_typed(seal, kind, data)] for task, channel, kind, data in row["writes"]]
        typed = {name: _typed(seal, *row[name]) for name in ("checkpoint", "metadata")}
        return {**row, **typed, "writes": writes}
    if table == "checkpoints":
        metadata = json.dumps(seal_metadata(seal, row["metadata"]), ensure_ascii=False)
        row["metadata"] = metadata if form is Form.POSTGRES else metadata.encode("utf-8", "ignore")
    if table == "checkpoints" and form is Form.POSTGRES:
        row["checkpoint"] = json.dumps(row["checkpoint"])
    elif row["type"] != EMPTY:
        row["type"], row[VALUES[table]] = seal.seal(row["type"], row[VALUES[table]])
    return row


def _typed(seal: Sealed, kind: str, data: bytes) -> list[str]:
    tag, sealed = seal.seal(kind, data)
    return [tag, base64.b64encode(sealed).decode()]


def _tags(form: Form, table: str, row: Row) -> Iterator[str]:
    """The types that a row's values are stored under."""
    if form is Form.TUPLES:
        yield from (row["checkpoint"][0], row["metadata"][0], *(kind for _, _, kind, _ in row["writes"]))
        return
    yield str(row["type"])
    if table == "checkpoints":
        yield str(json.loads(row["metadata"] or "{}").get(SEALED_KEY, ""))


def _decoded(row: Row) -> Row:
    """Savers give the keys of a mapping, and the tasks of their writes, in any order."""
    exact = Exact()
    writes = [[task, channel, exact.loads_typed((kind, data))] for task, channel, kind, data in row["writes"]]
    typed = {name: exact.loads_typed(row[name]) for name in ("checkpoint", "metadata")}
    return {**row, **typed, "writes": sorted(writes, key=lambda write: write[0])}


def _flat(value: Any) -> str:
    """A text that is the same for the same value, and for no other."""
    if isinstance(value, dict):
        return f"{{{','.join(sorted(f'{_flat(key)}:{_flat(inner)}' for key, inner in value.items()))}}}"
    if isinstance(value, list | tuple):
        return f"[{','.join(map(_flat, value))}]"
    if isinstance(value, Opaque):
        return f"{value.code}({value.data!r})"
    if isinstance(value, _DeltaSnapshot):
        return f"snapshot({_flat(value.value)})"
    return f"{type(value).__name__}({value!r})"
