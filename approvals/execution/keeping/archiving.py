"""Old threads into files, each read back before anything it holds is removed."""

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from approvals.execution.keeping.choosing import Wanted, eligible
from approvals.execution.keeping.removing import How, Tally, remove
from approvals.execution.keeping.stepping import FEW, Pace, turns
from approvals.models import Thread
from approvals.opened import checkpointer
from chains.checkpointers.archives import BadArchive, Kept, Manifest, Writing, check, each_in, manifests
from chains.checkpointers.opened_rows import Rows, opened_sha256
from chains.checkpointers.rows import Form, form_of, rows_of
from chains.checkpointers.sealing import Sealed
from chains.checkpointers.several import hold_several
from chains.strict import CannotRead

__all__ = ["Archived", "BadArchive", "archive"]

# A file is closed when it has so many threads, or so many bytes before they are packed.
THREADS_PER_FILE = 500
BYTES_PER_FILE = 256 * 1024 * 1024


@dataclass
class Archived:
    """`written` threads in `files`; what was removed after that is in the tally, as is what could not be read."""

    written: int = 0
    files: list[str] = field(default_factory=list)
    removed: Tally = field(default_factory=Tally)


@dataclass(frozen=True)
class Shelf:
    """Where the archive is, and what it has already: the newest file of each thread."""

    directory: Path
    known: dict[str, Manifest]
    # By file and thread: what its rows are once opened, or why they cannot be.
    _opened: dict[str, dict[str, str | CannotRead]] = field(default_factory=dict)
    # By thread: why it could not be written.
    unread: dict[str, str] = field(default_factory=dict)

    @classmethod
    def open(cls, directory: Path) -> "Shelf":
        """Raises BadArchive."""
        found: dict[str, Manifest] = {}
        for manifest in manifests(directory) if directory.exists() else ():
            found.update(dict.fromkeys(manifest.threads, manifest))
        return cls(directory, found)

    def has(self, thread_id: uuid.UUID, active_at: datetime) -> bool:
        """As it is now: nothing has happened to it since."""
        manifest = self.known.get(str(thread_id))
        return manifest is not None and manifest.made > active_at

    def opened(self, thread_id: str, seal: Sealed | None) -> str:
        """Of a thread that is there; each file is read once for all it holds. Raises CannotRead and BadArchive."""
        manifest = self.known[thread_id]
        if manifest.file not in self._opened:
            each = each_in(self.directory, manifest)
            self._opened[manifest.file] = {name: _opened(name, form, rows, seal) for name, form, rows in each}
        found = self._opened[manifest.file][thread_id]
        if isinstance(found, CannotRead):
            raise found
        return found


def archive(
    how: How,
    directory: Path,
    *,
    pace: Pace,
    removes: bool,
    on_turn: Callable[[int, Tally], None] = lambda many, turn: None,
    threads_per_file: int = THREADS_PER_FILE,
) -> Archived:
    """All that is eligible and not in the archive yet; with `removes`, what is in it goes where it came from. May be
    ended at any moment: the next one goes on with what is left. Raises BadArchive and OSError.
    """
    shelf, result = Shelf.open(directory), Archived()
    checked: set[str] = set()
    for thread_ids in _batches(how.wanted, shelf, removes=removes, many=threads_per_file):
        begun = time.monotonic()
        turn = Tally()
        for manifest in _written(shelf, how.wanted, thread_ids):
            result.files.append(manifest.file)
            result.written += len(manifest.threads)
        if removes:
            turn = _remove(shelf, how, thread_ids, checked)
        result.removed.add(turn)
        on_turn(len(thread_ids), turn)
        pace.rest(time.monotonic() - begun)
    result.removed.left |= shelf.unread
    return result


def archive_and_remove(how: How, directory: Path, thread_ids: Sequence[uuid.UUID]) -> Tally:
    """These alone, into a file of their own. Raises BadArchive and OSError."""
    shelf = Shelf.open(directory)
    for _ in _written(shelf, how.wanted, list(thread_ids)):
        pass
    tally = _remove(shelf, how, list(thread_ids), set())
    tally.left |= shelf.unread
    return tally


