"""Sealing with the first key what is saved already, thread by thread, while everything goes on."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass

from approvals.execution.moving_places import NotHere, not_here
from approvals.models import Thread
from approvals.opened import checkpointer
from chains.checkpointers import ThreadBusy
from chains.checkpointers.resealing import CannotReseal, keys_in_use, reseal_thread
from chains.checkpointers.sealing import SealError

__all__ = ["CannotReseal", "NotHere", "Resealed", "SealError", "reseal", "rows_by_key", "threads_to_reseal"]


@dataclass(frozen=True)
class Resealed:
    """`rows` is None when a worker had the thread: it is to be tried again."""

    thread_id: uuid.UUID
    rows: int | None
    error: str = ""


def threads_to_reseal() -> int:
    return Thread.objects.count()


def reseal(*, plain_too: bool) -> Iterator[Resealed]:
    """One for each thread, as it is done. What cannot be opened is left as it is, and said. Raises CannotReseal, and
    NotHere: a key that is in use elsewhere must not look as if nothing needed it.
    """
    for thread_id in Thread.objects.order_by("id").values_list("id", flat=True).iterator(chunk_size=500):
        try:
            with checkpointer().hold(str(thread_id)) as held:
                if why := not_here():
                    raise NotHere(why)
                yield Resealed(thread_id, reseal_thread(held.saver, str(thread_id), plain_too=plain_too))
        except ThreadBusy:
            yield Resealed(thread_id, None)
        except SealError as error:
            yield Resealed(thread_id, 0, str(error))


def rows_by_key() -> dict[str, int]:
    """How many rows each key has sealed; those not sealed are under the empty id. Raises CannotReseal."""
    with checkpointer().read() as reading:
        return keys_in_use(reading.saver)
