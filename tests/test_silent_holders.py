"""A worker may vanish between taking a thread and claiming its run: there is no lease yet that it could miss."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from approvals.models import Run, Thread, ThreadStatus
from approvals.opened import own_dsn
from chains.checkpointers import PostgresCheckpointer
from tests.conftest import work_off

# Committed rows: the heartbeat looks at them from a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def elsewhere() -> Iterator[PostgresCheckpointer]:
    """Another worker's."""
    checkpointer = PostgresCheckpointer(own_dsn())
    yield checkpointer
    checkpointer.close()


def test_who_holds_a_thread_in_silence_is_cut_off(
    submitted: Thread, elsewhere: PostgresCheckpointer, settings: Any
) -> None:
    settings.HOLDPOINT_LEASE_SECONDS = 1
    with elsewhere.hold(str(submitted.id)):
        time.sleep(1.2)

        work_off(submitted)

    submitted.refresh_from_db()
    assert submitted.status == ThreadStatus.PAUSED
    assert Run.objects.get(thread=submitted).generation == 1


def test_who_has_only_just_taken_it_is_not(submitted: Thread, elsewhere: PostgresCheckpointer) -> None:
    with elsewhere.hold(str(submitted.id)):
        work_off(submitted)

    submitted.refresh_from_db()
    assert submitted.status == ThreadStatus.QUEUED