def _batches(wanted: Wanted, shelf: Shelf, *, removes: bool, many: int) -> Iterator[list[uuid.UUID]]:
    """Without `removes`, the threads that the archive has as they are now are passed by."""
    batch: list[uuid.UUID] = []
    for thread_ids, _ in turns(replace(wanted, keep_latest=wanted.keep_latest or not removes), few=FEW):
        active = dict(Thread.objects.filter(id__in=thread_ids).values_list("id", "last_activity_at"))
        batch += [one for one in thread_ids if removes or not shelf.has(one, active[one])]
        while len(batch) >= many:
            yield batch[:many]
            batch = batch[many:]
    if batch:
        yield batch


def _written(shelf: Shelf, wanted: Wanted, thread_ids: list[uuid.UUID]) -> Iterator[Manifest]:
    """As many files as they need."""
    while (manifest := _write(shelf, wanted, thread_ids)) is not None:
        shelf.known.update(dict.fromkeys(manifest.threads, manifest))
        yield manifest


def _write(shelf: Shelf, wanted: Wanted, thread_ids: list[uuid.UUID]) -> Manifest | None:
    """Those that the archive has not as they are now. None when it has them all, or none could be held."""
    active = dict(Thread.objects.filter(id__in=thread_ids).values_list("id", "last_activity_at"))
    left = [one for one in thread_ids if not shelf.has(one, active[one])]
    if not left:
        return None
    writing = Writing(shelf.directory)
    try:
        for start in range(0, len(left), FEW):
            _add(writing, shelf, wanted, left[start : start + FEW])
            if writing.size > BYTES_PER_FILE:
                break
        if not writing.threads:
            writing.give_up()
            return None
        manifest = writing.finish()
    except BaseException:
        writing.give_up()
        raise
    check(shelf.directory, manifest)
    return manifest


def _add(writing: Writing, shelf: Shelf, wanted: Wanted, thread_ids: list[uuid.UUID]) -> None:
    """While they are held, so that what is written is one moment of each. What cannot be read is left to the shelf."""
    with hold_several(checkpointer(), [str(one) for one in thread_ids]) as several:
        if several is None:
            return
        allowed = set(eligible(wanted, removed_too=True).filter(id__in=several.thread_ids).values_list("id", flat=True))
        form = form_of(several.saver)
        for name in several.thread_ids:
            try:
                rows = list(rows_of(several.saver, name)) if uuid.UUID(name) in allowed else []
            except CannotRead as error:
                shelf.unread[name] = str(error)
                continue
            if rows:
                writing.add(name, form, rows)


def _remove(shelf: Shelf, how: How, thread_ids: list[uuid.UUID], checked: set[str]) -> Tally:
    """What is in the archive, of files that are whole; a thread with nothing to archive has nothing to remove."""
    kept: dict[str, tuple[str, Kept]] = {}
    for name in map(str, thread_ids):
        if manifest := shelf.known.get(name):
            if manifest.file not in checked:
                check(shelf.directory, manifest)
                checked.add(manifest.file)
            kept[name] = (manifest.file, manifest.threads[name])
    tally = Tally()
    for start in range(0, len(thread_ids), FEW):
        few = [one for one in thread_ids[start : start + FEW] if str(one) in kept]
        if few:
            tally.add(remove(few, replace(how, archived=_only(kept, few), opened=shelf.opened)))
    return tally


def _opened(thread_id: str, form: Form, rows: Rows, seal: Sealed | None) -> str | CannotRead:
    try:
        return opened_sha256(thread_id, form, rows, seal)
    except CannotRead as error:
        return error


def _only(kept: Mapping[str, tuple[str, Kept]], thread_ids: Sequence[uuid.UUID]) -> dict[str, tuple[str, Kept]]:
    return {str(one): kept[str(one)] for one in thread_ids}
