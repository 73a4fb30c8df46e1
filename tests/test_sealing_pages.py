"""Pages of threads that cannot be opened say why; docs/sealing.md names every column that is not sealed."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.db.models import Model
from django.test import Client

from approvals import comments, decisions, inspection, threads
from approvals.models import Draft, Thread, ThreadStatus, Verdict
from approvals.opened import checkpointer
from tests.conftest import REQUEST, Cast, open_question, work_off
from tests.sealing_desk import CANARY, key_text
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db(transaction=True)

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "sealing.md"


@pytest.fixture
def sealing(settings: Any) -> Iterator[Callable[[str], None]]:
    """Sets the keys for all that is opened from then on."""

    def put(text: str) -> None:
        checkpointer().close()
        checkpointer.cache_clear()
        settings.HOLDPOINT_CHECKPOINT_KEYS = text

    yield put
    put("")


@pytest.mark.parametrize(("page", "status"), [("", 200), ("history/", 200), ("state/", 503)])
def test_a_page_says_that_a_thread_is_not_sealed(
    paused: Thread, cast: Cast, sealing: Callable[[str], None], page: str, status: int
) -> None:
    sealing(key_text("one"))
    client = Client()
    client.force_login(cast.oscar)

    answer = client.get(f"/t/{paused.id}/{page}")

    assert answer.status_code == status
    assert "is not sealed, though HOLDPOINT_CHECKPOINT_KEYS is set" in answer.content.decode()


def test_pages_show_what_is_sealed_to_those_who_may_see_it(cast: Cast, sealing: Callable[[str], None]) -> None:
    sealing(key_text("one"))
    thread = threads.submit(cast.rita, "prompt_chain", {"request": f"{REQUEST} {CANARY['input']}"})
    work_off(thread)
    client = Client()
    client.force_login(cast.oscar)

    for page in ("", "history/", "raw/"):
        answer = client.get(f"/t/{thread.id}/{page}")
        assert answer.status_code == 200
    state = inspection.state_of(thread)
    assert state is not None
    assert CANARY["input"] in str(state.values)
    assert len(inspection.steps_of(thread)) == 4
    assert inspection.drawing_of(thread)


def test_a_run_that_met_another_key_fails_and_its_page_names_the_key(
    cast: Cast, sealing: Callable[[str], None]
) -> None:
    sealing(key_text("one"))
    thread = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    work_off(thread)
    sealing(key_text("two"))
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)

    thread.refresh_from_db()
    client = Client()
    client.force_login(cast.oscar)
    shown = client.get(f"/t/{thread.id}/").content.decode()
    assert thread.status == ThreadStatus.FAILED
    assert "sealed with the key &#x27;one&#x27;" in shown


def test_the_document_names_every_column_of_ours_that_is_not_sealed(cast: Cast, sealing: Callable[[str], None]) -> None:
    sealing(key_text("one"))
    thread = threads.submit(cast.rita, "prompt_chain", {"request": f"{REQUEST} {CANARY['input']}"})
    work_off(thread)
    question = open_question(thread)
    comments.comment(cast.alice, thread.id, CANARY["message"])
    Draft.objects.create(person=cast.bob, interrupt=question, query=CANARY["text"])
    again = ballot(question, Verdict.RESPOND, note=CANARY["reason"])
    decisions.decide(cast.alice, question.id, again)
    work_off(thread)
    question = open_question(thread)
    arguments = {**question.value["arguments"], "content": CANARY["edit"]}
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.EDIT, arguments=arguments))
    work_off(thread)

    readable = set(columns_with_content())
    assert {"approvals_thread.input", "approvals_interrupt.payload", "approvals_decision.answer"} <= readable
    assert readable <= documented()


def columns_with_content() -> Iterator[str]:
    """Of the application's tables, those columns in which any canary can be read."""
    for model in apps.get_app_config("approvals").get_models():
        for field in model._meta.concrete_fields:
            held = json.dumps([_text(value) for value in _values(model, field.attname)], default=str)
            if any(canary in held for canary in CANARY.values()):
                yield f"{model._meta.db_table}.{field.column}"


def _values(model: type[Model], name: str) -> list[Any]:
    return list(model._default_manager.values_list(name, flat=True))


def _text(value: Any) -> Any:
    return bytes(value).decode(errors="replace") if isinstance(value, memoryview | bytes) else value


def documented() -> set[str]:
    """table.column, of the table in the document: each line names tables first, then columns."""
    found = set()
    for line in DOCUMENT.read_text().splitlines():
        tables = re.findall(r"`(approvals_\w+)`", line)
        columns = [name for name in re.findall(r"`(\w+)`", line) if name not in tables]
        found |= {f"{table}.{column}" for table in tables for column in columns}
    return found
