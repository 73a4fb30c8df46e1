"""Removing checkpoints of some threads, in an order that survives a kill at any moment.

While their locks are held: a mark in the application's database, then the deletion where the checkpoints are, then the
event. Whoever finds a mark that nobody holds deletes once more, which changes nothing that is gone, and finishes.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from approvals.execution.keeping.choosing import Wanted, eligible
from approvals.execution.moving_places import not_here
from approvals.models import Event, EventKind, Removal, RemovalStatus, Thread
from approvals.models.people import name_of
from approvals.opened import checkpointer, is_together
from chains.checkpointers import MemoryCheckpointer
from chains.checkpointers.archives import Kept
from chains.checkpointers.opened_rows import is_as_kept, seal_of
from chains.checkpointers.pruning import CannotPrune, can_delete, can_keep_latest, counts, prune, why_not
from chains.checkpointers.sealing import Sealed
from chains.checkpointers.several import Several, hold_several
from chains.strict import CannotRead

log = structlog.get_logger(__name__)

BUSY = "A worker has it at this moment."
CHANGED = "It is not what was archived any more."
ELSEWHERE = (
    "Checkpoints in memory:// are in the process that runs workers and pages, and this is another. "
    "They are gone when that ends."
)


class CannotRemove(RuntimeError):
    """The checkpoints cannot be removed like this; the sentence says why."""


@dataclass(frozen=True)
class How:
    """`why` is for the record: the command, or whose retention it was. `archived`, with the name of its file, is what
    each thread must still be; `opened` gives what that is once its seal is opened.
    """

    wanted: Wanted
    why: str
    by: User | None = None
    archived: Mapping[str, tuple[str, Kept]] = field(default_factory=dict)
    opened: Callable[[str, Sealed | None], str] = lambda thread_id, seal: ""


@dataclass
class Tally:
    """`left` are the threads that were not touched, each with the reason."""

    threads: int = 0
    checkpoints: int = 0
    left: dict[str, str] = field(default_factory=dict)

    def add(self, other: "Tally") -> None:
        self.threads += other.threads
        self.checkpoints += other.checkpoints
        self.left |= other.left


def require_here() -> None:
    """Raises CannotRemove when the checkpoints are in another process's memory, were moved, or are being moved."""
    if isinstance(checkpointer(), MemoryCheckpointer) and not is_together():
        raise CannotRemove(ELSEWHERE)
    if why := not_here():
        raise CannotRemove(why)


def require_able(*, keep_latest: bool) -> None:
    """Raises CannotRemove when these checkpoints cannot be removed like that from here."""
    require_here()
    with checkpointer().read() as reading:
        why = can_keep_latest(reading.saver) if keep_latest else can_delete(reading.saver)
    if why:
        raise CannotRemove(why)


def remove(thread_ids: Sequence[uuid.UUID], how: How) -> Tally:
    """Those that are still eligible once they are held. Call with few at a time: others wait while they are."""
    names = [str(thread_id) for thread_id in thread_ids]
    tally = Tally()
    with hold_several(checkpointer(), names) as several:
        held = several.thread_ids if several else []
        tally.left = {name: BUSY for name in names if name not in set(held)}
        if several is not None:
            _remove_held(several, how, tally)
    return tally


def complete() -> Tally:
    """Finish what a process left that was killed."""
    tally = Tally()
    marked = list(Removal.objects.half_done().order_by("thread_id").values_list("thread_id", flat=True)[:500])
    for start in range(0, len(marked), 50):
        with hold_several(checkpointer(), [str(thread_id) for thread_id in marked[start : start + 50]]) as several:
            # A mark that is found here is one that a move waits for.
            if several is None or not_here():
                continue
            found = Removal.objects.half_done().filter(thread_id__in=several.thread_ids)
            for keeps_latest in (True, False):
                rows = list(found.filter(keeps_latest=keeps_latest))
                _delete(several, rows, tally, keep_latest=keeps_latest)
    if tally.threads:
        log.warning("removals finished that a process had left", threads=tally.threads)
    return tally


