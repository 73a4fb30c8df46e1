"""Moving all checkpoints elsewhere: thread by thread while workers work, then the rest of it while they wait.

Workers write a thread only while they hold it, and only after asking `may_take_up` then. The last pass closes that
door first and then holds every thread that has changed since it was copied, so it sees all that was written; the door
is opened again with the new place on it, and only workers that are set to it go in.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection, transaction
from langgraph.checkpoint.base import BaseCheckpointSaver

from approvals.execution.moving_places import OWN, name_of, place_of, setting_for
from approvals.models import CheckpointPlace, CopiedThread, Event, EventKind, Interrupt, Thread
from approvals.opened import checkpointer, open_at, place, serde
from chains.checkpointers import BadPlace, Checkpointer, Kind, Place, ThreadBusy
from chains.checkpointers.copying import CannotCopy, copy_thread, has_thread, heads, thread_ids

__all__ = [
    "REFUSALS",
    "CannotMove",
    "Place",
    "Progress",
    "move",
    "name_of",
    "place_of",
    "rename",
    "reopen",
    "setting_for",
]

MOVE_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('holdpoint:move', 0))"
MOVE_UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('holdpoint:move', 0))"
# On the connection that holds the thread: one that was cut off must not say that it is done.
IS_WHOLE = """
UPDATE approvals_copiedthread SET copied_at = clock_timestamp() WHERE target = %s AND thread_id = %s RETURNING id
"""
Tell = Callable[[str], None]


class CannotMove(RuntimeError):
    """The checkpoints stay where they are; the sentence says why, and what to do."""


REFUSALS = (BadPlace, CannotCopy, CannotMove)


@dataclass
class Progress:
    """`busy` are threads that a worker held; `orphans` belong to no request of Holdpoint's."""

    threads: int = 0
    checkpoints: int = 0
    writes: int = 0
    busy: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)

    def __add__(self, later: "Progress") -> "Progress":
        """Who was busy before is not by now."""
        return Progress(
            threads=self.threads + later.threads,
            checkpoints=self.checkpoints + later.checkpoints,
            writes=self.writes + later.writes,
            busy=later.busy,
            orphans=later.orphans,
        )


def move(
    source: Place, target: Place, *, orphans: bool = False, switch: bool = False, patience: float = 60, tell: Tell
) -> Progress:
    """May be killed at any moment and begun again. With `switch`, workers wait while the rest is copied, and from then
    on only those that are set to `target` work. Raises CannotMove, CannotCopy, and what the stores raise.
    """
    with _alone():
        _require_movable(source, target)
        first, second = open_at(source, serde()), open_at(target, serde())
        try:
            second.set_up(patience=patience)
            mover = Mover(first, second, name_of(target), orphans)
            progress = mover.copy_all(patience=0, tell=tell)
            if switch:
                progress = progress + _switch(mover, source, patience, tell)
        finally:
            first.close()
            second.close()
    return progress


def reopen() -> None:
    """After a move that was killed while workers waited: let them go on where they were."""
    with _alone():
        CheckpointPlace.change(is_closed=False)


def rename() -> str:
    """The place that checkpoints are in is called otherwise now: it has another host, port, path or option. Returns the
    new name. Raises CannotMove when what questions wait at is not there, since then it is another place.
    """
    with _alone():
        before, now = CheckpointPlace.required(), name_of(place())
        if before in ("", now):
            return now
        if CopiedThread.objects.filter(target=now).exists():
            raise CannotMove(f"What is in {now} is a copy, not what is used. {setting_for(before)}.")
        _require_questions()
        with transaction.atomic():
            CheckpointPlace.change(name=now)
            told: dict[str, Any] = {"from": before, "to": now, "threads": 0, "renamed": True}
            Event.append_for_desk(EventKind.CHECKPOINTS_MOVED, **told)
    return now


def _require_questions() -> None:
    with checkpointer().read() as reading:
        for asked in Interrupt.objects.open().order_by("created_at").iterator(chunk_size=500):
            wanted = {"thread_id": str(asked.thread_id), "checkpoint_ns": "", "checkpoint_id": asked.checkpoint_id}
            if reading.saver.get_tuple({"configurable": wanted}) is None:
                raise CannotMove(
                    f"It is another place: checkpoint {asked.checkpoint_id} of thread {asked.thread_id}, which a "
                    f"question waits at, is not in {name_of(place())}. Move them there with --from and --to."
                )


