"""Reading all that is kept of a thread, part by part, so that what cannot be read can be named."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite import SqliteSaver

from chains.checkpointers.rows import Row, rows_of
from chains.checkpointers.sealed import SealingSaver
from chains.checkpointers.sealing import in_thread
from chains.strict import CannotRead, strictly

EMPTY = "empty"


class Wrong(NamedTuple):
    """One thing that cannot be read, or is not there; `channel` is empty where the whole checkpoint is meant."""

    namespace: str
    checkpoint_id: str
    channel: str
    why: str


class Decoded(NamedTuple):
    checkpoints: int
    wrong: list[Wrong]


# Of a namespace: the channels that have a value for ever once they had one.
Lasting = Callable[[str], frozenset[str]]


def decode(
    saver: BaseCheckpointSaver[Any], thread_id: str, *, serde: SerializerProtocol | None = None, lasting: Lasting
) -> Decoded:
    """`serde` knows the graph's types, if another than the saver's own does."""
    serde = serde or saver.serde
    if not isinstance(saver, PostgresSaver | SqliteSaver):
        return _any(saver, thread_id)
    with in_thread(thread_id):
        rows = [*rows_of(saver, thread_id)]
        found = _postgres(rows, serde, lasting) if isinstance(saver, PostgresSaver) else _sqlite(rows, serde)
    if found.wrong or not isinstance(saver, SealingSaver):
        return found
    return Decoded(found.checkpoints, _any(saver, thread_id).wrong)  # what is sealed in metadata


def _postgres(rows: list[tuple[str, Row]], serde: SerializerProtocol, lasting: Lasting) -> Decoded:
    checkpoints = [row for table, row in rows if table == "checkpoints"]
    blobs = {_key(row): row for table, row in rows if table == "checkpoint_blobs"}
    wrong: list[Wrong] = []
    bad = {key: why for key, row in blobs.items() if (why := _why(serde, row["type"], row["blob"]))}
    for row in checkpoints:
        saved = json.loads(row["checkpoint"])
        inline = saved.get("channel_values") or {}
        for channel, number in (saved.get("channel_versions") or {}).items():
            key = (row["checkpoint_ns"], channel, str(number))
            if key in bad:
                wrong.append(Wrong(row["checkpoint_ns"], row["checkpoint_id"], channel, bad[key]))
            elif key not in blobs and channel not in inline and channel in lasting(row["checkpoint_ns"]):
                wrong.append(Wrong(row["checkpoint_ns"], row["checkpoint_id"], channel, "Its value is missing."))
    wrong += _writes((row for table, row in rows if table == "checkpoint_writes"), serde, "blob")
    return Decoded(len(checkpoints), wrong)


def _sqlite(rows: list[tuple[str, Row]], serde: SerializerProtocol) -> Decoded:
    checkpoints = [row for table, row in rows if table == "checkpoints"]
    wrong = []
    for row in checkpoints:
        if why := _why(serde, row["type"], row["checkpoint"]) or _why_not_json(row["metadata"]):
            wrong.append(Wrong(row["checkpoint_ns"], row["checkpoint_id"], "", why))
    wrong += _writes((row for table, row in rows if table == "writes"), serde, "value")
    return Decoded(len(checkpoints), wrong)


def _any(saver: BaseCheckpointSaver[Any], thread_id: str) -> Decoded:
    """Through the saver's methods, which give up at the first that cannot be read."""
    seen = 0
    last = ("", "")
    try:
        with strictly():
            for found in saver.list({"configurable": {"thread_id": thread_id}}):
                place: Mapping[str, Any] = found.config["configurable"]
                last = (str(place.get("checkpoint_ns") or ""), str(place["checkpoint_id"]))
                seen += 1
    except CannotRead as error:
        return Decoded(seen, [Wrong(*last, "", f"{error} It is this checkpoint or one before it.")])
    return Decoded(seen, [])


def _writes(rows: Iterator[Row], serde: SerializerProtocol, column: str) -> Iterator[Wrong]:
    for row in rows:
        if why := _why(serde, row["type"], row[column]):
            yield Wrong(row["checkpoint_ns"], row["checkpoint_id"], row["channel"], why)


def _why(serde: SerializerProtocol, kind: str | None, written: bytes | None) -> str:
    """Empty when it can be read."""
    if kind == EMPTY:
        return ""
    try:
        with strictly():
            serde.loads_typed((kind or "", written or b""))
    except CannotRead as error:
        return str(error)
    return ""


def _why_not_json(written: bytes | None) -> str:
    try:
        json.loads(written or b"{}")
    except ValueError:
        return "Its metadata is damaged. Restore it from a backup."
    return ""


def _key(row: Row) -> tuple[str, str, str]:
    return row["checkpoint_ns"], row["channel"], str(row["version"])