def _remove_held(several: Several, how: How, tally: Tally) -> None:
    keep_latest = how.wanted.keep_latest
    tally.left |= why_not(several.saver, several.thread_ids, keep_latest=keep_latest)
    tally.left |= _changed(several, how)
    chosen = [name for name in several.thread_ids if name not in tally.left]
    there = counts(several.saver, chosen)
    rows, why = _mark(chosen, there, how)
    tally.left |= dict.fromkeys(set(chosen) - {str(row.thread_id) for row in rows}, why or "It is no longer eligible.")
    _delete(several, rows, tally, keep_latest=keep_latest)


def _changed(several: Several, how: How) -> dict[str, str]:
    found = {}
    for name, (_, kept) in how.archived.items():
        if name not in several.thread_ids:
            continue
        opened = partial(how.opened, name, seal_of(several.saver))
        try:
            if not is_as_kept(several.saver, name, kept.form, kept.sha256, opened):
                found[name] = CHANGED
        except CannotRead as error:
            found[name] = str(error)
    return found


def _mark(names: list[str], there: Mapping[str, int], how: How) -> tuple[list[Removal], str]:
    """Under the rows' locks, since a message may have come in before the thread was held. With the reason when it is
    not for us to remove any.
    """
    with transaction.atomic():
        list(Thread.objects.select_for_update().filter(id__in=names).order_by("id").values_list("id"))
        if why := not_here():
            return [], why
        ids = eligible(how.wanted).filter(id__in=names).values_list("id", flat=True)
        rows = [
            Removal(
                thread_id=thread_id,
                keeps_latest=how.wanted.keep_latest,
                checkpoints=there[str(thread_id)],
                by=how.by,
                by_name=name_of(how.by),
                why=how.why[:300],
                archive=how.archived[str(thread_id)][0] if str(thread_id) in how.archived else "",
                marked_at=Now(),
            )
            for thread_id in ids
        ]
        told = ("status", "keeps_latest", "checkpoints", "removed", "by", "by_name", "why", "archive")
        fields = [*told, "marked_at", "finished_at"]
        Removal.objects.bulk_create(rows, update_conflicts=True, unique_fields=["thread"], update_fields=fields)
        return rows, ""


def _delete(several: Several, rows: list[Removal], tally: Tally, *, keep_latest: bool) -> None:
    if not rows:
        return
    names = [str(row.thread_id) for row in rows]
    several.ask()
    try:
        prune(several.saver, names, keep_latest=keep_latest)
    except CannotPrune as error:  # it said so before it deleted anything
        Removal.objects.filter(thread_id__in=names).delete()
        tally.left |= dict.fromkeys(names, str(error))
        return
    left = counts(several.saver, names)
    for row in rows:
        row.removed = max(0, row.checkpoints - left[str(row.thread_id)])
    _finish(rows)
    tally.threads += len(rows)
    tally.checkpoints += sum(row.removed for row in rows)


def _finish(rows: list[Removal]) -> None:
    """A thread of which nothing went gets no line in the record."""
    with transaction.atomic():
        threads = {
            thread.id: thread
            for thread in Thread.objects.select_for_update()
            .annotate(clock=Now())
            .filter(id__in=[row.thread_id for row in rows])
            .order_by("id")
        }
        for row in rows:
            thread = threads[row.thread_id]
            thread.now = vars(thread)["clock"]
            row.status, row.finished_at = RemovalStatus.DONE, thread.now
            if row.removed:
                told = {"removed": row.removed, "kept_latest": row.keeps_latest, "why": row.why}
                told |= {"archive": row.archive} if row.archive else {}
                Event.append(thread, EventKind.CHECKPOINTS_REMOVED, by=row.by, **told)
        Removal.objects.bulk_update(rows, ["status", "finished_at", "removed"])
