"""Claims: one at a time, a lease that ends by itself, take-over, giving back, assignment, the clock for beginning."""

import threading
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection, connections

from approvals import queueing
from approvals.models import Event, EventKind, Interrupt, Notice, NoticeKind, Policy, Thread
from approvals.policies import NotAllowed
from approvals.queueing import CannotHold, Held
from tests.asked import ask, rest
from tests.conftest import Cast, open_question
from tests.queue_desk import decide, fresh, let_claim_lapse, signed_in

CROWD = 20


def lines(thread: Thread, kind: EventKind) -> list[dict[str, object]]:
    return [event.data for event in Event.objects.filter(thread_id=thread.id, kind=kind).order_by("seq")]


def test_a_claim_keeps_others_from_deciding_until_it_lapses(cast: Cast, question: Interrupt) -> None:
    queueing.claim(cast.alice, question.id)

    refused = decide(signed_in(cast.bob), question, verdict="reject", note="No.")
    assert (refused.status_code, refused.json()["message"]) == (
        403,
        "Alice Okafor has claimed this. Take it over first.",
    )
    assert question not in Interrupt.objects.decidable_by(cast.bob)
    let_claim_lapse(question)
    assert question in Interrupt.objects.decidable_by(cast.bob)
    assert decide(signed_in(cast.bob), question, verdict="reject", note="No.").status_code == 200


def test_a_second_claim_is_refused_and_ones_own_is_renewed(cast: Cast, question: Interrupt) -> None:
    queueing.claim(cast.alice, question.id)
    first = fresh(question).claim_ends_at

    with pytest.raises(Held, match="Alice Okafor has claimed this"):
        queueing.claim(cast.bob, question.id)
    queueing.claim(cast.alice, question.id)

    renewed = fresh(question)
    assert renewed.claimed_by == cast.alice
    assert first is not None
    assert renewed.claim_ends_at is not None
    assert renewed.claim_ends_at > first
    assert len(lines(question.thread, EventKind.INTERRUPT_CLAIMED)) == 1


def test_only_who_may_decide_may_claim(cast: Cast, question: Interrupt) -> None:
    for person in (cast.rita, cast.oscar, cast.mallory):
        with pytest.raises(NotAllowed):
            queueing.claim(person, question.id)
    Interrupt.objects.filter(id=question.id).update(status="cancelled")
    with pytest.raises(NotAllowed, match="no longer open"):
        queueing.claim(cast.alice, question.id)
    assert fresh(question).claimed_by is None


def test_taking_over_tells_who_loses_it_and_the_record(cast: Cast, question: Interrupt) -> None:
    queueing.claim(cast.alice, question.id)

    queueing.take_over(cast.bob, question.id)

    assert fresh(question).claimed_by == cast.bob
    told = Notice.objects.get()
    assert (told.person, told.kind, told.by_name, told.interrupt_id) == (
        cast.alice,
        NoticeKind.TAKEN_OVER,
        "Bob Meyer",
        question.id,
    )
    assert lines(question.thread, EventKind.INTERRUPT_CLAIMED)[-1]["taken_over_from"] == "Alice Okafor"
    page = signed_in(cast.bob).get(f"/t/{question.thread_id}/").content.decode()
    assert "taken over from Alice Okafor" in page


def test_giving_back_is_for_the_holder(cast: Cast, question: Interrupt) -> None:
    queueing.claim(cast.alice, question.id)

    with pytest.raises(NotAllowed, match="do not hold"):
        queueing.return_(cast.bob, question.id)
    queueing.return_(cast.alice, question.id)

    assert fresh(question).claimed_by is None
    assert question in Interrupt.objects.decidable_by(cast.bob)
    assert lines(question.thread, EventKind.INTERRUPT_RETURNED) == [
        {"interrupt": str(question.id), "claimed_by": "Alice Okafor", "lapsed": False}
    ]


def test_a_vote_ends_the_claim_of_who_cast_it(cast: Cast, submitted: Thread) -> None:
    Policy.objects.update(votes_needed=2, start_within=3_600)
    question = ask(submitted)
    rest(submitted)
    queueing.claim(cast.alice, question.id)

    assert decide(signed_in(cast.alice), question, verdict="approve").status_code == 200

    after = fresh(question)
    assert after.is_open
    assert (after.claimed_by, after.claim_ends_at, after.start_by, after.start_left) == (None, None, None, None)
    assert question in Interrupt.objects.decidable_by(cast.bob)


