"""The time to claim a question: told once when it is over, and it stands still while somebody has claimed it."""

from datetime import UTC, timedelta

from django.db.models import F

from approvals import limits, queueing
from approvals.business_time import after
from approvals.models import Calendar, EventKind, Interrupt, NoticeKind, Policy
from tests.asking_by_hand import asked_ago
from tests.conftest import Cast
from tests.test_steps import HOUR, lines, told, vote


def test_nobody_claimed_it_in_time_so_reviewers_and_operators_are_told_once(cast: Cast) -> None:
    question = asked_ago(cast.rita, 2 * HOUR, start_within=HOUR)

    limits.sweep()
    limits.sweep()

    assert lines(question) == [(EventKind.START_PASSED, None)]
    assert told(question, NoticeKind.OVERDUE) == ["alice", "bob", "oscar"]
    question.refresh_from_db()
    assert question.start_by is None
    assert question.is_open


def test_a_vote_is_a_beginning_too(cast: Cast) -> None:
    question = asked_ago(cast.rita, 2 * HOUR, start_within=HOUR, votes_needed=2)
    vote(question, cast.alice)

    limits.sweep()

    assert lines(question) == []
    assert not Interrupt.objects.past_start().exists()


def test_a_claim_stops_the_clock_for_claiming_and_one_that_lapsed_starts_it_again(cast: Cast) -> None:
    question = asked_ago(cast.rita, HOUR - 600, start_within=HOUR)
    queueing.claim(cast.alice, question.id)
    mine = Interrupt.objects.filter(id=question.id)
    mine.update(claim_ends_at=F("claim_ends_at") + timedelta(hours=9))
    limits.sweep()
    assert EventKind.START_PASSED not in dict(lines(question))

    mine.update(claim_ends_at=F("created_at") - timedelta(seconds=900))
    limits.sweep()
    limits.sweep()

    assert [kind for kind, _ in lines(question)] == [
        EventKind.INTERRUPT_CLAIMED,
        EventKind.INTERRUPT_RETURNED,
        EventKind.START_PASSED,
    ]
    question.refresh_from_db()
    assert question.claimed_by_id is None


def test_the_clock_for_claiming_stands_still_and_runs_in_the_hours_that_count(cast: Cast) -> None:
    """Open for one hour a day: half an hour that is left when it is given back does not end in the night."""
    question = asked_ago(cast.rita, 0, start_within=HOUR)
    now = question.created_at.astimezone(UTC)
    opens = now.replace(hour=(now.hour + 5) % 23, minute=0, second=0, microsecond=0)
    hour = Calendar.objects.create(
        name="An hour a day", weekdays=list(range(7)), opens=opens.time(), closes=(opens + timedelta(hours=1)).time()
    )
    Policy.objects.update(calendar=hour)
    mine = Interrupt.objects.filter(id=question.id)
    mine.update(start_by=after(now, HOUR / 2, hour))

    queueing.claim(cast.alice, question.id)
    assert mine.get().start_left == timedelta(minutes=30)
    queueing.return_(cast.alice, question.id)

    start_by = mine.get().start_by
    assert start_by is not None
    assert (start_by.hour, start_by.minute) == (opens.hour, 30)
