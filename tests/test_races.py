"""Real concurrency: many at once, exactly one winner, and everybody else is told."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from approvals import decisions, execution, threads
from approvals.decisions import AlreadyDecided
from approvals.models import Decision, Event, EventKind, Run, Thread, ThreadStatus, Verdict, Vote
from tests.conftest import Cast, open_question, work_off
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db(transaction=True)

AT_ONCE = 20


def together(*acts: Callable[[], object]) -> list[object]:
    """Run them all at the same moment; each one's result, or the exception it raised."""
    gate = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        gate.wait()
        try:
            results[place] = act()
        except Exception as error:
            results[place] = error
        finally:
            connection.close()

    crowd = [threading.Thread(target=run, args=(place, act)) for place, act in enumerate(acts)]
    for member in crowd:
        member.start()
    for member in crowd:
        member.join()
    return results


def names(results: list[object]) -> Counter[str]:
    return Counter(type(result).__name__ for result in results)


@pytest.fixture
def reviewers(cast: Cast) -> list[User]:
    group = Group.objects.get(name="reviewers")
    people = [User.objects.create(username=f"reviewer{n}", password="!") for n in range(AT_ONCE)]
    group.user_set.add(*people)
    return people


@pytest.fixture
def waiting(cast: Cast, tmp_path: Path) -> Thread:
    thread = threads.submit(cast.rita, "slow", {"effects": str(tmp_path / "effects")})
    work_off(thread)
    return thread


def test_of_twenty_reviewers_one_wins_and_nineteen_are_told(waiting: Thread, reviewers: list[User]) -> None:
    question = open_question(waiting)
    verdicts = [Verdict.APPROVE, Verdict.REJECT]

    results = together(
        *(
            lambda person=person, verdict=verdicts[place % 2]: decisions.decide(  # type: ignore[misc]
                person, question.id, ballot(question, verdict, note="My view.")
            )
            for place, person in enumerate(reviewers)
        )
    )

    assert names(results) == {"Interrupt": 1, "AlreadyDecided": AT_ONCE - 1}
    decision = Decision.objects.get()
    losers = [result for result in results if isinstance(result, AlreadyDecided)]
    assert {(loser.winner, loser.verdict) for loser in losers} == {(decision.decided_by_name, decision.verdict)}
    assert Vote.objects.count() == 1
    assert Run.objects.live().filter(thread=waiting).count() == 1


def test_twenty_sendings_of_one_form_are_one_vote(waiting: Thread, cast: Cast) -> None:
    question = open_question(waiting)
    form = ballot(question, Verdict.APPROVE, key="one-form")

    results = together(*(lambda: decisions.decide(cast.alice, question.id, form) for _ in range(AT_ONCE)))

    assert names(results) == {"Interrupt": AT_ONCE}
    assert Vote.objects.count() == 1
    assert Event.objects.filter(kind=EventKind.DECISION_MADE).count() == 1


def test_twenty_sendings_of_one_request_are_one_thread(cast: Cast) -> None:
    values = {"request": "Hello"}

    results = together(*(lambda: threads.submit(cast.rita, "prompt_chain", values, key="k") for _ in range(AT_ONCE)))

    assert names(results) == {"Thread": AT_ONCE}
    assert Thread.objects.count() == 1


def test_twenty_doorbells_run_each_node_once(cast: Cast, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    thread = threads.submit(cast.rita, "slow", {"effects": str(effects), "seconds": 0.3})
    run = Run.objects.get(thread=thread)

    together(*(lambda: execution.look(run.id) for _ in range(AT_ONCE)))

    assert effects.read_text().splitlines() == ["work begins", "work ends"]
    assert Run.objects.get(thread=thread).generation == 1


def test_a_decision_and_a_stop_do_not_both_win(cast: Cast, tmp_path: Path) -> None:
    for trial in range(10):
        thread = threads.submit(cast.rita, "slow", {"effects": str(tmp_path / f"effects{trial}")})
        work_off(thread)
        question = open_question(thread)

        decided, stopped = together(
            lambda question=question: decisions.decide(  # type: ignore[misc]
                cast.alice, question.id, ballot(question, Verdict.APPROVE)
            ),
            lambda thread=thread: threads.stop(cast.rita, thread.id),  # type: ignore[misc]
        )
        work_off(thread)

        thread.refresh_from_db()
        assert thread.status == ThreadStatus.CANCELLED
        assert "act 40" not in (tmp_path / f"effects{trial}").read_text()
        assert isinstance(stopped, Thread), (decided, stopped)