def test_the_clock_for_beginning_stands_still_during_a_claim(cast: Cast, submitted: Thread) -> None:
    Policy.objects.update(start_within=3_600)
    question = ask(submitted)
    rest(submitted)
    asked = fresh(question).start_by
    assert asked is not None

    queueing.claim(cast.alice, question.id)
    held = fresh(question)
    assert held.start_by is None
    assert held.start_left is not None
    assert timedelta(seconds=3_540) < held.start_left <= timedelta(seconds=3_600)
    queueing.return_(cast.alice, question.id)

    returned = fresh(question)
    assert returned.start_left is None
    assert returned.start_by is not None
    assert returned.start_by > asked


def test_a_lapsed_claim_ends_when_its_lease_did(cast: Cast, submitted: Thread) -> None:
    Policy.objects.update(start_within=3_600)
    question = ask(submitted)
    rest(submitted)
    queueing.claim(cast.alice, question.id)
    left = fresh(question).start_left
    let_claim_lapse(question, ago=timedelta(minutes=10))
    lapsed_at = fresh(question).claim_ends_at
    assert left is not None
    assert lapsed_at is not None

    queueing.claim(cast.bob, question.id)

    assert fresh(question).claimed_by == cast.bob
    assert lines(question.thread, EventKind.INTERRUPT_RETURNED)[-1]["lapsed"] is True
    assert not Notice.objects.filter(kind=NoticeKind.TAKEN_OVER).exists()
    remaining = fresh(question).start_left
    assert remaining is not None
    assert remaining < left - timedelta(minutes=9)


def test_assigning_is_a_claim_of_a_day_and_is_told(cast: Cast, question: Interrupt) -> None:
    queueing.claim(cast.alice, question.id)

    queueing.assign(cast.oscar, question.id, to=cast.bob)

    held = fresh(question)
    assert held.claimed_by == cast.bob
    assert held.claim_ends_at is not None
    assert timedelta(hours=23) < held.claim_ends_at - held.created_at < timedelta(hours=25)
    told = set(Notice.objects.values_list("person__username", "kind"))
    assert told == {("bob", NoticeKind.ASSIGNED.value), ("alice", NoticeKind.TAKEN_OVER.value)}
    queueing.claim(cast.bob, question.id)
    assert fresh(question).claim_ends_at == held.claim_ends_at


@pytest.mark.parametrize("whom", ["rita", "oscar", "mallory"])
def test_nothing_is_assigned_to_who_may_not_decide_it(cast: Cast, question: Interrupt, whom: str) -> None:
    with pytest.raises(CannotHold, match="may not decide this"):
        queueing.assign(cast.alice, question.id, to=getattr(cast, whom))
    with pytest.raises(NotAllowed):
        queueing.assign(cast.rita, question.id, to=cast.alice)
    assert fresh(question).claimed_by is None
    assert [person.username for person in queueing.who_may_hold(fresh(question))] == ["alice", "bob"]


def test_of_a_crowd_that_claims_at_once_one_gets_it(transactional_db: None, cast: Cast, paused: Thread) -> None:
    question = open_question(paused)
    crowd = [User.objects.create(username=f"reviewer-{number}") for number in range(CROWD)]
    Group.objects.get(name="reviewers").user_set.add(*crowd)
    together = threading.Barrier(CROWD)
    winners: list[User] = []
    refused: list[str] = []

    def one(person: User) -> None:
        together.wait()
        try:
            queueing.claim(person, question.id)
            winners.append(person)
        except Held as error:
            refused.append(str(error))
        finally:
            connections.close_all()

    runners = [threading.Thread(target=one, args=(person,)) for person in crowd]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()

    assert [fresh(question).claimed_by] == winners
    assert refused == [f"{winners[0].username} has claimed this. Take it over, and they are told."] * (CROWD - 1)
    assert len(lines(paused, EventKind.INTERRUPT_CLAIMED)) == 1


def test_the_database_refuses_a_claim_without_an_end(question: Interrupt, cast: Cast) -> None:
    with pytest.raises(Exception, match="claim_has_an_end"), connection.cursor() as cursor:
        cursor.execute("UPDATE approvals_interrupt SET claimed_by_id = %s", [cast.alice.id])
