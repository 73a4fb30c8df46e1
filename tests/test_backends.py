"""The whole main job on every place where checkpoints may be kept: pages, edits, going back, verdicts, failures."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from approvals import decisions, inspection, opened, threads
from approvals.execution import examine
from approvals.inspection import Edit
from approvals.models import Interrupt, InterruptStatus, Run, Thread, ThreadStatus, Verdict
from tests.backends import AS_CONTEXT, BACKENDS, CUSTOM, FENCED, MEMORY, SQLITE, keeping, options_for, setting_for
from tests.conftest import REQUEST, Cast, open_question, work_off
from tests.test_main_job import ballot, values
from tests.workbench import checkpoint_before

pytestmark = pytest.mark.django_db
MORE = {"request": "One more thing: please refund 10.00 EUR for order ORD-48213."}


@pytest.fixture(params=BACKENDS)
def kind(request: pytest.FixtureRequest, db: None, tmp_path: Path) -> Iterator[str]:
    with setting_for(request.param, tmp_path) as setting, keeping(setting, **options_for(request.param, tmp_path)):
        yield request.param


@pytest.fixture
def alice(client: Client, cast: Cast) -> Client:
    client.force_login(cast.alice)
    return client


def carried_on(thread: Thread, status: ThreadStatus) -> Thread:
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == status, list(Run.objects.filter(thread=thread).values("kind", "error_class"))
    return thread


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def decide(cast: Cast, thread: Thread, verdict: Verdict, **words: Any) -> Interrupt:
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, verdict, **words))
    return question


def asked(cast: Cast) -> Thread:
    return carried_on(threads.submit(cast.rita, "prompt_chain", {"request": REQUEST}), ThreadStatus.PAUSED)


def test_a_request_is_shown_changed_and_answered(kind: str, cast: Cast, alice: Client) -> None:
    thread = asked(cast)
    head = inspection.state_of(thread)
    assert head is not None
    draft = open_question(thread).value["arguments"]["content"]
    assert "ORD-48213" in text(alice, f"/t/{thread.id}/")
    assert "Messages" in text(alice, f"/t/{thread.id}/?tab=messages")

    decide(cast, thread, Verdict.RESPOND, note="Please make it shorter.")
    carried_on(thread, ThreadStatus.PAUSED)
    second = open_question(thread)
    assert second.value["arguments"]["content"] != draft
    letter = {**second.value["arguments"], "content": "Dear Marta — 40 € it is.\n\tÜ"}
    decide(cast, thread, Verdict.EDIT, arguments=letter)
    carried_on(thread, ThreadStatus.DONE)

    assert "Dear Marta — 40 € it is.\n\tÜ" in str(values(thread)["final_response"])
    assert "Dear Marta — 40 € it is." in text(alice, f"/t/{thread.id}/")
    history = text(alice, f"/t/{thread.id}/history/")
    newest = inspection.steps_of(thread)[0].checkpoint_id
    assert head.checkpoint_id in history
    assert newest in history
    compared = text(alice, f"/t/{thread.id}/compare/?from={head.checkpoint_id}&to={newest}")
    assert "final_response" in compared


def test_the_state_is_edited_and_the_question_asked_anew(kind: str, cast: Cast, alice: Client) -> None:
    thread = asked(cast)
    first, form = open_question(thread), inspection.state_form(thread)
    assert form is not None
    assert "Look at the change" in text(alice, f"/t/{thread.id}/state/")

    letter = "Please refund 20.00 EUR for order ORD-48213, as agreed."
    values_now = {"messages": [{"type": "human", "content": letter}]}
    seen = form.checkpoint_id
    threads.edit_state(cast.alice, thread.id, values_now, seen_checkpoint_id=seen, reason="They called.")
    carried_on(thread, ThreadStatus.PAUSED)
    first.refresh_from_db()
    assert first.status == InterruptStatus.SUPERSEDED
    assert letter in str(values(thread)["messages"])

    threads.carry_on(cast.alice, thread.id)
    carried_on(thread, ThreadStatus.PAUSED)
    assert open_question(thread).interrupt_id != first.interrupt_id
    assert "They called." in text(alice, f"/t/{thread.id}/history/")


def test_going_back_asks_anew_and_keeps_the_old_branch(kind: str, cast: Cast, alice: Client) -> None:
    thread = asked(cast)
    first, back = open_question(thread), checkpoint_before(thread, "analyze")
    old = {step.checkpoint_id for step in inspection.steps_of(thread)}

    letter = [{"type": "human", "content": "Please refund 30.00 EUR for order ORD-48213."}]
    threads.replay(cast.alice, thread.id, back, reason="Wrong amount.", edit=Edit({"messages": letter}))
    carried_on(thread, ThreadStatus.PAUSED)

    assert open_question(thread).interrupt_id != first.interrupt_id
    assert "30.00" in str(values(thread)["messages"])
    assert old < {step.checkpoint_id for step in inspection.steps_of(thread)}
    decide(cast, thread, Verdict.APPROVE)
    carried_on(thread, ThreadStatus.DONE)
    assert "Wrong amount." in text(alice, f"/t/{thread.id}/history/")


def test_a_finished_request_is_talked_on_with_and_turned_down(kind: str, cast: Cast) -> None:
    thread = asked(cast)
    decide(cast, thread, Verdict.APPROVE)
    carried_on(thread, ThreadStatus.DONE)

    threads.send_message(cast.rita, thread.id, MORE)
    carried_on(thread, ThreadStatus.PAUSED)
    decide(cast, thread, Verdict.REJECT, note="Not our customer.")
    carried_on(thread, ThreadStatus.DONE)

    assert "Not our customer." in str(values(thread)["final_response"])
    assert MORE["request"] in str(values(thread)["messages"])


def test_what_failed_is_retried_from_the_last_good_step(kind: str, cast: Cast, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    thread = threads.submit(cast.rita, "failing", {"effects": str(missing)})
    carried_on(thread, ThreadStatus.FAILED)
    assert Run.objects.get(thread=thread).error_class == "FileNotFoundError"

    missing.write_text("read")
    threads.retry(cast.oscar, thread.id)
    carried_on(thread, ThreadStatus.DONE)

    assert values(thread)["log"] == ["read"]


def test_parallel_answers_are_put_in_the_order_of_the_graph(kind: str, cast: Cast) -> None:
    thread = carried_on(threads.submit(cast.rita, "parallel", {}), ThreadStatus.PAUSED)
    for question in Interrupt.objects.open().filter(thread=thread).order_by("-title"):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.RESPOND, note="Yes."))

    carried_on(thread, ThreadStatus.DONE)

    assert [side for side, _ in values(thread)["log"]] == ["left", "right"]  # type: ignore[attr-defined]


def test_checkpoints_that_are_gone_fail_the_request_instead_of_beginning_it_anew(
    kind: str, cast: Cast, alice: Client
) -> None:
    thread = asked(cast)
    decide(cast, thread, Verdict.APPROVE)
    with opened.checkpointer().hold(str(thread.id)) as held:
        held.saver.delete_thread(str(thread.id))

    carried_on(thread, ThreadStatus.FAILED)

    assert Run.objects.filter(thread=thread).latest("created_at").error_class == "CheckpointsGone"
    assert "no longer kept" in text(alice, f"/t/{thread.id}/")


def test_doctor_and_pages_say_whether_a_place_is_fenced(kind: str, cast: Cast, alice: Client) -> None:
    found = {finding.name: finding for finding in examine()}

    assert found["checkpoints"].sentence == f"The checkpoints are ready, in {opened.checkpointer().label}."
    assert found["fence"].passed == (kind in FENCED)
    assert found["thread lock"].passed
    if kind not in FENCED:
        assert found["fence"].sentence.startswith("Not fenced")
    page = text(alice, f"/t/{asked(cast).id}/")
    assert (f"{opened.checkpointer().label}, not fenced" in page) == (kind not in FENCED)


@pytest.mark.parametrize("kind", [SQLITE], indirect=True)
def test_a_file_that_takes_the_place_of_another_is_the_one_that_is_used(kind: str, cast: Cast, tmp_path: Path) -> None:
    thread, file = asked(cast), tmp_path / "checkpoints.sqlite3"
    opened.checkpointer().close()
    shutil.copy(file, tmp_path / "copy")
    other = asked(cast)
    assert inspection.steps_of(other)

    (tmp_path / "copy").replace(file)
    for left in tmp_path.glob("checkpoints.sqlite3-*"):
        left.unlink()

    assert inspection.steps_of(thread)
    assert inspection.steps_of(other) == []


@pytest.mark.parametrize("kind", [MEMORY, AS_CONTEXT, CUSTOM], indirect=True)
def test_a_saver_keeps_the_path_by_which_writes_are_ordered(kind: str, cast: Cast) -> None:
    """LangGraph passes the path only to savers whose signature names it."""
    thread = carried_on(threads.submit(cast.rita, "parallel", {}), ThreadStatus.PAUSED)
    with opened.checkpointer().read() as reading:
        saver: Any = reading.saver
        if kind == CUSTOM:
            paths = {row[0] for row in saver.conn.execute("SELECT task_path FROM writes")}
        else:
            paths = {write[3] for writes in saver.writes.values() for write in writes.values()}

    assert all(paths), (thread.id, paths)
