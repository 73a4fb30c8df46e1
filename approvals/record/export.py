"""Taking lines of the record out, as CSV or JSON Lines. That it was done is a line of the record, too."""

import csv
import io
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any, BinaryIO

from django.contrib.auth.models import User
from django.db import transaction

from approvals.models import Event, EventKind
from approvals.record.cells import safe_cell
from approvals.record.lines import AT_ONCE, one_moment
from approvals.record.narrowing import Narrowing

COLUMNS = (
    "thread", "line", "at", "kind", "person", "person_id", "chain", "title", "data", "previous_mac", "mac",
)  # fmt: skip


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Exported:
    """`sha256` is that of the file, so that the record can tell later which file it was."""

    rows: int
    sha256: str


def export(to: BinaryIO, format: Format, narrowing: Narrowing, *, by: User | None = None) -> Exported:
    """Writes the file, then notes in the record who took out what. A caller gives nothing away before this returns."""
    hasher, rows = sha256(), 0
    heading, written = WRITERS[format]
    with one_moment():
        for text in itertools.chain([heading], map(written, _rows(narrowing))):
            line = text.encode()
            hasher.update(line)
            to.write(line)
            rows += 1
    exported = Exported(rows - 1, hasher.hexdigest())
    with transaction.atomic():
        Event.append_for_desk(
            EventKind.RECORD_EXPORTED,
            by=by,
            format=format.value,
            filters=narrowing.kept,
            rows=exported.rows,
            sha256=exported.sha256,
        )
    return exported


@contextmanager
def whole_file(path: Path | None, *, otherwise: Any) -> Iterator[BinaryIO]:
    """A file that is there under its name only when it is whole; without a name, what it holds is written out then.

    Raises FileExistsError rather than write over one.
    """
    if path is None:
        with tempfile.TemporaryFile() as file:
            yield file
            file.seek(0)
            for line in io.TextIOWrapper(file, encoding="utf-8", newline=""):
                otherwise.write(line, ending="")
        return
    if path.exists():
        raise FileExistsError(f"{path} is there already. Name a file that is not.")
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)


def _csv(row: dict[str, Any]) -> str:
    data = json.dumps(row["data"], ensure_ascii=False).replace(";", "\\u003b").replace("|", "\\u007c")
    return _csv_line([safe_cell(str(value)) for value in {**row, "data": data}.values()])


def _csv_line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow(cells)
    return line.getvalue()


def _jsonl(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _rows(narrowing: Narrowing) -> Iterator[dict[str, Any]]:
    """Oldest first; each thread's lines are in their order."""
    lines = narrowing.lines(Event.objects.all()).order_by("id").values_list(
        "thread_id", "seq", "at", "kind", "actor_name", "actor_id", "thread__chain", "thread__title", "data",
        "previous_mac", "mac",
    )  # fmt: skip
    for values in lines.iterator(chunk_size=AT_ONCE):
        row = dict(zip(COLUMNS, values, strict=True))
        known = {name: "" if row[name] is None else row[name] for name in ("person_id", "chain", "title")}
        yield {**row, **known, "thread": str(row["thread"]), "at": row["at"].isoformat()}


# By format: the first line, and how each row is written.
WRITERS: dict[Format, tuple[str, Callable[[dict[str, Any]], str]]] = {
    Format.CSV: (_csv_line(COLUMNS), _csv),
    Format.JSONL: ("", _jsonl),
}
