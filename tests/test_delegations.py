"""Delegations: who decides in whose place, from when to when, and never around four eyes."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from approvals import delegations
from approvals.delegations import BadDelegation
from approvals.models import Delegation, Event, EventKind, Interrupt, Policy, Vote
from approvals.policies import Act, NotAllowed, may
from tests.conftest import Cast
from tests.queue_desk import decide, signed_in

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
