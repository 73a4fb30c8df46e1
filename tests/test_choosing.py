"""Which policy a question is asked under, with real graphs: by priority, chain, action, condition, and in doubt."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from hypothesis import given
from hypothesis import strategies as st

from approvals import threads
from approvals.choosing import Asking, approves_itself, choose
from approvals.models import AtLimit, Decision, Event, EventKind, Interrupt, Policy, Risk, Thread, ThreadStatus, Via
from approvals.policies import Act, may
from approvals.policy_words import why
from tests.conftest import Cast, open_question, work_off
from tests.support_desk import BOTH, MARTA
from tests.test_conditions import CONDITIONS, JSON

REFUND = "Both lamps arrived with broken glass. Please refund {} EUR."
BOSS = "tests.test_choosing.boss_of"


def boss_of(person: User) -> User | None:
    """As those who run Holdpoint would write it."""
    return User.objects.filter(username="oscar").first() if person.username == "rita" else person


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the chain looks: one of its own."""
    monkeypatch.setenv("HOLDPOINT_VAR", str(tmp_path))


@pytest.fixture
def finance(cast: Cast) -> Group:
    group = Group.objects.create(name="finance")
    group.user_set.add(cast.bob)
    return group


def rule(name: str, *groups: Group, **fields: Any) -> Policy:
    made = Policy.objects.create(**{"name": name, "chain": "support_agent", "priority": 10, **fields})
    made.reviewers.set(groups)
    return made


def refund(cast: Cast, amount: str) -> Thread:
    return asked(cast, REFUND.format(amount))


def asked(cast: Cast, message: str) -> Thread:
    thread = threads.submit(cast.rita, "support_agent", {**MARTA, "message": message})
    work_off(thread)
    thread.refresh_from_db()
    return thread


def bounds(finance: Group) -> None:
    condition = "double(args.amount) > 30.0"
    rule("Large", finance, action="issue_refund", condition=condition, votes_needed=2, priority=20, risk=Risk.HIGH)
    rule("Small", *Group.objects.filter(name="reviewers"), action="issue_refund", risk=Risk.LOW)


def test_a_refund_above_and_one_below_the_bound_go_to_different_people(cast: Cast, finance: Group) -> None:
    bounds(finance)

    large, small = open_question(refund(cast, "40.00")), open_question(refund(cast, "12.00"))

    assert (large.policy, large.reviewers, large.votes_needed, large.risk) == ("Large", ["finance"], 2, Risk.HIGH)
    assert (small.policy, small.reviewers, small.votes_needed, small.risk) == ("Small", ["reviewers"], 1, Risk.LOW)
    assert large.ruled.why == "Amount is more than 30."
    assert small.ruled.why == "It covers issue_refund."
    assert why(Policy(condition="args.a > 1 || args.b > 1")) == "args.a > 1 || args.b > 1 holds."
    assert may(cast.bob, Act.DECIDE, large)
    assert not may(cast.alice, Act.DECIDE, large)


def test_of_several_tools_in_one_question_the_strictest_policy_counts(cast: Cast, finance: Group) -> None:
    """Otherwise a large refund would be waved through in the company of a harmless letter."""
    rule("Letters", *Group.objects.filter(name="reviewers"), action="send_email", priority=99, auto_condition="true",
         sampled_percent=0, risk=Risk.LOW)  # fmt: skip
    bounds(finance)

    question = open_question(asked(cast, BOTH))

    assert [call["name"] for call in question.value["action_requests"]] == ["issue_refund", "send_email"]
    assert (question.policy, question.votes_needed) == ("Large", 2)
    parts = [(call["name"], call["args"]) for call in question.value["action_requests"]]
    for order in (parts, parts[::-1]):
        assert choose(Asking("support_agent", "act", None, {}, tuple(order))).policy.name == "Large"


def test_the_highest_priority_that_matches_wins(cast: Cast, finance: Group) -> None:
    rule("First", finance, priority=30)
    rule("Second", finance, priority=20)
    rule("Other chain", finance, priority=99, chain="slow")
    rule("Other tool", finance, priority=99, action="send_email")
    rule("Not in use", finance, priority=99, is_active=False)

    assert open_question(refund(cast, "40.00")).policy == "First"


def test_a_condition_that_cannot_be_told_never_leads_to_a_laxer_policy(cast: Cast, finance: Group) -> None:
    rule("Doubtful", finance, priority=20, condition="args.no_such > 1", votes_needed=2)
    rule("Lax and doubtful", finance, priority=30, condition="args.no_such < 1", risk=Risk.LOW)

    question = open_question(refund(cast, "40.00"))

    assert question.policy == "Doubtful"
    assert question.ruled.why == "Nobody can tell whether no such is more than 1: there is no no_such."


def test_named_people_and_the_requesters_manager_may_decide(cast: Cast, finance: Group, settings: Any) -> None:
    settings.HOLDPOINT_MANAGER_OF = BOSS
    named = rule("Named", asks_manager=True)
    named.people.set([cast.mallory])

    question = open_question(refund(cast, "40.00"))

    assert question.people == [cast.mallory.id, cast.oscar.id]
    assert [name for _, name in question.ruled.people] == ["mallory", "Oscar Lind"]
    able = [person.username for person in User.objects.order_by("username") if may(person, Act.DECIDE, question)]
    assert able == ["mallory", "oscar"]


