"""Holding several threads at once, on one connection: for what is done to many threads that rest."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, LiteralString, NamedTuple

import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver

from chains.checkpointers.held import Held, ThreadBusy
from chains.checkpointers.locked import Checkpointer

LOCK_EACH: LiteralString = """
SELECT coalesce(array_agg(id), '{}') AS got FROM unnest(%s::text[]) AS id
WHERE pg_try_advisory_lock(hashtextextended(%s || id, 0))
"""
UNLOCK_EACH: LiteralString = """
SELECT count(pg_advisory_unlock(hashtextextended(%s || id, 0))) AS freed FROM unnest(%s::text[]) AS id
"""
Write = Callable[..., dict[str, Any] | None]


class Several(NamedTuple):
    """The threads that are held; those that are not are somebody else's at this moment.

    Call `ask` before anything is deleted: it raises when the locks are gone.
    """

    saver: BaseCheckpointSaver[Any]
    thread_ids: list[str]
    ask: Callable[[], object]


@contextlib.contextmanager
def hold_several(checkpointer: Checkpointer, thread_ids: Sequence[str]) -> Iterator[Several | None]:
    """None when not one of them is free."""
    with contextlib.ExitStack() as stack:
        for place, first in enumerate(thread_ids):
            try:
                held = stack.enter_context(checkpointer.hold(first))
            except ThreadBusy:
                continue
            more = list(thread_ids[place + 1 :])
            for write, space in _locking(checkpointer, held):
                more = stack.enter_context(_locked(write, space, more))
            yield Several(held.saver, [first, *more], partial(held.write, "SELECT 1"))
            return
        yield None


def _locking(checkpointer: Checkpointer, held: Held) -> Iterator[tuple[Write, str]]:
    """Where hold() locks: in the application's database, and then in that of the checkpoints if it is another."""
    yield held.write, Checkpointer.space
    if held.backend.beyond is not None and isinstance(held.saver, PostgresSaver):
        connection: Any = held.saver.conn
        yield connection.write, checkpointer.space


@contextlib.contextmanager
def _locked(write: Write, space: str, thread_ids: list[str]) -> Iterator[list[str]]:
    got = (write(LOCK_EACH, thread_ids, space) or {})["got"] if thread_ids else []
    try:
        yield [thread_id for thread_id in thread_ids if thread_id in set(got)]
    finally:
        with contextlib.suppress(psycopg.OperationalError):  # who has lost the connection has lost its locks
            write(UNLOCK_EACH, space, got)
