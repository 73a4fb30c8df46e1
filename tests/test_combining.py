"""A question with several parts that fall under several policies: each part by its own, and people by the strictest."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals import decisions
from approvals.choosing import Asking, choose
from approvals.combining import advised, approves_all, snapshot_of
from approvals.enough import entitled_people
from approvals.models import AtLimit, Decision, Edits, Event, EventKind, Interrupt, Policy, Risk, StepKind, Verdict
from approvals.policies import Act, NotAllowed, asked_people, in_place_of, may
from approvals.views.asked import tell_votes, why_asked
from tests.conftest import Cast, open_question, work_off
from tests.support_desk import BOTH
from tests.test_choosing import asked, rule
from tests.test_main_job import ballot
from tests.test_voting import delegate

LETTER = ("send_email", {"text": "Hello"})
REFUND = ("issue_refund", {"amount": "500"})
SMALL = ("issue_refund", {"amount": "5"})


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDPOINT_VAR", str(tmp_path))


@pytest.fixture
def finance(cast: Cast) -> Group:
    """Bob reviews, too; Alice does not pay."""
    group = Group.objects.create(name="finance")
    group.user_set.add(cast.bob, cast.mallory)
    return group


def two(finance: Group, letters: Any = (), refunds: Any = ()) -> None:
    reviewers = Group.objects.get(name="reviewers")
    rule("Letters", reviewers, action="send_email", **{"sampled_percent": 0, **dict(letters)})
    rule("Refunds", finance, action="issue_refund", **{"sampled_percent": 0, **dict(refunds)})


def asking(*parts: Any) -> Asking:
    return Asking("support_agent", "act", None, {}, parts)


def approves(*parts: Any, key: str = "k") -> bool:
    return approves_all(choose(asking(*parts)), asking(*parts), key=key)


def kept(*parts: Any) -> Any:
    return snapshot_of(choose(asking(*parts)), timezone.now(), requester=None)


# ---- Approved without asking -------------------------------------------------------------------------------------


@pytest.mark.parametrize("company", [(LETTER, REFUND), (REFUND, LETTER)])
def test_each_part_is_held_to_the_bound_of_its_own_policy(cast: Cast, finance: Group, company: Any) -> None:
    two(finance, {"auto_condition": "true"}, {"auto_condition": "double(args.amount) < 20.0"})

    assert not approves(*company)
    assert approves(LETTER, SMALL)
    assert approves(SMALL, LETTER)


def test_what_a_policy_sends_to_people_is_not_approved_in_company(cast: Cast, finance: Group) -> None:
    two(finance, {"auto_condition": "args.text.size() < 3"}, {"auto_condition": "true"})

    question = open_question(asked(cast, BOTH))

    assert not Decision.objects.exists()
    assert set(question.policies) == {"Letters", "Refunds"}


def test_what_each_policy_approves_without_asking_is_approved_together(cast: Cast, finance: Group) -> None:
    two(finance, {"auto_condition": "true"}, {"auto_condition": "double(args.amount) < 50.0"})

    thread = asked(cast, BOTH)
    work_off(thread)

    assert not Interrupt.objects.open().exists()
    assert {decision.decided_by for decision in Decision.objects.all()} == {None}


@pytest.mark.parametrize(("votes_needed", "taken"), [(1, "Large"), (2, "Refunds")])
def test_what_may_fall_under_another_policy_is_not_approved_without_asking(
    cast: Cast, finance: Group, votes_needed: int, taken: str
) -> None:
    """A condition of which nobody can tell whether it holds: of the policy that is taken, or of one before it."""
    two(finance, {}, {"auto_condition": "true", "votes_needed": votes_needed, "priority": 1})
    assert approves(SMALL)
    rule("Large", finance, action="issue_refund", condition="args.total > 5", auto_condition="true", sampled_percent=0)

    assert choose(asking(SMALL)).policy.name == taken
    assert not approves(SMALL)


@pytest.mark.parametrize("sampled", ["Letters", "Refunds"])
def test_what_is_drawn_from_one_policy_s_share_is_decided_by_people(cast: Cast, finance: Group, sampled: str) -> None:
    two(finance, {"auto_condition": "true"}, {"auto_condition": "true"})
    assert approves(LETTER, REFUND)

    Policy.objects.filter(name=sampled).update(sampled_percent=100)

    assert not approves(LETTER, REFUND)


def test_advice_holds_for_each_policy(cast: Cast, finance: Group) -> None:
    two(finance, {"chain": "", "auto_condition": "true"}, {"chain": "", "auto_condition": "true"})
    parts = asking(LETTER, REFUND)

    assert approves_all(choose(parts), parts, key="k")
    assert not approves_all(advised(choose(parts), {"risk": "high"}), parts, key="k")


# ---- When people are asked ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("company", [(LETTER, REFUND), (REFUND, LETTER)])
def test_of_each_rule_the_strictest_holds(cast: Cast, finance: Group, company: Any) -> None:
    two(
        finance,
        {"votes_needed": 3, "four_eyes": False, "risk": Risk.LOW, "undo_seconds": 60, "edits": Edits.ALONE,
         "veto": False, "approval_needs_note": True, "reject_reasons": ["Tone"]},
        {"votes_needed": 2, "four_eyes": True, "risk": Risk.CRITICAL, "undo_seconds": 5, "edits": Edits.SECOND,
         "veto": True, "reject_reasons": ["Twice"], "editable": ["amount"]},
    )  # fmt: skip

    found = kept(*company)

    assert (found["votes_needed"], found["four_eyes"], found["risk"], found["undo_seconds"]) == (
        3,
        True,
        "critical",
        60,
    )
    rules = found["rules"]
    assert (rules["veto"], rules["edits"], rules["approval_needs_note"]) == (True, "second", True)
    assert (rules["editable"], set(rules["reject_reasons"])) == (["amount"], {"Tone", "Twice"})


def test_what_no_two_policies_let_people_edit_nobody_edits(cast: Cast, finance: Group) -> None:
    two(finance, {"editable": ["text"]}, {"editable": ["amount"]})
    assert kept(LETTER, REFUND)["rules"]["edits"] == "none"

    Policy.objects.filter(name="Letters").update(editable=["text", "amount"])
    rules = kept(LETTER, REFUND)["rules"]
    assert (rules["edits"], rules["editable"]) == ("second", ["amount"])


HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize(
    ("letters", "refunds", "seconds", "at_limit"),
    [
        ((HOUR, AtLimit.REJECT), (DAY, AtLimit.HOLD), HOUR, AtLimit.REJECT),
        ((HOUR, AtLimit.HOLD), (DAY, AtLimit.REJECT), HOUR, AtLimit.HOLD),
        ((HOUR, AtLimit.HOLD), (HOUR, AtLimit.REJECT), HOUR, AtLimit.REJECT),
        ((HOUR, AtLimit.APPROVE), (DAY, AtLimit.REJECT), HOUR, AtLimit.HOLD),
        ((HOUR, AtLimit.APPROVE), (None, AtLimit.APPROVE), HOUR, AtLimit.HOLD),
        # Silence is consent only when it has lasted as long as each of them says.
        ((HOUR, AtLimit.APPROVE), (DAY, AtLimit.APPROVE), DAY, AtLimit.APPROVE),
        ((None, AtLimit.HOLD), (None, AtLimit.HOLD), None, AtLimit.HOLD),
    ],
)
def test_the_first_limit_counts_and_silence_is_consent_only_by_all(
    cast: Cast, finance: Group, letters: Any, refunds: Any, seconds: int | None, at_limit: AtLimit
) -> None:
    for company in ((LETTER, REFUND), (REFUND, LETTER)):
        Policy.objects.filter(name__in=["Letters", "Refunds"]).delete()
        two(finance, *({"decide_within": within, "at_limit": then} for within, then in (letters, refunds)))
        now = timezone.now()

        found = snapshot_of(choose(asking(*company)), now, requester=None)

        assert found["due_at"] == (now + timedelta(seconds=seconds) if seconds else None)
        assert found["at_limit"] == at_limit


def test_reminders_are_those_of_all_and_escalation_is_the_leading_policy_s(cast: Cast, finance: Group) -> None:
    steps = [{"after": HOUR, "groups": ["operators"]}]
    two(
        finance,
        {"remind_after": [60], "escalation": steps},
        {"votes_needed": 2, "remind_after": [90], "start_within": 5},
    )

    found = kept(LETTER, REFUND)

    assert found["policy"] == "Refunds"
    assert [step["kind"] for step in found["rules"]["steps"]] == [StepKind.REMIND, StepKind.REMIND]
    assert found["next_step_at"] is not None
    assert found["start_by"] is not None


def test_who_decides_is_asked_by_the_policy_of_each_part(cast: Cast, finance: Group) -> None:
    two(finance, {"four_eyes": False}, {"votes_needed": 1})
    question = open_question(asked(cast, BOTH))

    people = User.objects.order_by("username")
    assert [person.username for person in people if may(person, Act.DECIDE, question)] == ["bob"]
    assert [person.username for person in people if Interrupt.objects.decidable_by(person).exists()] == ["bob"]
    assert [person.username for person in entitled_people(question)] == ["bob"]
    for person in (cast.alice, cast.mallory):
        with pytest.raises(NotAllowed, match="members of finance who are also among members of reviewers"):
            decisions.decide(person, question.id, ballot(question, Verdict.APPROVE))
    assert not decisions.decide(cast.bob, question.id, ballot(question, Verdict.APPROVE)).is_open


def test_who_stands_in_for_one_who_is_asked_by_each_decides_in_their_place(cast: Cast, finance: Group) -> None:
    two(finance)
    question = open_question(asked(cast, BOTH))
    delegate(cast.bob, cast.oscar)
    delegate(cast.mallory, cast.alice)

    assert {person.username for person in entitled_people(question)} == {"bob", "oscar"}
    assert may(cast.oscar, Act.DECIDE, question)
    assert in_place_of(cast.oscar, question) == "Bob Meyer"
    # A reviewer herself, and in the place of somebody from finance: neither of them is asked by both.
    assert not may(cast.alice, Act.DECIDE, question)
    assert not Interrupt.objects.decidable_by(cast.alice).exists()
    assert Interrupt.objects.decidable_by(cast.oscar).exists()


def test_an_escalation_adds_nobody_whom_another_policy_does_not_ask(cast: Cast, finance: Group) -> None:
    two(finance)
    question = open_question(asked(cast, BOTH))
    Interrupt.objects.filter(id=question.id).update(escalated_to=["reviewers", "operators"])
    question.refresh_from_db()

    # Alice is a reviewer, as Letters asks; Oscar operates, and Letters asks no operator.
    assert {person.username for person in entitled_people(question)} == {"alice", "bob"}
    assert not may(cast.oscar, Act.DECIDE, question)


def test_named_people_count_as_well(cast: Cast, finance: Group) -> None:
    two(finance)
    Policy.objects.get(name="Letters").people.add(cast.mallory)
    question = open_question(asked(cast, BOTH))

    assert {person.username for person in entitled_people(question)} == {"bob", "mallory"}
    assert may(cast.mallory, Act.DECIDE, question)
    assert asked_people(question) == "members of finance who are also among members of reviewers and mallory"


def test_what_nobody_may_decide_by_all_policies_is_told_to_operators(cast: Cast, finance: Group) -> None:
    two(finance)
    finance.user_set.remove(cast.bob)

    question = open_question(asked(cast, BOTH))

    assert Event.objects.filter(kind=EventKind.INTERRUPT_BLOCKED, data__interrupt=str(question.id)).exists()
    tell_votes([question])
    assert vars(question)["is_blocked"]


def test_the_page_and_the_record_name_all_policies(cast: Cast, finance: Group) -> None:
    two(finance, {}, {"votes_needed": 2, "condition": "double(args.amount) > 30.0"})
    question = open_question(asked(cast, BOTH))

    why = why_asked(cast.bob, question)

    assert (question.policies, why.before) == (["Refunds", "Letters"], "Amount is more than 30.")
    assert why.rules[0] == "Policy Letters, too: It covers send_email. Of each rule the strictest holds."
    told = Event.objects.get(kind=EventKind.INTERRUPT_RAISED, data__interrupt=str(question.id)).data
    assert (told["policy"], told["others"]) == ("Refunds", [{"policy": "Letters", "version": 1}])


def test_parts_under_one_policy_keep_it_as_it_is(cast: Cast, finance: Group) -> None:
    two(finance)

    found = kept(REFUND, SMALL)

    assert (found["policy"], found["rules"]["others"]) == ("Refunds", [])
    assert found["reviewers"] == ["finance"]
