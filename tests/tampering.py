"""Ways to falsify a record for somebody who owns the database. Each returns the thread, and the line if it is one."""

import hmac
import random
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from django.db import connection, models
from django.db.models import F
from django.db.models.functions import Now

from approvals.models import Comment, Decision, Event, EventKind, Interrupt, Thread, Vote
from approvals.models.event import DESK
from approvals.models.facts import HELD

Place = tuple[uuid.UUID, int | None]
Falsify = Callable[[random.Random], Place]
LINE_COLUMNS = ("thread_id", "seq", "kind", "actor_id", "actor_name", "data", "at", "previous_mac", "mac")
CHANGES_OF_DATA = (
    "data || '{\"forged\": 1}'",
    "data || '{\"forged\": 1.00}'",
    "data || '{\"forged\": 1e400}'",
    "data || '{\"forged\": 1e-400}'",
    "data - (SELECT name FROM jsonb_object_keys(data) AS name LIMIT 1)",
    "jsonb_build_array(data)",
)
ROW_KEYS = {"id", "thread_id", "interrupt_id"}


def without_rules() -> None:
    """Triggers and foreign keys are off to the end of the transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")


def _line(pick: random.Random, *, not_last: bool = False) -> Event:
    lines = Event.objects.exclude(thread_id=DESK)
    found = pick.choice(list(lines.order_by("id")))
    last = lines.filter(thread_id=found.thread_id).order_by("-seq")[0]
    return _line(pick, not_last=True) if not_last and last == found else found


def change_a_line(pick: random.Random) -> Place:
    line = _line(pick, not_last=True)
    column = pick.choice(LINE_COLUMNS)
    value = _another(pick, Event, column, getattr(line, column))
    if column == "seq":
        value = Event.objects.filter(thread_id=line.thread_id).count() + pick.randint(1, 5)
    Event.objects.filter(id=line.id).update(**{column: value})
    return line.thread_id, line.seq + 1 if column in ("seq", "thread_id") else line.seq


def change_data_a_little(pick: random.Random) -> Place:
    """In the database's own JSON: a number made longer without becoming another for who reads it as a float, too."""
    line = _line(pick)
    change = pick.choice(CHANGES_OF_DATA)
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE approvals_event SET data = {change} WHERE id = %s AND data <> '{{}}'", [line.id])
        changed = cursor.rowcount
    return (line.thread_id, line.seq) if changed else change_data_a_little(pick)


def remove_a_line(pick: random.Random) -> Place:
    line = _line(pick)
    line.delete()
    return line.thread_id, None


def remove_a_record(pick: random.Random) -> Place:
    line = _line(pick)
    Event.objects.filter(thread_id=line.thread_id).delete()
    return line.thread_id, None


def cut_off_the_end(pick: random.Random) -> Place:
    line = _line(pick, not_last=True)
    Event.objects.filter(thread_id=line.thread_id, seq__gt=line.seq).delete()
    return line.thread_id, None


def close_a_gap(pick: random.Random) -> Place:
    """Remove a line, and number the later ones anew."""
    line = _line(pick, not_last=True)
    Event.objects.filter(id=line.id).delete()
    for later in Event.objects.filter(thread_id=line.thread_id, seq__gt=line.seq).order_by("seq"):
        Event.objects.filter(id=later.id).update(seq=F("seq") - 1)
    return line.thread_id, line.seq


def swap_two_lines(pick: random.Random) -> Place:
    line = _line(pick, not_last=True)
    other = Event.objects.get(thread_id=line.thread_id, seq=line.seq + 1)
    Event.objects.filter(id=line.id).update(seq=9_999)
    Event.objects.filter(id=other.id).update(seq=line.seq)
    Event.objects.filter(id=line.id).update(seq=other.seq)
    return line.thread_id, line.seq


