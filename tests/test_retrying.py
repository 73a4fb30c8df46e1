"""Errors that pass by themselves are tried again by themselves, later each time, and not for ever."""

from pathlib import Path

import httpx
import pytest

from approvals import decisions, threads
from approvals.decisions import TooLate
from approvals.models import Event, EventKind, Outbox, Run, RunStatus, Thread, ThreadStatus, Verdict
from chains.retrying import Retry, asked_pause, is_passing
from tests.conftest import Cast, open_question, work_off
from tests.stack import Stack
from tests.test_main_job import ballot, values
from tests.test_worker_faults import QUICK
from tests.waiting import eventually, until_status


class Busy(Exception):
    """As a provider's library raises it."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(f"status {status}")
        self.response = httpx.Response(status, headers=headers)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (TimeoutError(), True),
        (ConnectionResetError(), True),
        (httpx.ReadTimeout("slow"), True),
        (Busy(429), True),
        (Busy(503), True),
        (Busy(400), False),
        (Busy(401), False),
        (ValueError("wrong"), False),
        (FileNotFoundError("none"), False),
    ],
)
def test_what_passes_by_itself(error: Exception, passes: bool) -> None:
    assert is_passing(error) is passes


def test_the_cause_of_an_error_counts() -> None:
    wrapped = RuntimeError("the model failed")
    wrapped.__cause__ = Busy(429, **{"retry-after": "7"})

    assert is_passing(wrapped)
    assert asked_pause(wrapped) == 7


def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    retry = Retry(times=9, first=2, longest=20)

    assert [retry.pause(done, chance=0.5) for done in range(5)] == [2, 4, 8, 16, 20]
    assert (retry.pause(0, chance=0), retry.pause(0, chance=1)) == (1.5, 2.5)
    assert retry.pause(0, chance=0.5, asked=30) == 30


@pytest.fixture
def weather(tmp_path: Path) -> Path:
    file = tmp_path / "weather"
    file.write_text("bad")
    return file


def begun(cast: Cast, weather: Path, chain: str = "shaky") -> Thread:
    thread = threads.submit(cast.rita, chain, {"weather": str(weather)})
    work_off(thread)
    thread.refresh_from_db()
    return thread


def test_a_passing_error_puts_the_run_off_and_says_so(cast: Cast, weather: Path) -> None:
    thread = begun(cast, weather)

    run = Run.objects.get(thread=thread)
    assert (thread.status, run.status, run.retries) == (ThreadStatus.QUEUED, RunStatus.PENDING, 1)
    assert 1 < (run.not_before - Event.objects.filter(thread=thread).latest("seq").at).total_seconds() < 3
    assert Event.objects.get(thread=thread, kind=EventKind.RUN_PUT_OFF).data["error"] == "The line is down."
    assert Outbox.objects.get(key=str(run.id)).settled_at is None


def test_it_is_given_up_after_as_many_retries_as_the_chain_allows(cast: Cast, weather: Path) -> None:
    thread = begun(cast, weather)
    Run.objects.filter(thread=thread).update(retries=4, not_before="2020-01-01T00:00Z")

    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.FAILED


def test_a_worker_finishes_it_when_the_error_has_passed(stack: Stack, cast: Cast, weather: Path) -> None:
    stack.start_worker(**QUICK)
    thread = threads.submit(cast.rita, "shaky", {"weather": str(weather)})
    eventually(lambda: Run.objects.get(thread=thread).retries == 1, what="the run put off")
    weather.write_text("good")

    until_status(thread, ThreadStatus.DONE)

    assert Event.objects.filter(thread=thread, kind=EventKind.RUN_PUT_OFF).count() == 1


def test_the_answer_is_handed_over_again_and_cannot_be_taken_back_between(cast: Cast, weather: Path) -> None:
    thread = begun(cast, weather, "shaky_after_asking")
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.QUEUED

    with pytest.raises(TooLate):
        decisions.undo(cast.alice, question.id)
    weather.write_text("good")
    Run.objects.filter(thread=thread).update(not_before="2020-01-01T00:00Z")
    work_off(thread)

    thread.refresh_from_db()
    assert thread.status == ThreadStatus.DONE
    assert values(thread)["log"] == [True]


def test_an_answer_the_graph_failed_on_for_good_cannot_be_taken_back(cast: Cast, weather: Path) -> None:
    thread = begun(cast, weather, "shaky_after_asking")
    question = open_question(thread)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    Run.objects.live().filter(thread=thread).update(retries=4)
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.FAILED

    with pytest.raises(TooLate):
        decisions.undo(cast.alice, question.id)


def test_nothing_is_put_off_while_somebody_still_has_to_answer(cast: Cast, weather: Path) -> None:
    """Trying again would run the asking node once more behind the reviewer's back."""
    thread = begun(cast, weather, "shaky_beside_asking")

    assert thread.status == ThreadStatus.PAUSED
    assert open_question(thread).is_open
    assert not Run.objects.live().filter(thread=thread).exists()
