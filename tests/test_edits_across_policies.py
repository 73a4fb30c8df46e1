"""An edit that would have been asked under another policy: it is asked again under that one, before it counts."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone

from approvals import decisions
from approvals.enough import can_be_decided
from approvals.inspection import Reply
from approvals.models import AtLimit, Decision, Edits, Event, EventKind, Interrupt, Policy, Risk, Verdict
from approvals.policies import Act, NotAllowed, may
from approvals.voting import counted
from tests.conftest import PASSWORD, Cast
from tests.graphs.formats import MAIL, REFUND
from tests.test_deciding_pages import JSON, post, words
from tests.test_reauthentication import grow_old
from tests.test_voting import APPROVE, EDIT, answer_of, asked, decide, edit
from tests.test_voting_pages import client_of, posted


@pytest.fixture
def finance(cast: Cast) -> Group:
    """Mallory and Carol pay; Alice and Bob review."""
    group = Group.objects.create(name="finance")
    group.user_set.add(cast.mallory, User.objects.create(username="carol"))
    return group


@pytest.fixture
def carol(finance: Group) -> User:
    return User.objects.get(username="carol")


@pytest.fixture
def large(finance: Group) -> Policy:
    return policy("Large", finance, condition="args.amount > 500", priority=20, votes_needed=2, risk=Risk.HIGH)


def policy(name: str, *groups: Group, **fields: Any) -> Policy:
    made = Policy.objects.create(**{"name": name, "action": "issue_refund", "undo_seconds": 0, **fields})
    made.reviewers.set(groups)
    return made


def proposal_of(question: Interrupt) -> Any:
    assert question.proposal is not None
    return question.proposal[0]["arguments"]


@pytest.mark.parametrize("edits", [Edits.ALONE, Edits.SECOND])
def test_an_edit_past_a_bound_is_asked_of_those_beyond_it(cast: Cast, carol: User, large: Policy, edits: Edits) -> None:
    question = asked(cast, edits=edits)
    assert question.policy == "Default"

    again = edit(cast.alice, question, amount=4000)

    assert not Decision.objects.exists()
    assert (again.policy, again.reviewers, again.votes_needed, again.risk) == ("Large", ["finance"], 2, Risk.HIGH)
    assert (again.is_proposal, again.proposal_by_name, proposal_of(again)["amount"]) == (True, "Alice Okafor", 4000)
    assert again.ruled.why == "Amount is more than 500."
    with pytest.raises(NotAllowed, match="members of finance"):
        decide(cast.bob, again, APPROVE)
    assert counted(again) == []  # Alice is not asked by Large
    assert decide(cast.mallory, again, APPROVE).is_open
    again = decide(carol, again, APPROVE)
    assert answer_of(again)["arguments"]["amount"] == 4000


def test_an_edit_within_the_bound_stays_where_it_is(cast: Cast, large: Policy) -> None:
    question = edit(cast.alice, asked(cast, edits=Edits.ALONE), amount=41)

    assert (question.policy, question.is_proposal, question.is_open) == ("Default", False, False)


def test_a_policy_that_changed_since_does_not_reach_an_open_question(cast: Cast, large: Policy) -> None:
    question = asked(cast, edits=Edits.ALONE)
    Policy.objects.filter(name="Default").update(votes_needed=3, version=2)

    assert not edit(cast.alice, question, amount=41).is_open


def test_votes_before_do_not_come_along(cast: Cast, finance: Group) -> None:
    """Though those who gave them are asked by the other policy as well."""
    question = asked(cast, votes_needed=2)
    policy("Large", Group.objects.get(name="reviewers"), condition="args.amount > 500", priority=20, votes_needed=2)
    decide(cast.bob, question, APPROVE)

    again = edit(cast.alice, question, amount=4000)

    assert (again.policy, again.is_open) == ("Large", True)
    assert [(vote.reviewer_name, vote.verdict) for vote in counted(again)] == [("Alice Okafor", "edit")]


def test_who_edited_it_is_never_the_only_one_under_the_other_policy(cast: Cast, finance: Group) -> None:
    """Even where that one lets people approve what they edit, and is approved without asking below a bound."""
    reviewers = Group.objects.get(name="reviewers")
    lax = {"edits": Edits.ALONE, "auto_condition": "true", "sampled_percent": 0, "at_limit": AtLimit.APPROVE}
    question = asked(cast, edits=Edits.ALONE)
    policy("Large", reviewers, condition="args.amount > 500", priority=20, decide_within=60, **lax)

    again = edit(cast.alice, question, amount=4000)

    assert (again.policy, again.is_open, again.at_limit) == ("Large", True, AtLimit.HOLD)
    assert again.due_at is not None
    decisions.withdraw(cast.alice, again.id)
    # Within the same policy now: what somebody edits here needs somebody else all the same.
    once_more = edit(cast.alice, again, amount=5000)
    assert (once_more.is_open, proposal_of(once_more)["amount"]) == (True, 5000)
    assert answer_of(decide(cast.bob, once_more, APPROVE))["arguments"]["amount"] == 5000


def test_deadlines_begin_with_the_version_they_are_for(cast: Cast, large: Policy) -> None:
    question = asked(cast, remind_after=[60], decide_within=60)
    Interrupt.objects.filter(id=question.id).update(
        steps_done=1, escalated_to=["reviewers"], overdue_at=timezone.now(), next_step_at=None
    )
    Policy.objects.filter(name="Large").update(remind_after=[90, 120], decide_within=3_600, at_limit=AtLimit.REJECT)

    again = edit(cast.alice, Interrupt.objects.get(id=question.id), amount=4000)

    assert (again.steps_done, again.escalated_to, again.overdue_at) == (0, [], None)
    assert again.next_step_at == again.ruled.steps[0].at
    assert again.due_at is not None
    assert again.due_at > timezone.now() + timedelta(minutes=50)
    assert again.at_limit == AtLimit.REJECT
    assert not may(cast.alice, Act.DECIDE, again)


def test_four_eyes_are_those_of_the_policy_it_came_under(cast: Cast, finance: Group, carol: User) -> None:
    cast.rita.groups.add(finance)
    question = asked(cast, four_eyes=False)
    policy("Large", finance, condition="args.amount > 500", priority=20, four_eyes=True)

    again = edit(cast.alice, question, amount=4000)

    assert not may(cast.rita, Act.DECIDE, again)
    assert may(carol, Act.DECIDE, again)


def test_an_edited_version_is_put_to_the_policies_again_when_it_is_edited(
    cast: Cast, carol: User, large: Policy
) -> None:
    """Down again is asked of those who decide what is small, and what one of them makes of it upwards is not theirs."""
    first = edit(cast.alice, asked(cast, edits=Edits.SECOND), amount=4000)

    down = edit(carol, first, amount=30)
    assert (down.policy, down.proposal_by_name, down.votes_needed) == ("Default", "carol", 1)
    up = edit(cast.bob, down, amount=9000)
    assert (up.policy, up.proposal_by_name, up.votes_needed) == ("Large", "Bob Meyer", 2)


def test_another_tool_is_asked_under_its_own_policy(
    cast: Cast, finance: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("approvals.inspection.may_rename", lambda chain: True)
    policy("Letters", finance, action="send_mail", priority=20)
    question = asked(cast, "legacy_object", edits=Edits.ALONE)

    renamed = (Reply(EDIT, MAIL, action="send_mail"),)
    again = decide(cast.alice, question, EDIT, replies=renamed)

    assert (again.policy, again.reviewers, again.is_open) == ("Letters", ["finance"], True)


def test_one_part_of_several_that_crosses_a_bound_takes_all_of_it_along(cast: Cast, carol: User, large: Policy) -> None:
    """Default still asks about the letter, so whoever decides now is one of both."""
    question = asked(cast, "batch_camel", edits=Edits.ALONE)
    replies = (Reply(EDIT, {**REFUND, "amount": 4000}), Reply(APPROVE))

    again = decide(cast.alice, question, Verdict.MIXED, replies=replies)

    assert (again.policies, again.votes_needed) == (["Large", "Default"], 2)
    assert Event.objects.filter(kind=EventKind.INTERRUPT_BLOCKED, data__interrupt=str(again.id)).exists()
    carol.groups.add(Group.objects.get(name="reviewers"))
    assert may(carol, Act.DECIDE, again)


def test_a_part_that_is_rejected_still_counts_for_who_decides(cast: Cast, large: Policy) -> None:
    """Otherwise an edit of one part and a rejection of the other would shake off the other's policy."""
    policy("Letters", Group.objects.get(name="reviewers"), action="send_mail", votes_needed=2, priority=30)
    question = asked(cast, "batch_camel", edits=Edits.SECOND)
    replies = (Reply(EDIT, {**REFUND, "amount": 41}), Reply(Verdict.REJECT, message="No."))

    again = decide(cast.alice, question, Verdict.MIXED, replies=replies)

    assert again.policies == question.policies == ["Letters", "Default"]
    assert again.votes_needed == 2