def put_in_a_line(pick: random.Random) -> Place:
    """At the end, before the beginning, or copied from elsewhere, sealed with a key of the forger's own."""
    last = Event.objects.filter(thread_id=_line(pick).thread_id).order_by("-seq")[0]
    forged = pick.choice([last, _line(pick)])
    forged.pk, forged.thread_id = None, last.thread_id
    forged.seq, forged.previous_mac = pick.choice([(last.seq + 1, last.mac), (0, "0" * 64), (last.seq + 3, last.mac)])
    forged.kind = EventKind.VOTE_CAST
    forged.mac = hmac.new(b"a key of my own", forged.sealed_text.encode(), sha256).hexdigest()
    forged.save(force_insert=True)
    return last.thread_id, forged.seq


def write_anew_with_another_key(pick: random.Random) -> Place:
    """A whole record, honest in form, by somebody without the key."""
    line, previous = _line(pick), "0" * 64
    for each in Event.objects.filter(thread_id=line.thread_id).order_by("seq"):
        each.previous_mac, each.actor_name = previous, "Somebody else"
        each.mac = previous = hmac.new(b"a key of my own", each.sealed_text.encode(), sha256).hexdigest()
        each.save()
    return line.thread_id, 1


def change_a_question(pick: random.Random) -> Place:
    columns = [*HELD["approvals.Interrupt"], "status"]
    return _change(pick, Interrupt, [name for name in columns if name not in ROW_KEYS])


def change_what_was_asked(pick: random.Random) -> Place:
    """The bytes; half the time with their hash, everywhere it stands in a row."""
    row = pick.choice(list(Interrupt.objects.order_by("id")))
    payload = bytes(row.payload).replace(b"4", b"9", 1) + b" "
    Interrupt.objects.filter(id=row.id).update(payload=payload)
    if pick.random() < 0.5:
        for model, rows in ((Interrupt, {"id": row.id}), (Vote, {"interrupt": row}), (Decision, {"interrupt": row})):
            model.objects.filter(**rows).update(payload_sha256=sha256(payload).hexdigest())
    return row.thread_id, None


def change_a_vote(pick: random.Random) -> Place:
    return _change(pick, Vote, [name for name in HELD["approvals.Vote"] if name not in ROW_KEYS])


def change_a_decision(pick: random.Random) -> Place:
    return _change(pick, Decision, [name for name in HELD["approvals.Decision"] if name not in ROW_KEYS])


def change_a_comment(pick: random.Random) -> Place:
    return _change(pick, Comment, ["text", "author_id", "author_name", "told", "at", "thread_id"])


def remove_or_put_in_a_comment(pick: random.Random) -> Place:
    comment = pick.choice(list(Comment.objects.order_by("id")))
    thread = comment.thread_id
    if pick.random() < 0.5:
        comment.delete()
    else:
        Comment.objects.create(thread_id=thread, author_name="Nobody", text="I agree.")
    return thread, None


def remove_a_row(pick: random.Random) -> Place:
    model: Any = pick.choice([Vote, Decision, Interrupt])
    row = pick.choice(list(model.objects.order_by("id")))
    thread = row.thread_id if model is Interrupt else row.interrupt.thread_id
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {model._meta.db_table} WHERE id = %s", [row.pk])
    return thread, None


def put_in_a_vote(pick: random.Random) -> Place:
    vote = pick.choice(list(Vote.objects.order_by("id")))
    vote.pk, vote.number, vote.is_carried_over = None, 7, pick.random() < 0.5
    vote.reviewer_id, vote.reviewer_name = 999_999, "Nobody"
    vote.save(force_insert=True)
    return vote.interrupt.thread_id, None


def change_a_carried_over_vote(pick: random.Random) -> Place:
    columns = [name for name in HELD["approvals.Vote"] if name not in ROW_KEYS]
    return _change(pick, Vote, columns, is_carried_over=True)


def remove_a_carried_over_vote(pick: random.Random) -> Place:
    vote = pick.choice(list(Vote.objects.filter(is_carried_over=True).order_by("id")))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals_vote WHERE id = %s", [vote.pk])
    return vote.interrupt.thread_id, None


