"""Bringing threads back from the archive."""

import contextlib
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from langgraph.checkpoint.base import BaseCheckpointSaver

from approvals.execution.moving_places import not_here
from approvals.models import Event, EventKind, Removal, RemovalStatus, Thread
from approvals.opened import checkpointer
from chains.checkpointers import ThreadBusy
from chains.checkpointers.archives import BadArchive, Kept, Manifest, check, manifests, rows_in
from chains.checkpointers.held import Held
from chains.checkpointers.opened_rows import Rows, as_written, is_as_kept, opened_sha256, seal_of
from chains.checkpointers.pruning import CannotPrune, prune
from chains.checkpointers.rows import CannotPut, put_rows, rows_of
from chains.strict import CannotRead

__all__ = ["BadArchive", "CannotReturn", "bring_back", "in_archive"]

THERE = "It has checkpoints already. Remove those first, with manage.py checkpoints prune --all --thread {thread}."
DIFFERENT = (
    "What came back was not what the archive has, so it was taken out again. These checkpoints are kept in another way "
    "than then: bring them back where they came from, and take them over with manage.py checkpoints move."
)
STAYS = "Only a part of it came back, or not as the archive has it, and that could not be taken out again. {why}"


class CannotReturn(RuntimeError):
    """This thread was not brought back; the sentence says why, and what to do."""


def in_archive(directory: Path) -> dict[str, Manifest]:
    """The newest file of each thread. Raises BadArchive."""
    return {thread_id: manifest for manifest in manifests(directory) for thread_id in manifest.threads}


def bring_back(thread_id: str, directory: Path, manifest: Manifest, *, by: User | None = None) -> int:
    """How many checkpoints came back. May be repeated after a kill. Raises CannotReturn and BadArchive."""
    if not Thread.objects.filter(id=thread_id).exists():
        raise CannotReturn("This installation has no such request. Its record has to be there first.")
    check(directory, manifest)
    kept = manifest.threads[thread_id]
    rows = rows_in(directory, manifest, thread_id)
    try:
        with checkpointer().hold(thread_id) as held, _staying():
            if not _is_there(held.saver, thread_id, kept, rows):
                _require_none(held, thread_id)
                _put(held, thread_id, kept, rows)
            _record(thread_id, manifest, kept.checkpoints, by)
    except ThreadBusy:
        raise CannotReturn("A worker has it at this moment. Try again.") from None
    except (CannotPut, CannotRead) as error:
        raise CannotReturn(str(error)) from error
    return kept.checkpoints


@contextlib.contextmanager
def _staying() -> Iterator[None]:
    """Nobody moves the checkpoints elsewhere meanwhile, since what is on its way back would not be seen."""
    with transaction.atomic():
        if why := not_here():
            raise CannotReturn(why)
        yield


def _is_there(saver: BaseCheckpointSaver[Any], thread_id: str, kept: Kept, rows: Rows) -> bool:
    opened = partial(opened_sha256, thread_id, kept.form, rows, seal_of(saver))
    return is_as_kept(saver, thread_id, kept.form, kept.sha256, opened)


def _require_none(held: Held, thread_id: str) -> None:
    """Where all was removed, what is there is a part that a process left that was killed while it brought it back."""
    if next(iter(rows_of(held.saver, thread_id)), None) is None:
        return
    total = Removal.objects.filter(thread_id=thread_id, status=RemovalStatus.DONE, keeps_latest=False)
    if not total.exists():
        raise CannotReturn(THERE.format(thread=thread_id))
    _take_out(held, thread_id)


def _put(held: Held, thread_id: str, kept: Kept, rows: Rows) -> None:
    """All of it or nothing, so that it can be tried again."""
    written = as_written(held.saver, thread_id, kept.form, rows)
    held.write("SELECT 1")
    try:
        put_rows(held.saver, thread_id, kept.form, written)
        if not _is_there(held.saver, thread_id, kept, rows):
            raise CannotReturn(DIFFERENT)
    except CannotPut:  # before anything was written
        raise
    except Exception:
        _take_out(held, thread_id)
        raise


def _take_out(held: Held, thread_id: str) -> None:
    held.write("SELECT 1")
    try:
        prune(held.saver, [thread_id], keep_latest=False)
    except CannotPrune as error:
        raise CannotReturn(STAYS.format(why=error)) from error


def _record(thread_id: str, manifest: Manifest, checkpoints: int, by: User | None) -> None:
    """Once: a second time there is nothing left that was removed."""
    with transaction.atomic():
        thread = Thread.objects.locked(uuid.UUID(thread_id))
        removals = Removal.objects.filter(thread=thread).exclude(status=RemovalStatus.RETURNED)
        if removals.update(status=RemovalStatus.RETURNED, finished_at=Now()):
            Event.append(thread, EventKind.CHECKPOINTS_RETURNED, by=by, returned=checkpoints, archive=manifest.file)
