"""Snoozing: out of one person's way alone, and back by itself, with the reason."""

import re
from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.utils import timezone

from approvals import comments, queueing
from approvals.models import Interrupt, Policy, Snooze, Thread
from approvals.policies import NotAllowed
from approvals.queueing import BadMoment
from approvals.viewing import record_view
from approvals.views.waiting import for_me, for_others, snoozed_by
from tests.asked import ask, rest
from tests.conftest import Cast
from tests.queue_desk import decide, fresh, let_snooze_end, signed_in


def rows(client: Client, split: str = "") -> list[str]:
    return re.findall(r'data-row="([^"]+)"', client.get(f"/queue/?split={split}").content.decode())


def counts(client: Client) -> dict[str, int]:
    html = client.get("/queue/").content.decode()
    badge = re.search(r"data-count>(\d+)<", html)
    splits = re.findall(r">(For me|Waiting on others|Snoozed|Claimed by me) <span>(\d+)</span>", html)
    return {"badge": int(badge[1]) if badge else 0, **{name: int(count) for name, count in splits}}


def test_what_is_snoozed_is_out_of_my_queue_alone(cast: Cast, alice: Client, question: Interrupt) -> None:
    queueing.snooze(cast.alice, question.id, until=timezone.now() + timedelta(hours=1))

    assert rows(alice) == []
    assert rows(alice, "snoozed") == [str(question.id)]
    assert rows(alice, "others") == []
    assert rows(signed_in(cast.bob)) == [str(question.id)]
    assert question in Interrupt.objects.decidable_by(cast.alice)
    assert decide(alice, question, verdict="approve").status_code == 200
    assert not Snooze.objects.exists()


def test_the_badge_and_every_list_count_the_same(cast: Cast, alice: Client, submitted: Thread) -> None:
    asked = [ask(submitted, number) for number in range(5)]
    rest(submitted)
    queueing.claim(cast.bob, asked[2].id)
    queueing.claim(cast.alice, asked[3].id)
    queueing.snooze(cast.alice, asked[0].id, until=timezone.now() + timedelta(hours=1))
    queueing.snooze(cast.alice, asked[1].id)

    assert counts(alice) == {"badge": 2, "For me": 2, "Waiting on others": 1, "Snoozed": 2, "Claimed by me": 1}
    assert len(rows(alice)) == for_me(cast.alice).count() == 2
    assert len(rows(alice, "others")) == for_others(cast.alice).count() == 1
    assert len(rows(alice, "snoozed")) == snoozed_by(cast.alice).count() == 2
    assert rows(alice, "claimed") == [str(asked[3].id)]


def test_it_comes_back_when_its_time_has_come_and_says_so(cast: Cast, alice: Client, question: Interrupt) -> None:
    queueing.snooze(cast.alice, question.id, until=timezone.now() + timedelta(hours=1))

    let_snooze_end(cast.alice)

    assert rows(alice) == [str(question.id)]
    assert "Returned: the time you chose has come" in alice.get("/queue/").content.decode()


def test_it_comes_back_when_somebody_else_changes_something(cast: Cast, alice: Client, question: Interrupt) -> None:
    queueing.snooze(cast.alice, question.id)
    comments.comment(cast.alice, question.thread_id, "Note to myself.")
    record_view(cast.bob, question)
    assert rows(alice) == []

    comments.comment(cast.rita, question.thread_id, "The amount is 980.")

    assert rows(alice) == [str(question.id)]
    assert "Returned: commented by Rita Sen" in alice.get("/queue/").content.decode()


def test_a_moment_keeps_it_away_whatever_changes(cast: Cast, alice: Client, question: Interrupt) -> None:
    queueing.snooze(cast.alice, question.id, until=timezone.now() + timedelta(hours=1))

    comments.comment(cast.rita, question.thread_id, "The amount is 980.")

    assert rows(alice) == []


def test_it_can_be_brought_back(cast: Cast, alice: Client, question: Interrupt) -> None:
    queueing.snooze(cast.alice, question.id)

    assert alice.post(f"/interrupts/{question.id}/snooze/", {"end": "1", "next": "/queue/"})["Location"] == "/queue/"

    assert rows(alice) == [str(question.id)]


def test_who_snoozes_holds_it_no_more(cast: Cast, question: Interrupt) -> None:
    queueing.claim(cast.alice, question.id)

    queueing.snooze(cast.alice, question.id)

    assert fresh(question).claimed_by is None


def test_it_is_never_put_away_past_its_limit_nor_into_the_past(cast: Cast, submitted: Thread) -> None:
    Policy.objects.update(decide_within=3_600)
    question = ask(submitted)
    rest(submitted)
    now = timezone.now()

    for until in (now - timedelta(seconds=1), now + timedelta(hours=2)):
        with pytest.raises(BadMoment):
            queueing.snooze(cast.alice, question.id, until=until)
    Policy.objects.update(decide_within=None)
    with pytest.raises(BadMoment):
        queueing.snooze(cast.alice, ask(submitted, 2).id, until=now + timedelta(days=31))
    with pytest.raises(NotAllowed):
        queueing.snooze(cast.rita, question.id)
    assert not Snooze.objects.exists()


def test_the_form_offers_moments_and_takes_one_of_ones_own(cast: Cast, alice: Client, question: Interrupt) -> None:
    address = f"/interrupts/{question.id}/snooze/"

    # At nine o'clock, which is furthest away just after midnight; the week's on a Monday, furthest on a Monday.
    for chosen, least, most in (("hour", 0.9, 1.1), ("tomorrow", 0, 24 + 9), ("week", 0, 7 * 24 + 9)):
        assert alice.post(address, {"for": chosen}).status_code == 303
        until, now = Snooze.objects.annotate(now=Now()).values_list("until", "now").get()
        assert until is not None
        assert timedelta(hours=least) < until - now <= timedelta(hours=most), chosen
    own = (timezone.localtime() + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    assert alice.post(address, {"until": own}).status_code == 303
    for wrong in ("", "yesterday", "2020-01-01T00:00", "2026-13-45T99:99"):
        assert alice.post(address, {"until": wrong}).status_code == 422, wrong
    assert alice.post(address, {"for": "change"}).status_code == 303
    assert Snooze.objects.get().until is None