def carry_over_a_vote(pick: random.Random) -> Place:
    """One that was honestly given: twice, or to a question it was not carried over to."""
    vote = pick.choice(list(Vote.objects.order_by("id")))
    vote.interrupt = pick.choice(list(vote.interrupt.thread.interrupts.order_by("asked", "id")))
    vote.pk, vote.number, vote.is_carried_over = None, 7, True
    vote.payload_sha256 = vote.interrupt.payload_sha256
    vote.save(force_insert=True)
    return vote.interrupt.thread_id, None


def void_a_decision(pick: random.Random) -> Place:
    """Or let one that is void stand, or for another reason."""
    decision = pick.choice(list(Decision.objects.filter(applied_at=None).order_by("id")))
    reason = _another_text(pick, decision.void_reason)
    changes: list[dict[str, Any]] = [{"voided_at": None, "void_reason": ""}, {"void_reason": reason}]
    change = pick.choice(changes) if decision.voided_at else {"voided_at": Now()}
    Decision.objects.filter(id=decision.id).update(**change)
    return decision.interrupt.thread_id, None


def escalate_a_question(pick: random.Random) -> Place:
    """Or take it away from whom it was escalated to."""
    question = pick.choice(list(Interrupt.objects.order_by("id")))
    groups = [[*question.escalated_to, "forgers"], *([[]] if question.escalated_to else [])]
    Interrupt.objects.filter(id=question.id).update(escalated_to=pick.choice(groups))
    return question.thread_id, None


def move_a_row(pick: random.Random) -> Place:
    """To another thread: nothing of it changes but where it belongs."""
    row = pick.choice(list(Interrupt.objects.order_by("id")))
    other = pick.choice(list(Thread.objects.exclude(id=row.thread_id).order_by("id")))
    Interrupt.objects.filter(id=row.id).update(thread=other)
    return other.id, None


def remove_a_thread(pick: random.Random) -> Place:
    thread = pick.choice(list(Thread.objects.order_by("id")))
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM approvals_thread WHERE id = %s", [thread.id])
    return thread.id, None


WAYS: tuple[Falsify, ...] = (
    change_a_line, change_a_line, change_data_a_little, remove_a_line, remove_a_record, cut_off_the_end, close_a_gap,
    swap_two_lines, put_in_a_line, write_anew_with_another_key, change_a_question, change_a_question,
    change_what_was_asked, change_a_vote, change_a_decision, remove_a_row, put_in_a_vote, move_a_row, remove_a_thread,
    change_a_comment, remove_or_put_in_a_comment, change_a_carried_over_vote, remove_a_carried_over_vote,
    carry_over_a_vote, void_a_decision, escalate_a_question,
)  # fmt: skip


def _change(pick: random.Random, model: Any, columns: list[str], **rows: Any) -> Place:
    row = pick.choice(list(model.objects.filter(**rows).order_by("id")))
    column = pick.choice(columns)
    model.objects.filter(pk=row.pk).update(**{column: _another(pick, model, column, getattr(row, column))})
    return (row.interrupt.thread_id if hasattr(row, "interrupt") else row.thread_id), None


def _another(pick: random.Random, model: Any, column: str, value: Any) -> Any:
    field = next(field for field in model._meta.concrete_fields if field.attname == column)
    if field.choices:
        allowed = {"verdict": ("approve", "reject", "respond")}.get(column, [choice for choice, _ in field.choices])
        return pick.choice([choice for choice in allowed if choice != value])
    if isinstance(field, models.JSONField):
        return {"forged": pick.random()}
    if isinstance(value, uuid.UUID):
        return uuid.UUID(int=pick.getrandbits(128))
    if isinstance(value, bool):
        return not value
    if isinstance(value, int) or (value is None and column.endswith("_id")):
        return (value or 0) + pick.randint(101, 150)  # no number of another row: unique keys stay in force
    if isinstance(value, datetime):
        return value + timedelta(microseconds=pick.randint(1, 9))
    if isinstance(value, list):
        return [*value, pick.randint(1, 9) if column == "people" else "forgers"]
    return _another_text(pick, value)


def _another_text(pick: random.Random, value: str) -> str:
    return value[:-1] + pick.choice([letter for letter in "0123456789abcdef" if letter != value[-1:]])
