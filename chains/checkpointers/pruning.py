"""Removing checkpoints of threads that rest: all of them, or all but the newest. Call while holding the threads."""

from collections.abc import Sequence
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.postgres.base import PRUNE_DELTA_THREADS_SQL
from langgraph.checkpoint.sqlite import SqliteSaver

from chains.checkpointers.pruning_sqlite import keep_latest_in_sqlite, why_not_in_sqlite

COUNT = "SELECT thread_id, count(*) AS found FROM checkpoints WHERE thread_id = ANY(%s) GROUP BY thread_id"
DELTA = "It has a channel that is kept as differences, whose newest value needs the older checkpoints. Remove all."
NO_LATEST = "{name} cannot keep the newest checkpoint alone. Remove all of them, or archive them first."


class CannotPrune(RuntimeError):
    """This saver cannot remove checkpoints; the sentence says why, and what to do."""


def counts(saver: BaseCheckpointSaver[Any], thread_ids: Sequence[str]) -> dict[str, int]:
    """How many checkpoints each thread has, those of subgraphs included."""
    if isinstance(saver, PostgresSaver):
        with saver._cursor() as cursor:
            found = {row["thread_id"]: row["found"] for row in cursor.execute(COUNT, (list(thread_ids),))}
    elif isinstance(saver, SqliteSaver):
        marks = ", ".join("?" * len(thread_ids))
        query = f"SELECT thread_id, count(*) FROM checkpoints WHERE thread_id IN ({marks}) GROUP BY thread_id"
        with saver.cursor(transaction=False) as lines:
            found = dict(lines.execute(query, list(thread_ids)).fetchall())
    elif isinstance(saver, InMemorySaver):
        found = {one: sum(len(kept) for kept in saver.storage.get(one, {}).values()) for one in thread_ids}
    else:
        found = {one: sum(1 for _ in saver.list({"configurable": {"thread_id": one}})) for one in thread_ids}
    return {one: int(found.get(one, 0)) for one in thread_ids}


def why_not(saver: BaseCheckpointSaver[Any], thread_ids: Sequence[str], *, keep_latest: bool) -> dict[str, str]:
    """The threads that cannot be pruned like that, each with the reason."""
    if why := can_keep_latest(saver) if keep_latest else can_delete(saver):
        return dict.fromkeys(thread_ids, why)
    if not keep_latest:
        return {}
    if isinstance(saver, PostgresSaver):
        with saver._cursor() as cursor:
            rows = cursor.execute(PRUNE_DELTA_THREADS_SQL, (list(thread_ids), list(thread_ids)), prepare=False)
            return {row["thread_id"]: DELTA for row in rows}
    if isinstance(saver, SqliteSaver):
        found = {one: why_not_in_sqlite(saver, one) for one in thread_ids}
        return {one: why for one, why in found.items() if why}
    return {}


def prune(saver: BaseCheckpointSaver[Any], thread_ids: Sequence[str], *, keep_latest: bool) -> None:
    """May be repeated: what is gone stays gone. Raises CannotPrune."""
    if isinstance(saver, PostgresSaver):
        saver.prune(thread_ids, strategy="keep_latest" if keep_latest else "delete")
        return
    for thread_id in thread_ids:
        if not keep_latest:
            _delete(saver, thread_id)
        elif isinstance(saver, SqliteSaver):
            keep_latest_in_sqlite(saver, thread_id)
        else:
            _keep_latest(saver, thread_id)


def _delete(saver: BaseCheckpointSaver[Any], thread_id: str) -> None:
    try:
        saver.delete_thread(thread_id)
    except NotImplementedError:
        raise CannotPrune(f"{_name(saver)} cannot delete threads. Remove them with its own tools.") from None


def _keep_latest(saver: BaseCheckpointSaver[Any], thread_id: str) -> None:
    try:
        saver.prune([thread_id], strategy="keep_latest")
    except NotImplementedError:
        raise CannotPrune(NO_LATEST.format(name=_name(saver))) from None


def can_keep_latest(saver: BaseCheckpointSaver[Any]) -> str:
    """Why not, in a sentence; empty when it can."""
    has_own = type(saver).prune is not BaseCheckpointSaver.prune
    return "" if has_own or isinstance(saver, SqliteSaver) else NO_LATEST.format(name=_name(saver))


def can_delete(saver: BaseCheckpointSaver[Any]) -> str:
    has_own = type(saver).delete_thread is not BaseCheckpointSaver.delete_thread
    return "" if has_own else f"{_name(saver)} cannot delete threads. Remove them with its own tools."


def _name(saver: BaseCheckpointSaver[Any]) -> str:
    """Without what Holdpoint puts in front of a saver's class."""
    ours = ("Listening", "Counting", "Measuring", "Sealed")
    kinds = [kind.__name__ for kind in type(saver).__mro__ if not kind.__name__.startswith(ours)]
    return kinds[0]
