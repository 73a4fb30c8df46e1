"""An honest record verifies, whatever was written into it and whoever has gone since."""

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from approvals.models import Decision, Event, EventKind, Interrupt, Thread, Vote, sealing
from approvals.models.event import DESK
from approvals.models.facts import HELD
from approvals.record.agreement import NO_LINES
from approvals.record.checking import last_check
from approvals.record.differences import differences
from approvals.record.heads import CUT_OFF, write_heads
from approvals.record.walk import NOT_FOLLOWING, NOT_SEALED, OLDER_KEY
from tests.conftest import Cast
from tests.record_desk import every_kind, findings, pause
from tests.tampering import without_rules

pytestmark = pytest.mark.django_db

texts = st.text(st.characters(codec=None), max_size=12)
numbers = st.floats() | st.integers(-(10**40), 10**40) | st.sampled_from([1e16, 1e22, 1e308, 5e-324, -0.0, 1e-7, 1.0])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts | st.integers(), inner, max_size=4),
    max_leaves=12,
)


def printed(*arguments: object, **options: object) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=io.StringIO(), **options)  # type: ignore[arg-type]
    return out.getvalue()


def test_a_record_of_everything_that_can_happen_verifies(cast: Cast) -> None:
    every_kind(cast)

    assert [str(finding) for finding in findings()] == []
    assert Event.objects.count() > 60


def test_the_record_says_what_an_edit_changed(cast: Cast) -> None:
    """A vote keeps the arguments that it puts in the place of those in the stored bytes. Checkpoints go."""
    every_kind(cast)

    (edited,) = Event.objects.filter(kind=EventKind.STATE_EDITED)
    vote = Event.objects.filter(kind=EventKind.VOTE_CAST, data__verdict="edit").earliest("id")

    assert edited.data["changes"] == [{"key": "amount", "before": 900, "after": 950}]
    assert vote.data["parts"][0]["arguments"]["content"] == "Dear Marta,\n40 €."


def test_what_is_long_is_told_by_its_hash() -> None:
    (found,) = differences({"text": "short", "same": 1}, {"text": "x" * 9_000, "same": 1})

    assert found == {
        "key": "text",
        "before": "short",
        "after": {"sha256": sealing.digest("x" * 9_000), "characters": 9_002},
    }


class WhateverIsWritten(TestCase):
    @given(values)
    def test_it_verifies_as_the_database_gives_it_back(self, value: Any) -> None:
        with transaction.atomic():
            event = Event.append_for_desk(EventKind.RECORD_CHECKED, value=value)

        assert findings() == []
        stored = Event.objects.get(id=event.id)
        assert stored.is_sealed
        assert json.dumps(stored.data, sort_keys=True) == json.dumps(event.data, sort_keys=True)


def test_a_number_that_only_a_database_can_tell_from_the_one_written_is_found(cast: Cast) -> None:
    with transaction.atomic():
        Event.append_for_desk(EventKind.RECORD_CHECKED, share=0.1, none=0.0)

    for forged in ("0.10", "0.1000000000000000000000001", "1e-1"):
        honest = transaction.savepoint()
        without_rules()
        with connection.cursor() as cursor:
            cursor.execute("UPDATE approvals_event SET data = jsonb_set(data, '{share}', %s::jsonb)", [forged])
            cursor.execute("SELECT data->>'share' FROM approvals_event")
            is_same = cursor.fetchone()[0] == "0.1"
        assert bool(findings()) is not is_same, forged
        transaction.savepoint_rollback(honest)


def test_the_record_stays_whole_when_a_person_goes(cast: Cast) -> None:
    every_kind(cast)

    User.objects.filter(username__in=["alice", "rita"]).delete()

    assert findings() == []
    assert Event.objects.filter(actor_name="Alice Okafor").exists()


def test_a_name_longer_than_the_record_has_room_for_stops_nobody(cast: Cast) -> None:
    cast.alice.first_name, cast.alice.last_name = "A" * 150, "B" * 150
    cast.alice.save()
    thread = Thread.submit(chain="any", version="1", title="Any", values={}, by=cast.alice)

    Event.append(thread, EventKind.THREAD_SUBMITTED, by=cast.alice)

    assert findings() == []


def test_an_older_key_checks_what_it_signed_and_nothing_after(cast: Cast, settings: Any) -> None:
    old = settings.HOLDPOINT_RECORD_KEY
    thread = Thread.submit(chain="any", version="1", title="Any", values={}, by=cast.rita)
    Event.append(thread, EventKind.THREAD_SUBMITTED, by=cast.rita)
    settings.HOLDPOINT_RECORD_KEY = "a new key"
    assert [finding.wrong for finding in findings()] == [NOT_SEALED]

    settings.HOLDPOINT_RECORD_KEYS_OLD = ["one before", old]
    Event.append(thread, EventKind.STOP_REQUESTED, by=cast.rita)
    assert findings() == []

    settings.HOLDPOINT_RECORD_KEY, settings.HOLDPOINT_RECORD_KEYS_OLD = old, []
    Event.append(thread, EventKind.THREAD_STOPPED, by=cast.rita)
    settings.HOLDPOINT_RECORD_KEY, settings.HOLDPOINT_RECORD_KEYS_OLD = "a new key", [old]
    assert [(finding.line, finding.wrong) for finding in findings()] == [(3, OLDER_KEY)]


