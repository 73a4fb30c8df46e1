"""What tests of keeping checkpoints share: finished requests of some age, and what is left of them."""

import io
import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver

from approvals import decisions, opened, threads
from approvals.execution import keeping
from approvals.execution.keeping import How, Pace, Tally, Wanted
from approvals.models import Event, EventKind, Interrupt, Thread, ThreadStatus, Verdict
from chains.checkpointers.pruning import counts
from chains.checkpointers.rows import Row, rows_of
from tests.conftest import REQUEST, Cast, work_off
from tests.test_main_job import ballot

DAYS = 30


def finished(cast: Cast, chain: str = "prompt_chain", *, days: float = DAYS) -> Thread:
    """A request that went its whole way, so many days ago."""
    thread = waiting(cast, chain)
    for _ in range(3):
        for question in Interrupt.objects.open().filter(thread=thread):
            decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
        work_off(thread)
    return aged(thread, days, ThreadStatus.DONE)


def waiting(cast: Cast, chain: str = "prompt_chain") -> Thread:
    thread = threads.submit(cast.rita, chain, {"request": REQUEST})
    work_off(thread)
    return aged(thread, 2 * DAYS, ThreadStatus.PAUSED)


def aged(thread: Thread, days: float, status: ThreadStatus) -> Thread:
    thread.refresh_from_db()
    assert thread.status == status, list(thread.runs.values("kind", "error_class", "error_message"))
    Thread.objects.filter(id=thread.id).update(last_activity_at=timezone.now() - timedelta(days=days))
    thread.refresh_from_db()
    return thread


def wanted(**how: Any) -> Wanted:
    return Wanted(before=timezone.now() - timedelta(days=1), **how)


def prune(**how: Any) -> Tally:
    return keeping.prune(How(wanted(**how), why="a test"), pace=unhurried(), on_turn=lambda many, turn: None)


def unhurried() -> Pace:
    """Without the pauses."""
    return Pace(sleep=lambda seconds: None)


def left(*found: Thread) -> list[int]:
    """How many checkpoints each has."""
    names = [str(thread.id) for thread in found]
    with opened.checkpointer().read() as reading:
        there = counts(reading.saver, names)
    return [there[name] for name in names]


def rows(thread: Thread) -> list[tuple[str, Row]]:
    with opened.checkpointer().read() as reading:
        return list(rows_of(reading.saver, str(thread.id)))


def removals(thread: Thread) -> list[dict[str, Any]]:
    found = Event.objects.filter(thread_id=thread.id, kind=EventKind.CHECKPOINTS_REMOVED).order_by("seq")
    return list(found.values_list("data", flat=True))


def told(*arguments: str) -> str:
    out = io.StringIO()
    call_command("checkpoints", *arguments, stdout=out, verbosity=0)
    return out.getvalue()


def together(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is worker and pages, as memory:// needs."""
    monkeypatch.setattr(opened, "_together", [True])


def ids(found: Iterable[Thread]) -> list[uuid.UUID]:
    return [thread.id for thread in found]


def told_into(said: list[str], *arguments: str) -> None:
    """As told(), for commands that end with an error."""
    out = io.StringIO()
    try:
        call_command("checkpoints", *arguments, stdout=out, verbosity=0)
    finally:
        said.append(out.getvalue())


class Appending(BaseCheckpointSaver[str]):
    """Somebody's own saver, which does what it must and no more: it can delete nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = InMemorySaver()

    def put(self, *arguments: Any, **options: Any) -> Any:
        return self.inner.put(*arguments, **options)

    def put_writes(self, *arguments: Any, **options: Any) -> None:
        self.inner.put_writes(*arguments, **options)

    def get_tuple(self, config: Any) -> Any:
        return self.inner.get_tuple(config)

    def list(self, *arguments: Any, **options: Any) -> Any:
        return self.inner.list(*arguments, **options)

    def get_next_version(self, current: Any, channel: None) -> str:
        return self.inner.get_next_version(current, channel)


def appending(options: Any) -> BaseCheckpointSaver[str]:
    return Appending()


class Wrapping(Appending):
    """Reads and writes through another saver's serializer, whatever it says of its own."""

    def delete_thread(self, thread_id: str) -> None:
        self.inner.delete_thread(thread_id)


def wrapping(options: Any) -> BaseCheckpointSaver[str]:
    return Wrapping()
