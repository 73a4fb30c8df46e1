"""Whether all that is kept can be read, and all that should be there is."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import QuerySet
from langgraph.channels import BinaryOperatorAggregate, LastValue
from langgraph.checkpoint.base import BaseCheckpointSaver

from approvals.models import Interrupt, Removal, RemovalStatus, Thread, ThreadStatus
from approvals.opened import checkpointer, compiled, is_together
from chains.checkpointers import MemoryCheckpointer
from chains.checkpointers.decoding import decode
from chains.registry import BrokenChain, Graph, UnknownChain

NOTHING = "There are no checkpoints, though the thread {status} and nobody removed them. Restore a backup."
NO_CHAIN = "Its chain cannot be used, so its types cannot be told from others: {why}"
HAD_SOME = {ThreadStatus.PAUSED: "waits for review", ThreadStatus.DONE: "is done"}


@dataclass(frozen=True)
class Trouble:
    thread_id: uuid.UUID
    why: str
    namespace: str = ""
    checkpoint_id: str = ""
    channel: str = ""


class Elsewhere(RuntimeError):
    """Checkpoints in memory:// are in the process that runs workers and pages, and this is another."""


def threads_to_verify(*, since: datetime | None = None, thread_id: uuid.UUID | None = None) -> "QuerySet[Thread]":
    found = Thread.objects.order_by("id")
    if since is not None:
        found = found.filter(last_activity_at__gte=since)
    return found if thread_id is None else found.filter(id=thread_id)


def verify(threads: "QuerySet[Thread]", *, on_thread: Callable[[int], None]) -> Iterator[Trouble]:
    """Reads everything; `on_thread` hears how many checkpoints each thread has. Raises Elsewhere."""
    if isinstance(checkpointer(), MemoryCheckpointer) and not is_together():
        raise Elsewhere(Elsewhere.__doc__)
    after = uuid.UUID(int=0)
    while page := list(threads.filter(id__gt=after)[:100]):
        for thread in page:
            with checkpointer().read() as reading:
                count, troubles = _verify(thread, reading.saver, reading.graphs)
            yield from troubles
            on_thread(count)
        after = page[-1].id


def _verify(thread: Thread, saver: BaseCheckpointSaver[Any], graphs: dict[str, Any]) -> tuple[int, list[Trouble]]:
    troubles: list[Trouble] = []
    graph: Graph | None = None
    try:
        graph = compiled(thread.chain, saver, graphs)
    except (BrokenChain, UnknownChain) as error:
        troubles.append(Trouble(thread.id, NO_CHAIN.format(why=error)))
    own = graph.checkpointer if graph is not None else None
    serde = own.serde if isinstance(own, BaseCheckpointSaver) else None
    found = decode(saver, str(thread.id), serde=serde, lasting=_lasting(graph))
    troubles += [Trouble(thread.id, wrong.why, *wrong[:3]) for wrong in found.wrong]
    if not found.checkpoints and not _is_rightly_empty(thread):
        troubles.append(Trouble(thread.id, NOTHING.format(status=HAD_SOME.get(_status(thread), "was under way"))))
    return found.checkpoints, troubles


def _is_rightly_empty(thread: Thread) -> bool:
    """Nothing was saved yet, or it was removed. A worker may have begun since the thread's row was read."""
    removal = Removal.objects.of(thread)
    if removal is not None and (removal.is_total or removal.status == RemovalStatus.MARKED):
        return True
    was_asked = Interrupt.objects.filter(thread=thread).exists()
    return not was_asked and _status(thread) not in HAD_SOME


def _status(thread: Thread) -> ThreadStatus:
    return ThreadStatus(thread.status)


def _lasting(graph: Graph | None) -> Callable[[str], frozenset[str]]:
    """Channels of the state never lose their value; those that LangGraph steps with do."""

    @lru_cache
    def lasting(namespace: str) -> frozenset[str]:
        found: Any = graph
        with suppress(ValueError, KeyError, StopIteration):
            for part in namespace.split("|") if namespace and graph is not None else ():
                found = dict(found.get_subgraphs())[part.partition(":")[0]] if found is not None else None
        channels = found.channels if found is not None else {}
        kept = (LastValue, BinaryOperatorAggregate)
        return frozenset(name for name, channel in channels.items() if type(channel) in kept)

    return lasting
