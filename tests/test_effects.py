"""An outside call through effect() is made once; where nobody can know, a person is asked, and nothing is repeated."""

from pathlib import Path

import pytest
from django.test import Client

from approvals import decisions, threads
from approvals.models import Effect, EffectStatus, Event, EventKind, Run, RunKind, Thread, ThreadStatus, Verdict
from approvals.policies import NotAllowed
from approvals.threads import NotNow
from tests.conftest import Cast, open_question, work_off
from tests.stack import Stack
from tests.test_main_job import ballot, values
from tests.test_worker_faults import QUICK
from tests.waiting import until_status

# The ledger is written on another connection than the rows it names, so these must be committed.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    (tmp_path / "calls").touch()
    (tmp_path / "how").write_text("well")
    return tmp_path


def submit(cast: Cast, world: Path, chain: str = "paying", **more: object) -> Thread:
    return threads.submit(cast.rita, chain, {"calls": str(world / "calls"), "how": str(world / "how"), **more})


def started(cast: Cast, world: Path, chain: str = "paying", **more: object) -> Thread:
    thread = submit(cast, world, chain, **more)
    work_off(thread)
    thread.refresh_from_db()
    return thread


def calls(world: Path) -> list[str]:
    return (world / "calls").read_text().split()


def test_a_node_that_runs_again_makes_its_call_once_and_gets_the_same_result(cast: Cast, world: Path) -> None:
    thread = started(cast, world, "paying_then_asking")
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)

    assert len(calls(world)) == 1
    assert values(thread)["log"] == [{"receipt": calls(world)[0][:8]}, True]
    assert Effect.objects.get(thread=thread).status == EffectStatus.DONE


def test_a_call_without_an_answer_is_in_doubt_and_is_not_repeated_by_a_retry(cast: Cast, world: Path) -> None:
    (world / "how").write_text("lost")
    thread = started(cast, world)
    (world / "how").write_text("well")

    with pytest.raises(NotNow, match="outside call"):
        threads.carry_on(cast.oscar, thread.id)
    Run.owe(thread, RunKind.CONTINUE)  # as if it had been let through
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.FAILED
    assert len(calls(world)) == 1
    assert Run.objects.filter(thread=thread).latest("created_at").error_class == "InDoubt"


@pytest.mark.parametrize(("happened", "made"), [(True, 1), (False, 2)])
def test_what_a_person_found_out_decides_whether_it_is_made_again(
    cast: Cast, world: Path, happened: bool, made: int
) -> None:
    (world / "how").write_text("lost")
    thread = started(cast, world)
    (world / "how").write_text("well")
    doubt = Effect.objects.in_doubt(thread).get()

    threads.settle_effect(cast.oscar, thread.id, doubt.id, happened=happened, reason="I looked.")
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert len(calls(world)) == made
    assert len(set(calls(world))) == 1
    assert Event.objects.get(thread=thread, kind=EventKind.EFFECT_SETTLED).data["happened"] is happened


def test_a_call_that_certainly_did_not_happen_is_made_on_a_retry(cast: Cast, world: Path) -> None:
    (world / "how").write_text("refused")
    thread = started(cast, world)
    assert thread.status == ThreadStatus.FAILED
    (world / "how").write_text("well")

    threads.carry_on(cast.oscar, thread.id)
    work_off(thread)

    thread.refresh_from_db()
    assert (thread.status, len(calls(world))) == (ThreadStatus.DONE, 1)


def test_a_call_whose_callee_knows_its_key_is_made_again_under_that_key(cast: Cast, world: Path) -> None:
    (world / "how").write_text("lost")
    thread = started(cast, world, idempotent=True)
    assert thread.status == ThreadStatus.QUEUED  # a lost line passes by itself
    (world / "how").write_text("well")

    Run.objects.filter(thread=thread).update(not_before="2020-01-01T00:00Z")
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert len(calls(world)) == 2
    assert len(set(calls(world))) == 1


def test_a_worker_killed_in_the_middle_of_a_call_leaves_it_to_a_person(stack: Stack, cast: Cast, world: Path) -> None:
    (world / "how").write_text("killed")
    stack.start_worker(**QUICK)
    thread = submit(cast, world)
    stack.start_worker(**QUICK)

    until_status(thread, ThreadStatus.FAILED)

    assert len(calls(world)) == 1
    assert Effect.objects.in_doubt(thread).count() == 1


def test_only_operators_say_what_became_of_a_call_and_only_once(cast: Cast, world: Path) -> None:
    (world / "how").write_text("lost")
    thread = started(cast, world)
    doubt = Effect.objects.in_doubt(thread).get()

    with pytest.raises(NotAllowed):
        threads.settle_effect(cast.alice, thread.id, doubt.id, happened=True, reason="")
    threads.settle_effect(cast.oscar, thread.id, doubt.id, happened=True, reason="")
    with pytest.raises(NotNow):
        threads.settle_effect(cast.oscar, thread.id, doubt.id, happened=False, reason="")


def test_the_page_of_a_failed_request_offers_both_answers(cast: Cast, world: Path, client: Client) -> None:
    (world / "how").write_text("lost")
    thread = started(cast, world)
    doubt = Effect.objects.in_doubt(thread).get()
    client.force_login(cast.oscar)

    page = client.get(f"/t/{thread.id}/").content.decode()
    assert "It did not, make the call again" in page
    answer = client.post(f"/t/{thread.id}/effects/{doubt.id}/", {"happened": "1", "reason": "Seen at the bank."})

    assert answer.status_code == 303
    doubt.refresh_from_db()
    assert doubt.status == EffectStatus.DONE
