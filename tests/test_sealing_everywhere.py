"""With keys set, the whole main job runs sealed, and a command seals what was saved before."""

import base64
import io
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from approvals import decisions, execution, threads
from approvals.models import Run, Thread, ThreadStatus, Verdict
from approvals.opened import checkpointer
from chains.checkpointers import BadPlace
from tests.conftest import REQUEST, Cast, open_question, work_off
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = b"Marta Nowak"
EVERYTHING = """
SELECT convert_to(string_agg(t::text, ' '), 'UTF8') || coalesce(string_agg(b.blob, ' '::bytea), ''::bytea)
FROM (SELECT c::text FROM checkpoints c UNION ALL SELECT w::text FROM checkpoint_writes w) AS t,
(SELECT blob FROM checkpoint_blobs UNION ALL SELECT blob FROM checkpoint_writes) AS b
"""


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


@pytest.fixture(autouse=True)
def alone(transactional_db: None) -> None:
    """LangGraph's tables are not emptied between tests."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE checkpoints, checkpoint_blobs, checkpoint_writes")


@pytest.fixture
def keys(settings: Any) -> Iterator[Callable[[str], None]]:
    """Sets the keys, and lets everything be opened anew; without any at the end."""

    def put(text: str) -> None:
        with suppress(BadPlace):
            checkpointer().close()
        checkpointer.cache_clear()
        settings.HOLDPOINT_CHECKPOINT_KEYS = text

    yield put
    put("")


def stored() -> bytes:
    with connection.cursor() as cursor:
        cursor.execute(EVERYTHING)
        return bytes(cursor.fetchone()[0])


def reseal(*options: str) -> str:
    said = io.StringIO()
    call_command("checkpoints", "reseal", *options, stdout=said)
    return said.getvalue()


def test_a_request_goes_its_way_sealed(cast: Cast, keys: Callable[[str], None]) -> None:
    keys(f"a:{key()}")
    thread = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    work_off(thread)
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert CANARY not in stored()


def test_what_was_saved_before_is_refused_until_it_is_sealed(paused: Thread, cast: Cast, keys: Any) -> None:
    question = open_question(paused)
    assert CANARY in stored()
    keys(f"a:{key()}")
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(paused)
    paused.refresh_from_db()
    assert paused.status == ThreadStatus.FAILED
    assert "manage.py checkpoints reseal" in Run.objects.filter(thread=paused).latest("created_at").error_message

    with pytest.raises(CommandError, match="1 that cannot be opened"):
        reseal()
    said = reseal("--plain-too")

    assert "are sealed with a" in said
    assert "not sealed" not in said
    assert CANARY not in stored()
    threads.retry(cast.oscar, paused.id)
    work_off(paused)
    paused.refresh_from_db()
    assert paused.status == ThreadStatus.DONE


def test_a_new_key_takes_over(paused: Thread, keys: Callable[[str], None]) -> None:
    old, new = f"old:{key()}", f"new:{key()}"
    keys(old)
    reseal("--plain-too")
    keys(f"{new},{old}")

    said = reseal()

    assert "are sealed with new" in said
    assert "old" not in said


def test_keys_that_cannot_be_used_keep_a_worker_from_starting(keys: Callable[[str], None]) -> None:
    keys("a:c2hvcnQ=")

    with pytest.raises(execution.NotFit, match="32"):
        execution.refuse_unfit()
