"""Lines of the record as the database has them, read so that nothing in them can stop who checks them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db import connection, models, transaction
from django.db.models import DateTimeField, F, Func, JSONField, TextField
from django.db.models.functions import Cast

from approvals.models import Event, sealing
from approvals.models.event import DESK

AT_ONCE = 2_000
# Of a checker that waits, say for a terminal; it keeps nobody from working.
_PATIENCE = "SET LOCAL idle_in_transaction_session_timeout = '10min'"


@dataclass(frozen=True)
class Line:
    """`text` is the JSON of its data, `at` its time, both as text: an absurd value must be found, not raise."""

    thread: uuid.UUID
    seq: int
    kind: str
    actor_id: int | None
    actor_name: str
    text: str
    at: str
    previous_mac: str
    mac: str

    @cached_property
    def data(self) -> Any:
        """Raises Unreadable."""
        return sealing.read_kept(self.text)

    def says(self, name: str) -> Any:
        """What its data says under this name, or None."""
        return self.data.get(name) if isinstance(self.data, dict) else None

    @property
    def sealed_text(self) -> str:
        return sealing.line_text(
            thread_id=self.thread,
            seq=self.seq,
            kind=self.kind,
            actor_id=self.actor_id,
            actor_name=self.actor_name,
            data=self.data,
            at=self.at,
            previous_mac=self.previous_mac,
        )


@dataclass(frozen=True)
class Finding:
    """What is wrong, and where: a line of a thread, or the thread as a whole."""

    thread: uuid.UUID
    line: int | None
    wrong: str

    def __str__(self) -> str:
        place = "the desk" if self.thread == DESK else f"thread {self.thread}"
        return f"{place}, line {self.line}: {self.wrong}" if self.line is not None else f"{place}: {self.wrong}"


@contextmanager
def one_moment() -> Iterator[None]:
    """Everything read inside is as of one moment, while others go on writing."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if is_outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            cursor.execute(_PATIENCE)
        yield


def stored_lines(thread: uuid.UUID | None = None) -> Iterator[Line]:
    """Thread by thread, each in its order; a million of them take the memory of a few thousand."""
    lines = Event.objects.all() if thread is None else Event.objects.filter(thread_id=thread)
    columns = ("thread_id", "seq", "kind", "actor_id", "actor_name", "data", "at", "previous_mac", "mac")
    rows = texts_of(lines, columns).order_by("thread_id", "seq").iterator(chunk_size=AT_ONCE)
    return (Line(*row) for row in rows)


def texts_of(rows: "models.QuerySet[Any]", columns: tuple[str, ...]) -> "models.QuerySet[Any, Any]":
    """Tuples of these columns and annotations, with JSON and times as text."""
    fields = {field.attname: field for field in rows.model._meta.concrete_fields}
    shown = {f"_{name}": _as_text(fields.get(name), name) for name in columns}
    found: models.QuerySet[Any, Any] = rows.annotate(**shown).values_list(*shown)
    return found


def _as_text(field: Any, name: str) -> Any:
    if isinstance(field, JSONField):
        return Cast(name, TextField())
    if isinstance(field, DateTimeField):
        return Func(F(name), function="to_char", template=_MOMENT, output_field=TextField())
    return F(name)


# As sealing.moment_text writes it.
_MOMENT = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"+00:00\"')"