@dataclass
class Mover:
    source: Checkpointer
    target: Checkpointer
    name: str
    orphans: bool

    def copy_all(self, *, patience: float, tell: Tell) -> Progress:
        """What is not whole in the target, or is there and no longer in the source. A thread that is held is waited
        for, as long as all of them together may take; without patience, it is left for later.
        """
        progress, deadline = Progress(), time.monotonic() + patience
        todo = self._todo(progress)
        for number, thread_id in enumerate(todo, 1):
            if self._copy(thread_id, progress, deadline) and (number % 100 == 0 or number == len(todo)):
                tell(f"{number} of {len(todo)} threads")
        return progress

    def _todo(self, progress: Progress) -> list[str]:
        whole = set(CopiedThread.objects.whole(self.name).values_list("thread_id", flat=True))
        ours = {str(thread_id) for thread_id in Thread.objects.values_list("id", flat=True)}
        with self.source.read() as reading:
            found, here = thread_ids(reading.saver), heads(reading.saver)
        with self.target.read() as reading:
            there = heads(reading.saver)
        progress.orphans = [thread_id for thread_id in found if thread_id not in ours]
        asked = [thread_id for thread_id in found if thread_id in ours or self.orphans]
        if here is not None and there is not None:
            whole = {thread_id for thread_id in whole if here.get(thread_id) == there.get(thread_id)}
        copied = CopiedThread.objects.filter(target=self.name).values_list("thread_id", flat=True)
        gone = set(copied).difference(found)
        return [*(thread_id for thread_id in asked if thread_id not in whole), *sorted(gone)]

    def _copy(self, thread_id: str, progress: Progress, deadline: float) -> bool:
        while True:
            with contextlib.suppress(ThreadBusy):
                with self.source.hold(thread_id) as held:
                    is_there = self._copy_held(held.saver, thread_id, progress)
                    if is_there and held.write(IS_WHOLE, self.name, thread_id) is None:
                        raise CannotMove("Somebody has forgotten this move. Begin it again.")
                return True
            if time.monotonic() > deadline:
                progress.busy.append(thread_id)
                return False
            time.sleep(0.05)

    def _copy_held(self, saver: BaseCheckpointSaver[Any], thread_id: str, progress: Progress) -> bool:
        """False when there is nothing of it, any more, in either."""
        with self.target.read() as reading:
            known = CopiedThread.objects.filter(target=self.name, thread_id=thread_id).exists()
            if not known and has_thread(reading.saver, thread_id):
                raise CannotMove(
                    f"There are other checkpoints of thread {thread_id} in the target already. Use an empty one."
                )
            CopiedThread.objects.get_or_create(target=self.name, thread_id=thread_id)
            copied = copy_thread(saver, reading.saver, thread_id)
        if not any(copied):
            CopiedThread.objects.filter(target=self.name, thread_id=thread_id).delete()
            return False
        progress.threads += 1
        progress.checkpoints += copied.checkpoints
        progress.writes += copied.writes
        return True


def _switch(mover: Mover, source: Place, patience: float, tell: Tell) -> Progress:
    CheckpointPlace.change(is_closed=True)
    try:
        tell("Workers wait; what has changed meanwhile is copied.")
        progress = mover.copy_all(patience=patience, tell=tell)
        if progress.busy:
            raise CannotMove(f"A worker would not end its work on {progress.busy[0]}. Wait for it, then begin again.")
        _record_move(mover.name, name_of(source))
    except BaseException:
        CheckpointPlace.change(is_closed=False)
        raise
    return progress


def _record_move(to: str, source: str) -> None:
    """What the old place has is a stale copy from now on, which a move back may replace."""
    with transaction.atomic():
        moved = CopiedThread.objects.filter(target=to)
        CopiedThread.objects.filter(target=source).delete()
        count = moved.update(target=source, copied_at=None)
        CheckpointPlace.change(name=to, is_closed=False)
        told: dict[str, Any] = {"from": source, "to": to, "threads": count}
        Event.append_for_desk(EventKind.CHECKPOINTS_MOVED, **told)


def _require_movable(source: Place, target: Place) -> None:
    for found in (source, target):
        if found.kind is Kind.MEMORY:
            raise CannotMove("memory:// is inside another process, which nothing can be moved out of or into.")
    live = CheckpointPlace.required() or name_of(place())
    if name_of(target) == live:
        raise CannotMove(f"The checkpoints are in {live} already. {setting_for(live)}, if it is not so.")
    if name_of(source) != live:
        raise CannotMove(f"The checkpoints are in {live}, not in {name_of(source)}. Move them from there.")
    if {source.kind, target.kind} == {Kind.OWN, Kind.POSTGRES} and _are_same(source, target):
        raise CannotMove(f"Both are the application's own database. Name another one, or {OWN}?schema.")


def _are_same(*places: Place) -> bool:
    (address,) = [found for found in places if found.kind is Kind.POSTGRES]
    own = connection.settings_dict
    named = f"postgresql://{own['HOST'] or 'None'}:{own['PORT'] or 5432}/{own['NAME']}"
    return name_of(address) == named


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(MOVE_LOCK)
        if not cursor.fetchone()[0]:
            raise CannotMove("The checkpoints are being moved by another process. Wait for that.")
        try:
            yield
        finally:
            cursor.execute(MOVE_UNLOCK)
