"""A message that is no doorbell is dropped in one line, whatever is in it; one that nobody answers is rung again."""

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from approvals import tasks
from approvals.models import Outbox, Thread, ThreadStatus


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    found: list[object] = []
    monkeypatch.setattr("approvals.execution.look", found.append)
    return found


@pytest.mark.parametrize(
    "arguments",
    [(), ("",), (None,), (7,), ({"run_id": "x"},), (["x"],), ("not a run",), ("a", "b"), ("x" * 100_000,), ("\x00",)],
)
def test_what_is_no_run_id_is_dropped(looked: list[object], arguments: tuple[object, ...]) -> None:
    tasks.look_at_run(*arguments)

    assert looked == []


def test_an_id_with_anything_beside_it_is_dropped(looked: list[object], submitted: Thread) -> None:
    run = str(submitted.runs.get().id)

    tasks.look_at_run(run, answers={"approve": True})
    tasks.look_at_run(run, run)

    assert looked == []


def test_a_run_id_alone_is_looked_at(submitted: Thread) -> None:
    tasks.look_at_run(str(submitted.runs.get().id))

    submitted.refresh_from_db()
    assert submitted.status == ThreadStatus.PAUSED


def test_what_nobody_answers_is_rung_every_few_seconds_and_in_step_with_nothing(submitted: Thread) -> None:
    pauses = [ring_again() for _ in range(20)]

    assert 2 <= pauses[0] <= 4
    assert all(4 <= pause <= 8 for pause in pauses[1:])
    assert max(pauses[1:]) - min(pauses[1:]) > 0.5


def ring_again() -> float:
    """Seconds until the ring after that."""
    Outbox.objects.update(due_at=Now())
    with transaction.atomic():
        assert Outbox.take_due_doorbells()
        return Outbox.objects.values_list(F("due_at") - Now(), flat=True).get().total_seconds()
