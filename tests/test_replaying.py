"""Going back to an earlier checkpoint: what runs again, what becomes of open questions, and that it happens once."""

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.models.functions import Now

from approvals import decisions, execution, inspection, threads
from approvals.inspection import BadEdit, Edit, HeadMoved, PassesBy
from approvals.models import (
    Decision,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Policy,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from approvals.policies import Act, NotAllowed, may
from approvals.threads import NotNow
from tests.conftest import Cast, open_question, work_off
from tests.test_main_job import ballot


@pytest.fixture
def effects(tmp_path: Path) -> Path:
    return tmp_path / "effects"


@pytest.fixture
def waiting(cast: Cast, effects: Path) -> Thread:
    """work → ask; now it asks."""
    thread = threads.submit(cast.rita, "slow", {"effects": str(effects)})
    work_off(thread)
    thread.refresh_from_db()
    return thread


def lines(effects: Path) -> list[str]:
    return effects.read_text().splitlines()


def before(thread: Thread, node: str) -> str:
    """The checkpoint from which this node ran next."""
    for step in inspection.steps_of(thread):
        state = inspection.state_of(thread, checkpoint_id=step.checkpoint_id)
        if state is not None and node in state.next:
            return step.checkpoint_id
    raise LookupError(node)


def approve(cast: Cast, thread: Thread) -> Interrupt:
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)
    thread.refresh_from_db()
    return question


def test_a_waiting_request_goes_back_and_asks_anew(waiting: Thread, cast: Cast, effects: Path) -> None:
    old = open_question(waiting)

    threads.replay(cast.oscar, waiting.id, before(waiting, "work"), reason="Look again.")
    work_off(waiting)

    waiting.refresh_from_db()
    old.refresh_from_db()
    assert waiting.status == ThreadStatus.PAUSED
    assert old.status == InterruptStatus.SUPERSEDED
    assert open_question(waiting).interrupt_id != old.interrupt_id
    assert lines(effects) == ["work begins", "work ends"] * 2


def test_a_finished_request_goes_back_and_its_old_branch_stays(waiting: Thread, cast: Cast, effects: Path) -> None:
    approve(cast, waiting)
    ended = inspection.steps_of(waiting)

    threads.replay(cast.oscar, waiting.id, before(waiting, "ask"), reason="Ask somebody else.")
    work_off(waiting)

    waiting.refresh_from_db()
    assert waiting.status == ThreadStatus.PAUSED
    kept = {step.checkpoint_id for step in inspection.steps_of(waiting)}
    assert {step.checkpoint_id for step in ended} < kept
    approve(cast, waiting)
    assert waiting.status == ThreadStatus.DONE
    assert lines(effects).count("act 40") == 2


def test_an_edit_on_the_way_is_what_the_steps_see(waiting: Thread, cast: Cast) -> None:
    threads.replay(cast.oscar, waiting.id, before(waiting, "ask"), reason="Wrong sum.", edit=Edit({"amount": 99}))
    work_off(waiting)

    assert open_question(waiting).value["arguments"] == {"amount": 99}
    event = Event.objects.get(thread=waiting, kind=EventKind.THREAD_REPLAYED)
    assert (event.actor_name, event.data["keys"]) == ("Oscar Lind", ["amount"])


def ended_for(cast: Cast, person: User, effects: Path) -> Thread:
    thread = threads.submit(person, "slow", {"effects": str(effects)})
    work_off(thread)
    approve(cast, thread)
    return thread


@pytest.mark.parametrize("is_superuser", [False, True])
def test_who_asked_never_changes_what_was_approved(cast: Cast, effects: Path, is_superuser: bool) -> None:
    User.objects.filter(id=cast.oscar.id).update(is_superuser=is_superuser)
    oscar = User.objects.get(id=cast.oscar.id)
    thread = ended_for(cast, oscar, effects)
    step = before(thread, "act")

    with pytest.raises(NotAllowed, match="somebody else must edit"):
        threads.replay(oscar, thread.id, step, reason="More.", edit=Edit({"amount": 400}, may_pass=True))
    assert not may(oscar, Act.EDIT_STATE, thread)
    threads.replay(oscar, thread.id, step, reason="Once more, as it was.")
    work_off(thread)

    assert [line for line in lines(effects) if line.startswith("act")] == ["act 40", "act 40"]


def test_who_asked_and_operates_edits_where_nobody_else_need_decide(cast: Cast, effects: Path) -> None:
    Policy.objects.update(four_eyes=False)
    thread = ended_for(cast, cast.oscar, effects)

    assert may(cast.oscar, Act.EDIT_STATE, thread)


def test_behind_an_answered_question_a_change_is_a_way_past_it(waiting: Thread, cast: Cast, effects: Path) -> None:
    approve(cast, waiting)
    step, edit = before(waiting, "act"), {"amount": 400}

    with pytest.raises(PassesBy, match="nobody was asked about"):
        threads.replay(cast.oscar, waiting.id, step, reason="More.", edit=Edit(edit))
    with pytest.raises(NotAllowed, match="permission of its own"):
        threads.replay(cast.alice, waiting.id, step, reason="More.", edit=Edit(edit, may_pass=True))
    threads.replay(cast.oscar, waiting.id, step, reason="More.", edit=Edit(edit, may_pass=True))
    work_off(waiting)

    assert lines(effects)[-1] == "act 400"
    assert Event.objects.get(thread=waiting, kind=EventKind.THREAD_REPLAYED).data["unasked"] == ["act"]


