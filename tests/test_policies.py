"""Who may do what, through the one function, and its twin for lists."""

import pytest
from django.contrib.auth.models import AnonymousUser, User

from approvals import decisions, inspection, threads
from approvals.models import Edits, Interrupt, Policy, Thread, Verdict
from approvals.policies import Act, NotAllowed, may, visible_threads
from tests.conftest import Cast, open_question, work_off
from tests.test_main_job import ballot

ROLES = ("rita", "alice", "oscar", "mallory", "root", "gone", "nobody")


@pytest.fixture
def people(cast: Cast) -> dict[str, User | AnonymousUser]:
    root = User.objects.create(username="root", is_superuser=True)
    gone = User.objects.create(username="gone", is_active=False)
    gone.groups.set(cast.alice.groups.all())
    everybody: dict[str, User | AnonymousUser] = {name: getattr(cast, name) for name in ROLES[:4]}
    return {**everybody, "root": root, "gone": gone, "nobody": AnonymousUser()}


@pytest.mark.parametrize(
    ("act", "allowed"),
    [
        (Act.SUBMIT, {"rita", "oscar", "root"}),
        (Act.SEE_QUEUE, {"alice", "oscar", "root"}),
    ],
)
def test_who_may_do_what_in_general(people: dict[str, User], act: Act, allowed: set[str]) -> None:
    assert {name for name, person in people.items() if may(person, act)} == allowed


@pytest.mark.parametrize(
    ("act", "allowed"),
    [
        (Act.SEE, {"rita", "alice", "oscar", "root"}),
        (Act.STOP, {"rita", "oscar", "root"}),
        (Act.MESSAGE, {"rita"}),
        (Act.EDIT_STATE, {"alice", "oscar", "root"}),
        (Act.CARRY_ON, {"alice", "oscar", "root"}),
    ],
)
def test_who_may_do_what_with_ritas_thread(
    people: dict[str, User], paused: Thread, act: Act, allowed: set[str]
) -> None:
    assert {name for name, person in people.items() if may(person, act, paused)} == allowed


def test_only_reviewers_decide(people: dict[str, User], paused: Thread) -> None:
    question = open_question(paused)

    assert {name for name, person in people.items() if may(person, Act.DECIDE, question)} == {"alice"}


def test_the_requester_does_not_decide_even_as_a_reviewer_or_superuser(paused: Thread, cast: Cast) -> None:
    cast.rita.groups.set(cast.alice.groups.all())
    cast.rita.is_superuser = True
    cast.rita.save()
    question = open_question(paused)

    with pytest.raises(NotAllowed, match="somebody else must decide"):
        decisions.decide(cast.rita, question.id, ballot(question, Verdict.APPROVE))


def test_a_reviewer_removed_meanwhile_does_not_decide(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    cast.alice.groups.clear()

    with pytest.raises(NotAllowed):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))


def test_an_account_disabled_meanwhile_does_not_decide(paused: Thread, cast: Cast) -> None:
    question = open_question(paused)
    User.objects.filter(id=cast.alice.id).update(is_active=False)

    with pytest.raises(NotAllowed):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))


def test_the_list_and_the_function_agree(people: dict[str, User], paused: Thread) -> None:
    question = open_question(paused)
    for person in people.values():
        if isinstance(person, User):
            listed = Interrupt.objects.decidable_by(person).filter(id=question.id).exists()
            assert listed == bool(may(person, Act.DECIDE, question)), person
            assert visible_threads(person).filter(id=paused.id).exists() == bool(may(person, Act.SEE, paused)), person


def test_with_two_votes_needed_one_approval_is_not_enough(cast: Cast) -> None:
    Policy.objects.update(votes_needed=2)
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    work_off(thread)
    question = open_question(thread)

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    question.refresh_from_db()
    assert question.is_open
    with pytest.raises(NotAllowed, match="voted on this already"):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    decisions.decide(cast.bob, question.id, ballot(question, Verdict.APPROVE))
    question.refresh_from_db()
    assert question.decision.decided_by_name == "Bob Meyer"


def test_an_edit_is_refused_where_the_policy_allows_none(cast: Cast) -> None:
    Policy.objects.update(edits=Edits.NONE)
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    work_off(thread)
    question = open_question(thread)

    with pytest.raises(inspection.BadAnswer, match="cannot be edited"):
        decisions.decide(cast.alice, question.id, ballot(question, Verdict.EDIT, arguments={"content": "x"}))


def test_a_later_policy_does_not_reach_an_open_question(paused: Thread, cast: Cast) -> None:
    Policy.objects.update(votes_needed=3)
    question = open_question(paused)

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))

    question.refresh_from_db()
    assert not question.is_open
