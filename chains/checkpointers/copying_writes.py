"""The writes of a thread as each saver keeps them: LangGraph's own way of reading gives neither place nor order."""

from collections.abc import Iterator
from typing import Any, LiteralString, NamedTuple

from langgraph.checkpoint.base import WRITES_IDX_MAP, BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.sqlite import SqliteSaver

Saver = BaseCheckpointSaver[Any]

POSTGRES: LiteralString = """
SELECT checkpoint_ns, checkpoint_id, task_id, idx, channel, task_path, type, blob
FROM checkpoint_writes WHERE thread_id = %s ORDER BY checkpoint_ns, checkpoint_id, task_id, idx
"""
SQLITE = """
SELECT checkpoint_ns, checkpoint_id, task_id, idx, channel, task_path, type, value
FROM writes WHERE thread_id = ? ORDER BY checkpoint_ns, checkpoint_id, task_id, idx
"""
POSTGRES_ADD: LiteralString = """
INSERT INTO checkpoint_writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, task_path, type, blob)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
SQLITE_ADD = """
INSERT INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, channel, task_path, type, value)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Key(NamedTuple):
    namespace: str
    checkpoint_id: str
    task_id: str
    # Below zero for LangGraph's own: errors, questions, answers.
    idx: int


class Write(NamedTuple):
    key: Key
    channel: str
    task_path: str
    value: Any


def keeps_places(saver: Saver) -> bool:
    """Whether it can be asked for a write's idx and task_path. Others keep them, too, but do not tell."""
    return isinstance(saver, PostgresSaver | SqliteSaver | InMemorySaver)


def writes_of(saver: Saver, thread_id: str) -> Iterator[Write]:
    """Also those whose checkpoint is not there: it may be saved after its writes."""
    if isinstance(saver, PostgresSaver):
        with saver._cursor() as cursor:
            rows = [tuple(row.values()) for row in cursor.execute(POSTGRES, (thread_id,)).fetchall()]
    elif isinstance(saver, SqliteSaver):
        with saver.cursor(transaction=False) as cursor:
            rows = cursor.execute(SQLITE, (thread_id,)).fetchall()
    elif isinstance(saver, InMemorySaver):
        rows = list(_in_memory(saver, thread_id))
    else:
        yield from _told(saver, thread_id)
        return
    for *key, channel, task_path, kind, data in rows:
        yield Write(Key(*key), channel, task_path, saver.serde.loads_typed((kind, bytes(data or b""))))


def add_writes(saver: Saver, thread_id: str, writes: list[Write]) -> None:
    """To a thread that has none there."""
    if isinstance(saver, PostgresSaver):
        with saver._cursor() as cursor:
            cursor.executemany(POSTGRES_ADD, [_row(saver, thread_id, write) for write in writes])
    elif isinstance(saver, SqliteSaver):
        with saver.cursor() as cursor:
            cursor.executemany(SQLITE_ADD, [_row(saver, thread_id, write) for write in writes])
    elif isinstance(saver, InMemorySaver):
        for write in writes:
            ns, checkpoint_id, task_id, idx = write.key
            kept = (task_id, write.channel, saver.serde.dumps_typed(write.value), write.task_path)
            saver.writes[(thread_id, ns, checkpoint_id)][(task_id, idx)] = kept
    else:
        _tell(saver, thread_id, writes)


def _row(saver: Saver, thread_id: str, write: Write) -> tuple[Any, ...]:
    return thread_id, *write.key, write.channel, write.task_path, *saver.serde.dumps_typed(write.value)


def _in_memory(saver: InMemorySaver, thread_id: str) -> Iterator[tuple[Any, ...]]:
    for (thread, ns, checkpoint_id), kept in sorted(saver.writes.items()):
        for (task_id, idx), (_, channel, typed, task_path) in sorted(kept.items() if thread == thread_id else ()):
            yield ns, checkpoint_id, task_id, idx, channel, task_path, *typed


def _told(saver: Saver, thread_id: str) -> Iterator[Write]:
    """In the order the saver gives them, which is the one it has to give them in again."""
    for found in saver.list({"configurable": {"thread_id": thread_id}}):
        place = found.config["configurable"]
        count: dict[str, int] = {}
        for task_id, channel, value in found.pending_writes or []:
            idx = WRITES_IDX_MAP.get(channel, count.get(task_id, 0))
            count[task_id] = count.get(task_id, 0) + (channel not in WRITES_IDX_MAP)
            yield Write(Key(place["checkpoint_ns"], place["checkpoint_id"], task_id, idx), channel, "", value)


def _tell(saver: Saver, thread_id: str, writes: list[Write]) -> None:
    """A task at a time: the saver counts idx by itself, from zero, and gives LangGraph's own theirs."""
    tasks: dict[tuple[str, str, str, str], list[tuple[str, Any]]] = {}
    for write in sorted(writes, key=lambda write: (write.key.idx < 0, write.key.idx)):
        ns, checkpoint_id, task_id, _ = write.key
        tasks.setdefault((ns, checkpoint_id, task_id, write.task_path), []).append((write.channel, write.value))
    for (ns, checkpoint_id, task_id, task_path), values in tasks.items():
        place = {"thread_id": thread_id, "checkpoint_ns": ns, "checkpoint_id": checkpoint_id}
        for special in (False, True):
            some = [value for value in values if (value[0] in WRITES_IDX_MAP) is special]
            if some:
                saver.put_writes({"configurable": place}, some, task_id, task_path)
