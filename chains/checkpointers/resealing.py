"""Sealing again what is saved already: with a new first key, or for the first time."""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver

from chains.checkpointers.seal_again import CannotReseal, WouldBeLost
from chains.checkpointers.seal_again_postgres import reseal_postgres, tags_in_postgres
from chains.checkpointers.seal_again_sqlite import reseal_sqlite, tags_in_sqlite
from chains.checkpointers.sealed import SealedPostgresSaver, SealedSqliteSaver
from chains.checkpointers.sealing import key_of

__all__ = ["CannotReseal", "WouldBeLost", "keys_in_use", "reseal_thread"]


def reseal_thread(saver: BaseCheckpointSaver[Any], thread_id: str, *, plain_too: bool = False) -> int:
    """Seal all of a thread with the first key, in one transaction that reads back what it wrote; how many rows that
    were. Call while holding the thread. With `plain_too`, what is not sealed is taken for the thread's own.

    Raises CannotReseal, NotSealed without that, UnknownKey, SealBroken or WouldBeLost; nothing has changed then.
    """
    if isinstance(saver, SealedPostgresSaver):
        return reseal_postgres(saver, thread_id, plain_too=plain_too)
    if isinstance(saver, SealedSqliteSaver):
        return reseal_sqlite(saver, thread_id, plain_too=plain_too)
    raise CannotReseal(f"{type(saver).__name__} keeps checkpoints in its own way. Move them into a sealed one instead.")


def keys_in_use(saver: BaseCheckpointSaver[Any]) -> dict[str, int]:
    """How many rows each key has sealed, by its id; under the empty id, those that are not sealed. Reads every row."""
    if isinstance(saver, SealedPostgresSaver):
        found = tags_in_postgres(saver)
    elif isinstance(saver, SealedSqliteSaver):
        found = tags_in_sqlite(saver)
    else:
        raise CannotReseal(f"{type(saver).__name__} keeps checkpoints in its own way. Count them there.")
    counts: dict[str, int] = {}
    for tag, count in found:
        counts[key_of(tag) or ""] = counts.get(key_of(tag) or "", 0) + count
    return counts
