"""The queue asks the database as often for thirty rows as for five, and says of each what is said of one alone."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from approvals import decisions, queueing, threads
from approvals.models import Hold, Interrupt, Policy, Verdict
from approvals.policies import Act, may, why_not_decide
from tests.asked import ask, rest
from tests.conftest import REQUEST, Cast
from tests.queue_desk import signed_in
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db
FEW, MANY = 5, 30
MINE, OTHERS = "/queue/", "/queue/?split=others"


@pytest.fixture(autouse=True)
def two_of_three_must_approve(cast: Cast) -> None:
    Group.objects.get(name="reviewers").user_set.add(cast.oscar)
    Group.objects.get(name="requesters").user_set.add(cast.alice)
    Policy.objects.update(votes_needed=2)


def asked_by(person: User) -> Interrupt:
    thread = threads.submit(person, "prompt_chain", {"request": REQUEST})
    question = ask(thread)
    rest(thread)
    return question


def others_to_decide(cast: Cast, number: int) -> None:
    """Not for alice now: some she has voted on, some bob holds, and some she asked for."""
    for kind in range(number):
        question = asked_by(cast.alice if kind % 3 == 2 else cast.rita)
        if kind % 3 == 0:
            decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
        elif kind % 3 == 1:
            queueing.claim(cast.bob, question.id)


def mine_to_decide(cast: Cast, number: int) -> None:
    """Some have a vote already, and for the others there are too few people."""
    for kind in range(number):
        Policy.objects.update(votes_needed=2 + kind % 2 * 2)
        question = asked_by(cast.rita)
        if kind % 2 == 0:
            decisions.decide(cast.bob, question.id, ballot(question, Verdict.APPROVE))
    Policy.objects.update(votes_needed=2)


def queries(person: User, path: str, *, rows: int) -> int:
    client = signed_in(person)
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(path)
    assert answer.content.count(b'id="row-') == rows
    return len(asked)


@pytest.mark.parametrize(("path", "fill"), [(MINE, mine_to_decide), (OTHERS, others_to_decide)])
def test_thirty_rows_take_no_more_queries_than_five(cast: Cast, path: str, fill: Callable[[Cast, int], None]) -> None:
    fill(cast, FEW)
    few = queries(cast.alice, path, rows=FEW)
    fill(cast, MANY - FEW)

    assert queries(cast.alice, path, rows=MANY) == few


def test_a_list_says_of_each_question_what_is_said_of_it_alone(cast: Cast) -> None:
    others_to_decide(cast, 8)
    mine_to_decide(cast, 2)
    questions = list(Interrupt.objects.open())
    Hold.objects.create(thread=questions[0].thread, backup_at=timezone.now())

    for person in (cast.alice, cast.bob, cast.oscar, cast.rita, cast.mallory):
        alone = {question.id: may(person, Act.DECIDE, question).reason for question in questions}
        assert why_not_decide(person, questions) == alone
        assert len(set(alone.values())) > 1 or person in (cast.rita, cast.mallory)
