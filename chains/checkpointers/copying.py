"""Copying threads from one saver to another, whatever the two are: every checkpoint, value, write and question.

What is read is not made into objects (copying_exact.py): a copy is the same to the last byte, and needs no graph.
"""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import psycopg
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver

from chains.checkpointers.copying_exact import byte_for_byte, is_same
from chains.checkpointers.copying_writes import Saver, Write, add_writes, keeps_places, writes_of
from chains.checkpointers.sealing import in_thread

Id = tuple[str, str]


class CannotCopy(RuntimeError):
    """What was written is not what was read; the sentence says where."""


class Copied(NamedTuple):
    checkpoints: int
    writes: int


def copy_thread(source: Saver, target: Saver, thread_id: str) -> Copied:
    """Call while nobody writes the thread in either. What the target has of it is taken away first; where the target is
    PostgreSQL or SQLite it is all there in the end, or none of it. Raises CannotCopy when the copy is not the same.
    """
    try:
        with byte_for_byte(source, target) as (read, written), in_thread(thread_id), _all_at_once(written) as whole:
            whole.delete_thread(thread_id)
            for found in read.list(_thread(thread_id)):
                _put(whole, found)
            add_writes(whole, thread_id, list(writes_of(read, thread_id)))
    except psycopg.DataError as error:
        raise CannotCopy(
            f"Thread {thread_id}: PostgreSQL cannot keep what is in its state ({type(error).__name__}): no text with a "
            "zero byte, and no number that is none. Finish it where it is, or stop it."
        ) from error
    return compare_thread(source, target, thread_id)


def compare_thread(source: Saver, target: Saver, thread_id: str) -> Copied:
    """Reads all of it in both. Raises CannotCopy for the first difference."""
    with byte_for_byte(source, target) as (first, second), in_thread(thread_id):
        found = 0
        for expected in first.list(_thread(thread_id)):
            found += 1
            _require_same(expected, second.get_tuple(expected.config), thread_id)
        if found != sum(1 for _ in second.list(_thread(thread_id))):
            raise CannotCopy(f"Thread {thread_id}: the copy has other checkpoints. Move it again.")
        return Copied(found, _compare_writes(first, second, thread_id))


def has_thread(saver: Saver, thread_id: str) -> bool:
    return next(iter(saver.list(_thread(thread_id), limit=1)), None) is not None or _has_writes(saver, thread_id)


def thread_ids(saver: Saver) -> list[str]:
    """All that the saver knows of, in order. Of a saver of another make, this reads everything."""
    if isinstance(saver, PostgresSaver):
        with saver._cursor() as cursor:
            query = "SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM checkpoint_writes"
            return sorted(row["thread_id"] for row in cursor.execute(query).fetchall())
    if isinstance(saver, SqliteSaver):
        with saver.cursor(transaction=False) as cursor:
            query = "SELECT thread_id FROM checkpoints UNION SELECT thread_id FROM writes"
            return sorted(row[0] for row in cursor.execute(query).fetchall())
    if isinstance(saver, InMemorySaver):
        return sorted(thread_id for thread_id, kept in saver.storage.items() if any(kept.values()))
    return sorted({found.config["configurable"]["thread_id"] for found in saver.list(None)})


def heads(saver: Saver) -> dict[str, tuple[int, str]] | None:
    """By thread: how many checkpoints, and the newest. None where that cannot be asked for all at once."""
    query = "SELECT thread_id, count(*) AS number, max(checkpoint_id) AS newest FROM checkpoints GROUP BY thread_id"
    if isinstance(saver, PostgresSaver):
        with saver._cursor() as cursor:
            return {row["thread_id"]: (row["number"], row["newest"]) for row in cursor.execute(query).fetchall()}
    if isinstance(saver, SqliteSaver):
        with saver.cursor(transaction=False) as cursor:
            return {row[0]: (row[1], row[2]) for row in cursor.execute(query).fetchall()}
    return None


def _put(target: Saver, found: CheckpointTuple) -> None:
    """Every value is given as if it were new: the versions say which are the same, and those are kept once."""
    before = (found.parent_config or {}).get("configurable", {}).get("checkpoint_id")
    place = {**_place(found), "checkpoint_id": before}
    target.put({"configurable": place}, found.checkpoint, found.metadata, found.checkpoint["channel_versions"])


def _place(found: CheckpointTuple) -> dict[str, Any]:
    told = found.config["configurable"]
    return {"thread_id": told["thread_id"], "checkpoint_ns": told.get("checkpoint_ns", "")}


def _require_same(expected: CheckpointTuple, found: CheckpointTuple | None, thread_id: str) -> None:
    where = f"Thread {thread_id}, checkpoint {expected.checkpoint['id']}"
    if found is None:
        raise CannotCopy(f"{where}: it is not in the copy. Move it again.")
    for name in ("checkpoint", "metadata", "parent_config"):
        if not is_same(_plain(getattr(found, name)), _plain(getattr(expected, name))):
            raise CannotCopy(f"{where}: the copy's {name} is another. This saver cannot keep it.")


def _plain(part: Any) -> Any:
    """PostgreSQL's saver leaves the writes of very old checkpoints out of their metadata."""
    if isinstance(part, dict) and "configurable" in part:
        told = part["configurable"]
        return told.get("checkpoint_ns", ""), told.get("checkpoint_id")
    return {key: value for key, value in (part or {}).items() if key != "writes" and value is not None}


def _compare_writes(source: Saver, target: Saver, thread_id: str) -> int:
    expected, found = list(writes_of(source, thread_id)), list(writes_of(target, thread_id))
    told = keeps_places(source) and keeps_places(target)
    if sorted(_seen(expected, told)) != sorted(_seen(found, told)) or not _are_in(expected, found, told):
        raise CannotCopy(f"Thread {thread_id}: the copy has other writes. This saver cannot keep them.")
    return len(expected)


def _seen(writes: list[Write], told: bool) -> list[tuple[Any, ...]]:
    return [(*(write.key if told else write.key[:3]), write.channel, write.task_path * told) for write in writes]


def _are_in(expected: list[Write], found: list[Write], told: bool) -> bool:
    """Whether the values are the same, under the same names; they have no order of their own."""
    rest: dict[tuple[Any, ...], list[Any]] = {}
    for name, write in zip(_seen(found, told), found, strict=True):
        rest.setdefault(name, []).append(write.value)
    for name, write in zip(_seen(expected, told), expected, strict=True):
        same = next((place for place, value in enumerate(rest[name]) if is_same(value, write.value)), None)
        if same is None:
            return False
        del rest[name][same]
    return True


def _has_writes(saver: Saver, thread_id: str) -> bool:
    return next(iter(writes_of(saver, thread_id)), None) is not None


@contextlib.contextmanager
def _all_at_once(target: Saver) -> Iterator[Saver]:
    """The same saver, in one transaction if it has any."""
    if isinstance(target, PostgresSaver) and isinstance(target.conn, psycopg.Connection):
        with target.conn.transaction():
            yield target
    elif isinstance(target, SqliteSaver):
        whole = copy.copy(target)
        whole.conn = _Uncommitted(target.conn)  # type: ignore[assignment]
        try:
            yield whole
        except BaseException:
            target.conn.rollback()
            raise
        target.conn.commit()
    else:
        yield target


class _Uncommitted:
    """SQLite's connection, which the saver may not commit: that would be after every checkpoint."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def commit(self) -> None:
        """Later, all at once."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def _thread(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id}}
