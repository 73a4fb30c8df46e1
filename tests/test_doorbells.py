"""A message that is no doorbell is dropped in one line, whatever is in it."""

import pytest

from approvals import tasks
from approvals.models import Thread, ThreadStatus


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