def test_a_change_that_is_asked_about_anew_takes_no_more_than_before(waiting: Thread, cast: Cast) -> None:
    approve(cast, waiting)

    threads.replay(cast.alice, waiting.id, before(waiting, "ask"), reason="More.", edit=Edit({"amount": 400}))
    work_off(waiting)

    assert open_question(waiting).value["arguments"] == {"amount": 400}


def test_what_was_approved_and_failed_is_not_changed_without_asking(waiting: Thread, cast: Cast, effects: Path) -> None:
    effects.unlink()
    effects.mkdir()
    question = approve(cast, waiting)
    assert (waiting.status, question.decision.applied_at is None) == (ThreadStatus.FAILED, False)
    state = inspection.state_of(waiting)
    assert state is not None

    def edit(person: User, *, may_pass: bool) -> None:
        seen = {"seen_checkpoint_id": state.checkpoint_id, "reason": "More."}
        threads.edit_state(person, waiting.id, {"amount": 400}, may_pass=may_pass, **seen)

    with pytest.raises(PassesBy):
        edit(cast.oscar, may_pass=False)
    with pytest.raises(NotAllowed):
        edit(cast.alice, may_pass=True)
    edit(cast.oscar, may_pass=True)


def test_the_plan_names_what_would_run_again_and_stores_nothing(waiting: Thread, cast: Cast) -> None:
    approve(cast, waiting)
    steps = inspection.steps_of(waiting)

    plan = inspection.plan_replay(waiting, before(waiting, "ask"))

    assert (plan.next, plan.again) == (("ask",), ("ask", "act"))
    assert inspection.steps_of(waiting) == steps


def test_a_worker_that_died_after_going_back_does_not_go_back_twice(waiting: Thread, cast: Cast) -> None:
    threads.replay(cast.oscar, waiting.id, before(waiting, "work"), reason="Again.")
    run = Run.objects.get(thread=waiting, kind=RunKind.REPLAY)
    work_off(waiting)
    steps = len(inspection.steps_of(waiting))

    with connection.cursor() as cursor:  # as the row stood when the worker died: the rules would not let us go back
        cursor.execute("SET session_replication_role = replica")
        Run.objects.filter(id=run.id).update(status=RunStatus.RUNNING, lease_expires_at=Now(), finished_at=None)
        Thread.objects.filter(id=waiting.id).update(status=ThreadStatus.RUNNING)
        cursor.execute("SET session_replication_role = DEFAULT")
    execution.look(run.id)

    assert len(inspection.steps_of(waiting)) == steps


def test_a_decision_that_was_not_carried_out_is_void(waiting: Thread, cast: Cast) -> None:
    question = open_question(waiting)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    Run.objects.live().get(thread=waiting).cancel()
    Thread.objects.filter(id=waiting.id).update(status=ThreadStatus.PAUSED)

    threads.replay(cast.oscar, waiting.id, before(waiting, "work"), reason="Again.")
    work_off(waiting)

    assert Decision.objects.get(interrupt=question).void_reason == "The request was taken back to an earlier step."


def test_going_back_to_where_nothing_runs_is_refused(waiting: Thread, cast: Cast) -> None:
    approve(cast, waiting)
    newest = inspection.steps_of(waiting)[0].checkpoint_id

    with pytest.raises(BadEdit):
        threads.replay(cast.oscar, waiting.id, newest, reason="Again.")


def test_a_step_that_is_not_there_is_refused(waiting: Thread, cast: Cast) -> None:
    with pytest.raises(HeadMoved):
        threads.replay(cast.oscar, waiting.id, "1f000000-0000-6000-8000-000000000000", reason="Again.")


def test_who_may_take_a_request_back(waiting: Thread, cast: Cast) -> None:
    step = before(waiting, "work")
    for person in (cast.rita, cast.mallory):
        with pytest.raises(NotAllowed):
            threads.replay(person, waiting.id, step, reason="Again.")
    threads.replay(cast.alice, waiting.id, step, reason="Again.")
    with pytest.raises(NotNow):
        threads.replay(cast.alice, waiting.id, step, reason="Twice.")


@pytest.mark.django_db(transaction=True)
def test_a_step_that_went_before_the_worker_came_leaves_the_request_as_it_was(waiting: Thread, cast: Cast) -> None:
    step = before(waiting, "work")
    threads.replay(cast.oscar, waiting.id, step, reason="Again.")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM checkpoints WHERE checkpoint_id = %s", [step])

    work_off(waiting)

    waiting.refresh_from_db()
    assert waiting.status == ThreadStatus.PAUSED
    assert Event.objects.filter(thread=waiting, kind=EventKind.REPLAY_REFUSED).count() == 1
    approve(cast, waiting)
    assert waiting.status == ThreadStatus.DONE