def test_what_must_not_change_is_held_and_what_is_not_held_is_meant_to_move() -> None:
    moving = {
        Interrupt: {"status", "due_at", "overdue_at", "next_step_at", "steps_done", "escalated_to", "start_by",
                    "start_left", "claimed_by_id", "claimed_by_name", "claim_ends_at", "closed_at", "payload"},
        Vote: {"id"},
        Decision: {"id", "applied_at", "applied_generation", "voided_at", "void_reason"},
    }  # fmt: skip
    for model, names in moving.items():
        columns = {field.attname for field in model._meta.concrete_fields}
        assert columns - names - set(HELD[model._meta.label]) <= {"priority_at", "blocked_at"}, model


def test_an_end_that_was_cut_off_shows_only_against_kept_heads(cast: Cast, tmp_path: Path) -> None:
    thread, _ = pause(cast)
    kept = tmp_path / "heads"
    assert printed("record_heads", f"--out={kept}") == ""
    last = Event.objects.filter(thread=thread).order_by("-seq")[0]
    without_rules()
    Event.objects.filter(thread=thread, seq__gt=0).exclude(seq=1).delete()
    Interrupt.objects.filter(thread=thread).delete()

    assert findings() == []
    (found,) = findings(heads=[kept])
    assert (found.thread, found.line, found.wrong) == (thread.id, last.seq, CUT_OFF)


def test_heads_of_several_days_are_read_together_and_a_forged_file_is_refused(cast: Cast, tmp_path: Path) -> None:
    pause(cast)
    first, second = tmp_path / "monday", tmp_path / "tuesday"
    printed("record_heads", f"--out={first}")
    later, _ = pause(cast)
    with second.open("wb") as file:
        assert write_heads(file, since=later.created_at - timedelta(hours=2)) == 2

    assert "3 kept heads: 0 findings" in printed("verify_record", f"--heads={first}", f"--heads={second}")
    second.write_bytes(second.read_bytes().replace(b'"seq": 2', b'"seq": 1', 1))
    with pytest.raises(CommandError, match="was changed"):
        printed("verify_record", f"--heads={first}", f"--heads={second}")
    second.write_bytes(b"")
    with pytest.raises(CommandError, match="was changed"):
        printed("verify_record", f"--heads={second}")
    with pytest.raises(CommandError, match="there already"):
        printed("record_heads", f"--out={first}")


def test_the_command_says_what_it_found_and_the_record_remembers(cast: Cast) -> None:
    thread, _ = pause(cast)
    assert last_check() is None
    assert "2 lines of 1 threads and 0 kept heads: 0 findings." in printed("verify_record")
    check = last_check()
    assert check is not None
    assert check.found == 0

    without_rules()
    Event.objects.filter(thread=thread, seq=1).update(actor_name="Somebody else")
    out = io.StringIO()
    with pytest.raises(CommandError, match="not what it was"):
        call_command("verify_record", stdout=out)

    assert f"thread {thread.id}, line 1: {NOT_SEALED}" in out.getvalue()
    check = last_check()
    assert check is not None
    assert check.found == 1
    Event.objects.filter(thread_id=DESK).update(data={"lines": 1, "found": 0})
    assert last_check() is None


def test_a_thread_whose_record_is_gone_is_found(cast: Cast) -> None:
    thread = Thread.submit(chain="any", version="1", title="Any", values={}, by=cast.rita)

    assert [(found.thread, found.wrong) for found in findings()] == [(thread.id, NO_LINES)]
    assert findings(thread=thread.id) != []


def test_a_line_that_was_honest_once_cannot_take_the_place_of_another(cast: Cast) -> None:
    """Out of a backup, say: its seal is good, and so are its number and the line before it."""
    thread = Thread.submit(chain="any", version="1", title="Any", values={}, by=cast.rita)
    Event.append(thread, EventKind.THREAD_SUBMITTED, by=cast.rita)
    begun = transaction.savepoint()
    once = Event.append(thread, EventKind.STOP_REQUESTED, by=cast.alice)
    transaction.savepoint_rollback(begun)
    Event.append(thread, EventKind.STOP_REQUESTED, by=cast.bob)
    Event.append(thread, EventKind.THREAD_STOPPED, by=cast.bob)
    without_rules()
    Event.objects.filter(thread=thread, seq=2).delete()
    once.save(force_insert=True)

    assert [(finding.line, finding.wrong) for finding in findings()] == [(3, NOT_FOLLOWING)]


def test_all_that_a_line_says_is_sealed() -> None:
    names = ("thread_id", "seq", "kind", "actor_id", "actor_name", "data", "at", "previous_mac")
    said: dict[str, Any] = dict(zip(names, (DESK, 1, "a", 1, "b", {"c": 1}, "d", "e"), strict=True))
    other: dict[str, Any] = dict(zip(names, ("x", 2, "b", None, "c", {"c": 1.0}, "e", "f"), strict=True))
    texts = {sealing.line_text(**{**said, name: value}) for name, value in other.items()}

    assert len(texts | {sealing.line_text(**said)}) == len(names) + 1