def test_who_is_their_own_manager_is_not_asked(cast: Cast, settings: Any) -> None:
    """And what nobody can decide is told to operators."""
    settings.HOLDPOINT_MANAGER_OF = BOSS
    rule("Manager", asks_manager=True, chain="prompt_chain")
    cast.oscar.groups.add(Group.objects.get(name="requesters"))
    thread = threads.submit(cast.oscar, "prompt_chain", {"request": "Hello"})
    work_off(thread)

    assert open_question(thread).people == []
    assert Event.objects.filter(thread=thread, kind=EventKind.INTERRUPT_BLOCKED).exists()


def test_below_the_bound_nobody_is_asked(cast: Cast, finance: Group) -> None:
    rule("Automatic", finance, auto_condition="double(args.amount) < 20.0", sampled_percent=0)

    small, large = refund(cast, "12.00"), refund(cast, "40.00")

    decision = Decision.objects.get()
    assert decision.interrupt.thread_id == small.id
    assert (decision.decided_via, decision.decided_by, decision.interrupt.policy) == (Via.POLICY, None, "Automatic")
    assert large.status == ThreadStatus.PAUSED
    assert open_question(large).policy == "Automatic"


def test_all_of_a_full_sample_are_decided_by_people(cast: Cast, finance: Group) -> None:
    rule("Automatic", finance, auto_condition="double(args.amount) < 20.0", sampled_percent=100)

    assert open_question(refund(cast, "12.00")).policy == "Automatic"


def test_a_batch_is_approved_by_itself_only_when_each_part_is_below_the_bound(cast: Cast, finance: Group) -> None:
    rule("Automatic", finance, auto_condition="double(args.amount) < 50.0", sampled_percent=0)

    assert open_question(asked(cast, BOTH)).policy == "Automatic"


def asking(arguments: Any, requester: User | None = None, action: str = "pay") -> Asking:
    return Asking("editable", "act", requester, {"amount": 1}, ((action, arguments),))


def test_the_sampled_share_is_what_it_says_and_cannot_be_foreseen(settings: Any) -> None:
    policy = Policy(name="Automatic", auto_condition="args.amount < 20", sampled_percent=10)

    def sampled() -> set[int]:
        keys = {number: f"{uuid.UUID(int=number)}:i:{'0' * 64}" for number in range(500)}
        return {n for n, key in keys.items() if not approves_itself(policy, asking({"amount": 1}), key=key)}

    settings.HOLDPOINT_RECORD_KEY = "one key of many"
    first = sampled()
    assert first == sampled()
    assert 25 <= len(first) <= 80
    settings.HOLDPOINT_RECORD_KEY = "another key"
    assert sampled() != first


def test_advice_that_raises_the_risk_drops_automatic_approval() -> None:
    policy = Policy(name="Default", auto_condition="true", sampled_percent=0, at_limit=AtLimit.APPROVE)

    advised = policy.advised({"risk": "high"})

    assert not approves_itself(advised, asking({}), key="k")
    assert approves_itself(policy, asking({}), key="k")
    assert approves_itself(policy.advised({"risk": "medium"}), asking({}), key="k")


def test_a_high_risk_is_not_approved_at_its_limit_by_advice_either() -> None:
    policy = Policy(name="Default", at_limit=AtLimit.APPROVE, decide_within=60)

    assert policy.advised({"risk": "critical"}).at_limit == AtLimit.HOLD
    assert Policy(name="D", risk=Risk.HIGH).advised({"at_limit": "approve"}).at_limit == AtLimit.HOLD


def test_what_the_policy_said_is_copied_into_the_question(cast: Cast, finance: Group) -> None:
    made = rule("Copied", finance, editable=["amount"], reject_reasons=["Twice"], remind_after=[60])
    question = open_question(refund(cast, "40.00"))

    Policy.objects.filter(id=made.id).update(editable=[], votes_needed=3)
    finance.name = "renamed"
    finance.save()

    again = Interrupt.objects.get(id=question.id)
    assert (again.votes_needed, again.reviewers, again.ruled.editable) == (1, ["finance"], ("amount",))
    assert again.ruled.reject_reasons == ("Twice",)
    assert len(again.ruled.steps) == 1


@given(CONDITIONS, CONDITIONS, JSON, st.booleans())
def test_choosing_never_fails_and_always_finds_one(condition: str, auto: str, arguments: Any, is_empty: bool) -> None:
    """Whatever was asked, and whatever is written in a policy, even past the check."""
    odd = Policy(name="Odd", condition=condition, auto_condition=auto, sampled_percent=0, priority=1)
    default = Policy(name="Default")
    what = asking(arguments)
    what = Asking(what.chain, what.node, None, {"a": arguments}, () if is_empty else what.parts)

    chosen = choose(what, [odd, default])

    assert chosen.policy in (odd, default)
    assert chosen.why
    assert approves_itself(chosen.policy, what, key="k") in (True, False)


def test_the_last_of_all_is_left_when_nothing_covers_the_question() -> None:
    none, last = Policy(name="None", action="no such", priority=5), Policy(name="Last", chain="no such")

    assert choose(asking({"amount": 1}), [none, last]).policy is last