def test_what_nobody_can_decide_now_is_told_to_operators(cast: Cast) -> None:
    nobody = Group.objects.create(name="nobody")
    question = asked(cast)
    policy("Large", nobody, condition="args.amount > 500", priority=20)

    again = edit(cast.alice, question, amount=4000)

    assert Event.objects.filter(kind=EventKind.INTERRUPT_BLOCKED, data__interrupt=str(again.id)).exists()


def test_who_proposed_it_alone_cannot_decide_it_where_nobody_may_edit(cast: Cast) -> None:
    alone = Group.objects.create(name="alone")
    alone.user_set.add(cast.alice)
    question = asked(cast)
    policy("Large", alone, condition="args.amount > 500", priority=20, edits=Edits.NONE)

    assert not can_be_decided(edit(cast.alice, question, amount=4000))


def test_an_answer_changes_nothing_that_is_asked(cast: Cast, finance: Group) -> None:
    question = asked(cast, "schema_dict")
    policy("Everything", finance, action="", chain="schema_dict", priority=20)

    answered = decide(cast.alice, question, Verdict.RESPOND, arguments={"street": "Elm Street"})

    assert (answered.policy, answered.is_open) == ("Default", False)


def test_the_record_names_the_policy_it_came_under(cast: Cast, large: Policy) -> None:
    edit(cast.alice, asked(cast), amount=4000)

    told = Event.objects.get(kind=EventKind.EDIT_PROPOSED).data
    assert (told["under"], told["version"]) == ("Large", 1)


