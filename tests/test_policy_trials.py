"""Trying a policy on what was asked in the last 30 days, before it is saved."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client

from approvals import decisions, policy_trials
from approvals.models import Event, Interrupt, Policy, Verdict
from approvals.policy_changes import save
from tests.conftest import Cast, open_question
from tests.posting import Page
from tests.support_desk import BOTH
from tests.test_choosing import asked, refund
from tests.test_choosing import rule as save_rule
from tests.test_main_job import ballot
from tests.test_policy_changes import allow
from tests.test_policy_pages import RULE, form_of


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDPOINT_VAR", str(tmp_path))


@pytest.fixture
def rule(cast: Cast, client: Client) -> Policy:
    """By paula, who may change policies and is signed in, and may see no request."""
    paula = allow(User.objects.create(username="paula"))
    client.force_login(paula)
    return save(paula, None, {**RULE, "reviewers": Group.objects.filter(name="reviewers")})


@pytest.fixture
def month(cast: Cast) -> list[Interrupt]:
    """Three small refunds: one approved, one rejected, one that waits; and a large one."""
    asked = [open_question(refund(cast, amount)) for amount in ("12.00", "13.00", "14.00", "60.00")]
    decisions.decide(cast.alice, asked[0].id, ballot(asked[0], Verdict.APPROVE))
    decisions.decide(cast.bob, asked[1].id, ballot(asked[1], Verdict.REJECT, note="Paid last week."))
    return asked


def test_a_policy_is_tried_on_what_was_asked_before_it_is_saved(
    client: Client, cast: Cast, month: list[Interrupt], rule: Policy
) -> None:
    changed = {"condition": "", "auto_condition": "double(args.amount) < 20", "sampled_percent": "0", "do": "try"}
    before = Event.objects.count(), list(Interrupt.objects.values()), list(Policy.objects.values())

    answer = client.post(f"/policies/{rule.id}/", form_of(client, f"/policies/{rule.id}/", **changed))

    words = " ".join(Page(answer.content.decode()).text.split())
    assert answer.status_code == 200
    assert "3 of 4 would be approved without asking; of those 1 was rejected by a person." in words
    assert "4 would fall under this policy." in words
    assert "approved without asking when amount is less than 20" in words
    assert (Event.objects.count(), list(Interrupt.objects.values()), list(Policy.objects.values())) == before
    assert str(month[0].title) not in answer.content.decode()  # paula may not see requests


def draft(policy: Policy, **fields: Any) -> policy_trials.Draft:
    for name, value in fields.items():
        setattr(policy, name, value)
    return policy_trials.Draft.of(policy, groups=list(Group.objects.filter(name="operators")), people=[])


def test_a_trial_says_what_would_differ(cast: Cast, month: list[Interrupt]) -> None:
    wanted = draft(Policy(name="New", priority=5), condition="double(args.amount) > 50", votes_needed=2, risk="high")

    trial = policy_trials.try_out(wanted)

    assert (trial.tried, trial.matched, trial.changed, trial.automatic) == (4, 1, 1, 0)
    (one,) = trial.shown
    assert one.question == month[3]
    assert one.differs == (
        "Asks operators instead of reviewers", "2 must approve instead of 1", "High risk instead of medium",
    )  # fmt: skip
    assert one.was == "Decided by nobody"


def test_a_trial_counts_the_sample_and_what_cannot_be_told(cast: Cast, month: list[Interrupt]) -> None:
    sampled = draft(Policy(name="New", priority=5), auto_condition="true", sampled_percent=100)
    assert (policy_trials.try_out(sampled).sampled, policy_trials.try_out(sampled).automatic) == (4, 0)
    unclear = draft(Policy(name="New", priority=5), condition="args.no_such > 1", votes_needed=2)
    assert policy_trials.try_out(unclear).unclear == 4


def test_a_trial_is_bounded(cast: Cast, month: list[Interrupt], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_trials, "MOST_TRIED", 2)
    trial = policy_trials.try_out(draft(Policy(name="New")))
    assert (trial.tried, trial.is_cut_short) == (2, True)

    monkeypatch.setattr(policy_trials, "MOST_SECONDS", -1.0)
    assert policy_trials.try_out(draft(Policy(name="New"))).tried == 0


def test_a_trial_holds_each_part_to_its_own_policy(cast: Cast) -> None:
    """Even where the draft alone would approve all of it."""
    save_rule("Letters", Group.objects.get(name="reviewers"), action="send_email", votes_needed=3)
    asked(cast, BOTH)
    generous = draft(
        Policy(name="New", priority=5), action="issue_refund", auto_condition="true", sampled_percent=0, risk="high"
    )

    trial = policy_trials.try_out(generous)

    assert (trial.tried, trial.matched, trial.automatic) == (1, 1, 0)
    (one,) = trial.shown
    assert (one.after.votes, one.after.risk, one.after.asked) == (3, "high", ("reviewers", "operators"))


def test_what_is_asked_as_before_under_two_policies_does_not_differ(cast: Cast) -> None:
    save_rule("Letters", Group.objects.get(name="reviewers"), action="send_email", votes_needed=2)
    save_rule("Refunds", Group.objects.get(name="operators"), action="issue_refund", risk="high")
    asked(cast, BOTH)

    assert policy_trials.try_out(draft(Policy(name="New", chain="no such"))).changed == 0
