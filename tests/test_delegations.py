"""Delegations: who decides in whose place, from when to when, and never around four eyes."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from approvals import decisions, delegations, threads
from approvals.delegations import BadDelegation
from approvals.enough import can_be_decided
from approvals.models import Delegation, Event, EventKind, Interrupt, Policy, Verdict, Vote
from approvals.policies import Act, NotAllowed, may, why_not_decide
from approvals.voting import counted
from tests.asked import ask, rest
from tests.conftest import REQUEST, Cast
from tests.queue_desk import decide, signed_in
from tests.test_main_job import ballot

DAY = timedelta(days=1)


def give(cast: Cast, **changes: Any) -> Delegation:
    return delegations.give(cast.alice, cast.mallory, **{"ends_at": timezone.now() + DAY, **changes})


def test_a_stand_in_decides_and_the_record_names_both(cast: Cast, question: Interrupt) -> None:
    assert not may(cast.mallory, Act.DECIDE, question)

    give(cast, reason="On leave")

    assert question in Interrupt.objects.decidable_by(cast.mallory)
    assert decide(signed_in(cast.mallory), question, verdict="approve").status_code == 200
    vote = Vote.objects.get()
    assert (vote.reviewer, vote.for_name) == (cast.mallory, "Alice Okafor")
    told = Event.objects.get(kind=EventKind.DELEGATION_CHANGED)
    assert (told.actor_name, told.data["change"], told.data["giver"], told.data["taker"], told.data["reason"]) == (
        "Alice Okafor",
        "given",
        "Alice Okafor",
        "mallory",
        "On leave",
    )


def test_it_counts_between_its_dates_by_the_clock_of_the_database(cast: Cast, question: Interrupt) -> None:
    now = timezone.now()
    given = give(cast, starts_at=now + DAY, ends_at=now + 2 * DAY)
    assert not may(cast.mallory, Act.DECIDE, question)

    Delegation.objects.update(starts_at=now - DAY)
    assert may(cast.mallory, Act.DECIDE, question)
    Delegation.objects.update(ends_at=now)
    assert not may(cast.mallory, Act.DECIDE, question)
    assert given.starts_at == now + DAY


def test_it_starts_now_when_it_is_said_to_have_started_before(cast: Cast) -> None:
    given = give(cast, starts_at=timezone.now() - 30 * DAY)

    assert timezone.now() - given.starts_at < timedelta(minutes=1)


@pytest.mark.parametrize("who", ["giver", "taker", "operator"])
def test_giver_taker_and_operators_end_it_early(cast: Cast, question: Interrupt, who: str) -> None:
    given = give(cast)
    with pytest.raises(NotAllowed):
        delegations.end(cast.bob, given.id)
    assert may(cast.mallory, Act.DECIDE, question)

    person = {"giver": cast.alice, "taker": cast.mallory, "operator": cast.oscar}[who]
    delegations.end(person, given.id)
    delegations.end(person, given.id)

    assert not may(cast.mallory, Act.DECIDE, question)
    changes = [event.data["change"] for event in Event.objects.filter(kind=EventKind.DELEGATION_CHANGED)]
    assert sorted(changes) == ["ended", "given"]


def test_what_cannot_be_delegated_is_refused_in_words(cast: Cast) -> None:
    now = timezone.now()
    cast.bob.is_active = False
    cast.bob.save()

    for taker, dates, said in (
        (cast.alice, {}, "somebody else"),
        (cast.bob, {}, "active"),
        (cast.mallory, {"ends_at": now - DAY}, "end after"),
        (cast.mallory, {"starts_at": now + 2 * DAY}, "end after"),
        (cast.mallory, {"ends_at": now + 91 * DAY}, "90 days"),
        (cast.mallory, {"starts_at": now + 400 * DAY, "ends_at": now + 401 * DAY}, "within a year"),
    ):
        with pytest.raises(BadDelegation, match=said):
            delegations.give(cast.alice, taker, **{"ends_at": now + DAY, **dates})  # type: ignore[arg-type]
    for _ in range(delegations.MOST):
        give(cast)
    with pytest.raises(BadDelegation, match="End one"):
        give(cast)


def test_who_decides_nothing_has_nothing_to_delegate(cast: Cast) -> None:
    with pytest.raises(NotAllowed, match="nothing you decide"):
        delegations.give(cast.mallory, cast.alice, ends_at=timezone.now() + DAY)
    Policy.objects.get().people.add(cast.mallory)
    assert delegations.give(cast.mallory, cast.alice, ends_at=timezone.now() + DAY)


def test_a_stand_in_of_the_requester_may_not_decide_under_four_eyes(cast: Cast, question: Interrupt) -> None:
    cast.rita.groups.add(Group.objects.get(name="reviewers"))

    delegations.give(cast.rita, cast.bob, ends_at=timezone.now() + DAY)

    refused = decide(signed_in(cast.bob), question, verdict="approve")
    assert refused.status_code == 403
    assert "stand in for the person who asked" in refused.json()["message"]


@pytest.fixture
def of_two(cast: Cast) -> Interrupt:
    Policy.objects.update(votes_needed=2)
    thread = threads.submit(cast.rita, "prompt_chain", {"request": REQUEST})
    arguments = {"content": "Letter"}
    allowed = ["approve", "edit", "reject"]
    question = ask(thread, holdpoint=1, action="send_letter", description="", arguments=arguments, allowed=allowed)
    rest(thread)
    return question


def why_not(person: User, question: Interrupt) -> str:
    """Alone and in a list alike."""
    reason = may(person, Act.DECIDE, question).reason
    assert why_not_decide(person, [question]) == {question.id: reason}
    assert Interrupt.objects.decidable_by(person).filter(id=question.id).exists() == (not reason)
    return reason


def test_who_has_voted_has_no_second_vote_through_a_stand_in(cast: Cast, of_two: Interrupt) -> None:
    decisions.decide(cast.alice, of_two.id, ballot(of_two, Verdict.APPROVE))
    give(cast)

    assert why_not(cast.mallory, of_two) == "You stand in for Alice Okafor, who has voted on this already."
    with pytest.raises(NotAllowed, match="who has voted"):
        decisions.decide(cast.mallory, of_two.id, ballot(of_two, Verdict.APPROVE))

    decisions.withdraw(cast.alice, of_two.id)
    assert why_not(cast.mallory, of_two) == ""


def test_the_word_of_who_gave_it_is_before_that_of_their_stand_in(cast: Cast, of_two: Interrupt) -> None:
    give(cast)
    decisions.decide(cast.mallory, of_two.id, ballot(of_two, Verdict.APPROVE))

    decisions.decide(cast.alice, of_two.id, ballot(of_two, Verdict.APPROVE))

    assert [vote.reviewer for vote in counted(of_two)] == [cast.alice]
    assert Interrupt.objects.get(id=of_two.id).is_open
    assert "Alice Okafor has voted" in signed_in(cast.bob).get(f"/t/{of_two.thread_id}/").content.decode()
    decisions.decide(cast.bob, of_two.id, ballot(of_two, Verdict.APPROVE))
    assert not Interrupt.objects.get(id=of_two.id).is_open


def test_two_stand_ins_of_one_person_count_once(cast: Cast, of_two: Interrupt) -> None:
    other = User.objects.create(username="other")
    give(cast)
    delegations.give(cast.alice, other, ends_at=timezone.now() + DAY)
    decisions.decide(cast.mallory, of_two.id, ballot(of_two, Verdict.APPROVE))

    assert "in whose place somebody else has voted" in why_not(other, of_two)

    delegations.give(cast.bob, other, ends_at=timezone.now() + DAY)
    assert why_not(other, of_two) == ""
    decisions.decide(other, of_two.id, ballot(of_two, Verdict.APPROVE))
    assert Vote.objects.get(reviewer=other).for_name == "Bob Meyer"
    assert not Interrupt.objects.get(id=of_two.id).is_open


def test_who_may_decide_anyway_has_a_vote_of_their_own(cast: Cast, of_two: Interrupt) -> None:
    delegations.give(cast.alice, cast.bob, ends_at=timezone.now() + DAY)
    decisions.decide(cast.alice, of_two.id, ballot(of_two, Verdict.APPROVE))

    assert why_not(cast.bob, of_two) == ""
    decisions.decide(cast.bob, of_two.id, ballot(of_two, Verdict.APPROVE))

    assert not Interrupt.objects.get(id=of_two.id).is_open


@pytest.mark.parametrize("withdraws", [False, True])
def test_a_stand_in_is_no_second_person_for_what_the_giver_changed(
    cast: Cast, of_two: Interrupt, withdraws: bool
) -> None:
    give(cast)
    edited = ballot(of_two, Verdict.EDIT, arguments={"content": "Changed"})
    version = decisions.decide(cast.alice, of_two.id, edited)
    if withdraws:
        decisions.withdraw(cast.alice, version.id)

    assert "Alice Okafor, who changed this" in why_not(cast.mallory, version)


def test_enough_people_are_enough_says(cast: Cast, of_two: Interrupt) -> None:
    assert can_be_decided(of_two)
    give(cast)
    cast.bob.groups.clear()

    assert not can_be_decided(of_two)


def test_a_stand_in_of_the_requester_breaks_no_glass(cast: Cast, question: Interrupt, settings: Any) -> None:
    settings.HOLDPOINT_BREAK_GLASS = True
    cast.rita.groups.add(Group.objects.get(name="reviewers"))
    cast.bob.user_permissions.add(Permission.objects.get(codename="may_break_glass"))
    assert may(cast.bob, Act.BREAK_GLASS, question)

    delegations.give(cast.rita, cast.bob, ends_at=timezone.now() + DAY)

    assert "stand in for the person who asked" in may(cast.bob, Act.BREAK_GLASS, question).reason


def test_the_page_gives_shows_and_ends(cast: Cast) -> None:
    alice, mallory = signed_in(cast.alice), signed_in(cast.mallory)
    ends = (timezone.localtime() + DAY).strftime("%Y-%m-%dT%H:%M")

    wrong = alice.post("/me/delegations/", {"taker": "nobody", "ends_at": ""})
    assert wrong.status_code == 422
    assert "There is nobody of that name" in wrong.content.decode()
    assert "Say until when." in wrong.content.decode()
    assert alice.post("/me/delegations/", {"taker": "alice", "ends_at": ends}).status_code == 422
    assert alice.post("/me/delegations/", {"taker": "mallory", "ends_at": ends, "reason": "<b>"}).status_code == 303

    given = Delegation.objects.get()
    assert "&lt;b&gt;" in alice.get("/me/delegations/").content.decode()
    assert "You</b> stand in for Alice Okafor" in mallory.get("/me/delegations/").content.decode()
    assert signed_in(cast.bob).post(f"/me/delegations/{given.id}/end/").status_code == 404
    assert mallory.get(f"/me/delegations/{given.id}/end/").status_code == 302
    assert signed_in(cast.oscar).post(f"/me/delegations/{given.id}/end/").status_code == 303
    assert "ended early" in alice.get("/me/delegations/").content.decode()