# ---- On pages ----------------------------------------------------------------------------------------------------


def test_the_page_says_whom_the_edit_is_asked_of_and_why(cast: Cast, large: Policy) -> None:
    alice = client_of(cast.alice)
    question = asked(cast, edits=Edits.ALONE)
    fields = {**posted(alice, question, f"?edit={question.id}"), "arguments.amount": "4000", "verdict": "edit"}

    answer = alice.post(f"/interrupts/{question.id}/decision/", fields, follow=True)

    assert "is asked again under policy Large: Amount is more than 500." in words(answer)
    assert "It waits for members of finance." in words(answer)
    assert "asked again under policy Large" in words(alice.get(f"/t/{question.thread_id}/"))
    again = Interrupt.objects.open().get()
    assert (again.policy, proposal_of(again)["amount"]) == ("Large", 4000)


def test_programs_are_told_under_which_policy_it_is_asked_again(cast: Cast, large: Policy) -> None:
    question = asked(cast, edits=Edits.ALONE)
    large_one = json.dumps({**REFUND, "amount": 4000})

    answer = post(client_of(cast.alice), question, headers=JSON, verdict="edit", arguments=large_one).json()

    assert answer["asked_again"] == {"policies": ["Large"], "why": "Amount is more than 500."}
    assert (answer["status"], answer["proposal"], answer["votes_needed"]) == ("open", True, 2)


def test_a_dear_policy_asks_for_a_proof_before_an_edit_reaches_it(cast: Cast, large: Policy, settings: Any) -> None:
    settings.HOLDPOINT_REAUTHENTICATE = "high"
    question = asked(cast, edits=Edits.ALONE)
    alice = Client()
    alice.post("/accounts/login/", {"username": "alice", "password": PASSWORD})
    grow_old(alice, seconds=10_000)
    small, big = (json.dumps({**REFUND, "amount": amount}) for amount in (41, 4000))

    refused = post(alice, question, headers=JSON, verdict="edit", arguments=big)
    assert (refused.status_code, refused.json()["error"]) == (403, "reauthenticate")
    assert Interrupt.objects.open().get() == question

    assert post(alice, question, headers=JSON, verdict="edit", arguments=small).status_code == 200
