"""What cannot be worked on stops in words, after bounded attempts, and leaves the other threads alone."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from approvals import execution, threads
from approvals.models import Run, RunKind, RunStatus, Thread, ThreadStatus
from tests.conftest import REQUEST, Cast, open_question, work_off


@dataclass
class Stranger:
    """A type that no graph's state names."""

    amount: int


def spoil(thread: Thread, kind: str, data: bytes) -> None:
    """Put other bytes where the newest value of every channel is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE checkpoint_blobs SET type = %s, blob = %s WHERE thread_id = %s", [kind, data, str(thread.id)]
        )
        assert cursor.rowcount


def retried(thread: Thread, cast: Cast) -> Run:
    """The question is put aside, as an edit would, so that a worker may look at the thread again."""
    Thread.objects.filter(id=thread.id).update(status=ThreadStatus.QUEUED)
    run = Run.owe(thread, RunKind.CONTINUE)
    execution.look(run.id)
    run.refresh_from_db()
    thread.refresh_from_db()
    return run


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param("msgpack", b"\xc1 not msgpack", id="damaged"),
        pytest.param("pickle", b"cos\nsystem\n(S'false'\ntR.", id="pickle"),
        pytest.param("no such type", b"x", id="unknown"),
    ],
)
def test_a_checkpoint_that_cannot_be_read_fails_its_thread_in_words(
    paused: Thread, cast: Cast, kind: str, data: bytes
) -> None:
    spoil(paused, kind, data)

    run = retried(paused, cast)

    assert (paused.status, run.error_class) == (ThreadStatus.FAILED, "CannotRead")
    assert run.error_message.startswith("The saved state cannot be read")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("page", "status"), [("", 200), ("history/", 200), ("state/", 503)])
def test_pages_say_that_a_checkpoint_cannot_be_read(paused: Thread, cast: Cast, page: str, status: int) -> None:
    spoil(paused, "msgpack", b"\xc1 not msgpack")
    client = Client()
    client.force_login(cast.oscar)

    answer = client.get(f"/t/{paused.id}/{page}")

    assert answer.status_code == status
    assert "The saved state cannot be read" in answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_a_value_of_a_type_that_the_graph_does_not_name_fails_its_thread(paused: Thread, cast: Cast) -> None:
    spoil(paused, *JsonPlusSerializer().dumps_typed(Stranger(40)))

    run = retried(paused, cast)

    assert (paused.status, run.error_class) == (ThreadStatus.FAILED, "CannotRead")
    assert "tests.test_poison.Stranger" in run.error_message


@pytest.mark.django_db(transaction=True)
def test_other_threads_go_on_beside_one_that_cannot_be_read(paused: Thread, cast: Cast) -> None:
    spoil(paused, "msgpack", b"\xc1")
    retried(paused, cast)

    other = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    work_off(other)

    assert open_question(other).is_open


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0), (2, 1), (3, 3), (4, 7), (9, 60)])
def test_a_run_that_keeps_losing_its_worker_waits_longer_each_time(paused: Thread, attempt: int, seconds: int) -> None:
    run = Run.objects.get(thread=paused)
    lost = Run.objects.filter(id=run.id)
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        for silent, expected in ((seconds - 0.5, False), (seconds + 0.5, True)):
            expiry = Now() - timedelta(seconds=silent)
            lost.update(status=RunStatus.RUNNING, attempt=attempt, lease_expires_at=expiry, finished_at=None)
            assert Run.objects.orphaned().filter(id=run.id).exists() is expected
        cursor.execute("SET session_replication_role = DEFAULT")
