"""The rows that the record is about, as they are now: questions, votes, decisions and comments of some threads."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import BinaryField, F, Func, JSONField, TextField, Value
from django.db.models.functions import Cast

from approvals.models import Comment, Decision, Interrupt, Vote, sealing
from approvals.models.facts import HELD
from approvals.models.sealing import Unreadable
from approvals.record.lines import texts_of

AT_ONCE = 500


@dataclass(frozen=True)
class Row:
    """`held` is what may never change; JSON in it is still text. `also` moves on, or follows from the rest."""

    model: type[Any]
    held: dict[str, Any]
    also: dict[str, Any]

    @cached_property
    def digest(self) -> str | None:
        """As facts.digest_of made it when the row was new; None when the row can no longer be read."""
        json_names = {field.attname for field in self.model._meta.concrete_fields if isinstance(field, JSONField)}
        try:
            return sealing.digest({name: _plain(value, name in json_names) for name, value in self.held.items()})
        except Unreadable:
            return None

    def __getitem__(self, name: str) -> Any:
        return self.held[name] if name in self.held else self.also[name]


def questions_of(threads: Collection[uuid.UUID]) -> Iterator[Row]:
    """`hash` is that of the bytes as they are stored now."""
    rows = Interrupt.objects.filter(thread_id__in=threads).annotate(hash=_digest(F("payload")))
    return _rows(Interrupt, rows, ("status", "escalated_to", "hash"))


def votes_of(threads: Collection[uuid.UUID]) -> Iterator[Row]:
    rows = Vote.objects.filter(interrupt__thread_id__in=threads).order_by("interrupt_id", "reviewer_id", "number")
    return _rows(Vote, rows.annotate(thread=F("interrupt__thread_id")), ("thread",))


def decisions_of(threads: Collection[uuid.UUID]) -> Iterator[Row]:
    rows = Decision.objects.filter(interrupt__thread_id__in=threads)
    also = ("thread", "applied_at", "voided_at", "void_reason")
    return _rows(Decision, rows.annotate(thread=F("interrupt__thread_id")), also)


def comments_of(threads: Collection[uuid.UUID]) -> Iterator[Row]:
    """`text_sha256` is that of the text as it is stored now."""
    stored = Func(F("text"), Value("UTF8"), function="convert_to", output_field=BinaryField())
    rows = Comment.objects.filter(thread_id__in=threads).order_by("thread_id", "at", "id")
    columns = ("id", "thread_id", "author_id", "author_name", "told", "at", "text_sha256")
    for values in texts_of(rows.annotate(text_sha256=_digest(stored)), columns).iterator(chunk_size=AT_ONCE):
        yield Row(Comment, dict(zip(columns, values, strict=True)), {})


def _digest(stored: Any) -> Any:
    """SHA-256 in hex, made where the bytes are."""
    found = Func(Func(stored, function="sha256"), template="encode(%(expressions)s, 'hex')")
    return Cast(found, TextField())


def _rows(model: type[Any], rows: Any, also: tuple[str, ...]) -> Iterator[Row]:
    names = HELD[model._meta.label]
    columns = (*names, *also)
    for values in texts_of(rows, columns).iterator(chunk_size=AT_ONCE):
        found = dict(zip(columns, values, strict=True))
        yield Row(model, {name: found[name] for name in names}, {name: found[name] for name in also})


def _plain(value: Any, is_json: bool) -> Any:
    if is_json and value is not None:
        return sealing.read_kept(value)
    return str(value) if isinstance(value, uuid.UUID) else value
