"""Votes: what is counted, what is cleared, who counts, and what an edit does to the votes before it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from approvals import decisions, inspection, queueing, threads
from approvals.decisions import AlreadyDecided, Changed
from approvals.enough import can_be_decided
from approvals.inspection import BadAnswer, Reply
from approvals.models import (
    AtLimit,
    Decision,
    Delegation,
    Edits,
    Event,
    EventKind,
    Hold,
    Interrupt,
    Notice,
    NoticeKind,
    Policy,
    Thread,
    Verdict,
    Via,
    Vote,
)
from approvals.policies import NotAllowed, in_place_of, is_entitled
from approvals.views.asked import approvals_of
from approvals.voting import counted
from tests.conftest import Cast, open_question, work_off
from tests.graphs.formats import REFUND
from tests.record_desk import findings
from tests.test_main_job import ballot, values

APPROVE, REJECT, EDIT = Verdict.APPROVE, Verdict.REJECT, Verdict.EDIT


@pytest.fixture
def carol(cast: Cast) -> User:
    return reviewer("carol", cast)


@pytest.fixture
def dan(cast: Cast) -> User:
    return reviewer("dan", cast)


def reviewer(name: str, cast: Cast) -> User:
    person = User.objects.create(username=name, first_name=name.capitalize())
    person.groups.set(cast.alice.groups.all())
    return person


def asked(cast: Cast, chain: str = "bound", *, by: User | None = None, **policy: Any) -> Interrupt:
    Policy.objects.update(**policy)
    thread = threads.submit(by or cast.rita, chain, {"log": []})
    work_off(thread)
    return open_question(thread)


def decide(person: User, question: Interrupt, verdict: Verdict, **words: Any) -> Interrupt:
    if verdict == REJECT:
        words.setdefault("note", "No.")
    decided = decisions.decide(person, question.id, ballot(question, verdict, **words))
    return Interrupt.objects.get(id=decided.id)


def edit(person: User, question: Interrupt, **arguments: Any) -> Interrupt:
    return decide(person, question, EDIT, arguments={**REFUND, **arguments})


def answer_of(question: Interrupt) -> Any:
    return Decision.objects.get(interrupt=question).answer


def delegate(giver: User, taker: User) -> Delegation:
    now = timezone.now()
    hour = timedelta(hours=1)
    return Delegation.objects.create(giver=giver, taker=taker, starts_at=now - hour, ends_at=now + hour)


# ---- How many ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("needed", [2, 3])
def test_as_many_different_people_approve_as_the_policy_says(cast: Cast, carol: User, needed: int) -> None:
    question = asked(cast, votes_needed=needed)
    people = [cast.alice, cast.bob, carol][:needed]

    for number, person in enumerate(people, start=1):
        assert question.is_open
        question = decide(person, question, APPROVE)
        assert approvals_of(question) == number

    assert answer_of(question)["verdict"] == "approve"
    with pytest.raises(AlreadyDecided):
        decide(carol, question, APPROVE)


def test_one_rejection_is_a_veto_whatever_came_before_it(cast: Cast, carol: User) -> None:
    question = asked(cast, votes_needed=3)
    for person in (cast.alice, cast.bob):
        decide(person, question, APPROVE)

    decide(carol, question, REJECT)

    assert Decision.objects.get().verdict == REJECT


def test_without_a_veto_as_many_reject_as_would_have_to_approve(cast: Cast, carol: User) -> None:
    question = asked(cast, votes_needed=2, veto=False)

    decide(cast.alice, question, REJECT)
    question = decide(cast.bob, question, APPROVE)
    assert question.is_open
    decide(carol, question, REJECT)

    assert Decision.objects.get().verdict == REJECT


def test_an_abstention_counts_for_neither_side_and_is_in_the_record(cast: Cast, carol: User) -> None:
    question = asked(cast, votes_needed=2)

    decide(cast.alice, question, Verdict.ABSTAIN, note="I know the customer.")
    question = decide(cast.bob, question, APPROVE)
    assert (question.is_open, approvals_of(question)) == (True, 1)
    question = decide(carol, question, APPROVE)

    assert not question.is_open
    assert Event.objects.filter(kind=EventKind.VOTE_CAST).first().data["verdict"] == "abstain"  # type: ignore[union-attr]


@pytest.mark.parametrize("note", ["x" * 4_001, "a\x00b"])
def test_an_abstention_with_words_that_cannot_be_kept_is_refused(cast: Cast, note: str) -> None:
    question = asked(cast)

    with pytest.raises(BadAnswer):
        decide(cast.alice, question, Verdict.ABSTAIN, note=note)
    assert not Vote.objects.exists()


# ---- Taken back, or no longer counted ---------------------------------------------------------------------------


def test_a_vote_that_is_withdrawn_is_gone_and_another_can_be_given(cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    decide(cast.alice, question, APPROVE)

    decisions.withdraw(cast.alice, question.id)
    assert approvals_of(question) == 0
    with pytest.raises(NotAllowed, match="not voted"):
        decisions.withdraw(cast.alice, question.id)
    decide(cast.alice, question, APPROVE)
    question = decide(cast.bob, question, APPROVE)

    assert not question.is_open
    assert [vote.verdict for vote in Vote.objects.order_by("id")] == ["approve", "withdraw", "approve", "approve"]
    with pytest.raises(NotAllowed, match="no longer open"):
        decisions.withdraw(cast.bob, question.id)


def test_whoever_voted_does_not_vote_again_without_withdrawing(cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    decide(cast.alice, question, APPROVE)

    for verdict in (APPROVE, Verdict.ABSTAIN):
        with pytest.raises(NotAllowed, match="voted on this already"):
            decide(cast.alice, question, verdict)


def test_the_vote_of_somebody_who_may_not_decide_any_more_stops_counting(cast: Cast, carol: User) -> None:
    question = asked(cast, votes_needed=2)
    decide(cast.alice, question, APPROVE)
    cast.alice.groups.clear()

    question = decide(cast.bob, question, APPROVE)
    assert (question.is_open, [vote.reviewer_name for vote in counted(question)]) == (True, ["Bob Meyer"])
    question = decide(carol, question, APPROVE)

    assert not question.is_open


def test_an_account_that_is_disabled_counts_no_more(cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    decide(cast.alice, question, APPROVE)
    User.objects.filter(id=cast.alice.id).update(is_active=False)

    assert decide(cast.bob, question, APPROVE).is_open


# ---- The very same question again -------------------------------------------------------------------------------


def test_the_votes_stay_when_the_very_same_question_is_asked_again(cast: Cast) -> None:
    first = asked(cast, votes_needed=2)
    decide(cast.alice, first, APPROVE)

    again = ask_anew(cast, first.thread, log=["noted"])

    assert (again.payload_sha256, again.id != first.id) == (first.payload_sha256, True)
    assert [(vote.reviewer_name, vote.is_carried_over) for vote in counted(again)] == [("Alice Okafor", True)]
    with pytest.raises(NotAllowed, match="voted on this already"):
        decide(cast.alice, again, APPROVE)
    assert not decide(cast.bob, again, APPROVE).is_open


def ask_anew(cast: Cast, thread: Thread, **state: Any) -> Interrupt:
    """Edit the state and carry on."""
    form = inspection.state_form(thread)
    assert form is not None
    threads.edit_state(cast.oscar, thread.id, state, seen_checkpoint_id=form.checkpoint_id, reason="A note.")
    work_off(thread)
    threads.carry_on(cast.oscar, thread.id)
    work_off(thread)
    return open_question(thread)


def test_the_vote_of_who_may_not_decide_under_the_new_policy_is_left_behind(cast: Cast) -> None:
    """Four eyes were switched on meanwhile, and the database refuses the requester's vote."""
    cast.rita.groups.add(*cast.alice.groups.all())
    first = asked(cast, votes_needed=3, four_eyes=False)
    decide(cast.rita, first, APPROVE)
    decide(cast.alice, first, APPROVE)
    Policy.objects.update(four_eyes=True)

    again = ask_anew(cast, first.thread, log=["noted"])

    assert (again.payload_sha256, again.four_eyes) == (first.payload_sha256, True)
    assert [vote.reviewer_name for vote in counted(again)] == ["Alice Okafor"]
    assert findings(thread=again.thread_id) == []


def test_who_left_meanwhile_is_left_behind_and_may_vote_anew(cast: Cast, carol: User) -> None:
    first = asked(cast, votes_needed=3)
    decide(cast.alice, first, APPROVE)
    decide(carol, first, APPROVE)
    groups = list(carol.groups.all())
    carol.groups.clear()

    again = ask_anew(cast, first.thread, log=["noted"])
    carol.groups.set(groups)

    assert [vote.reviewer_name for vote in counted(again)] == ["Alice Okafor"]
    decide(carol, again, APPROVE)


@pytest.mark.parametrize(
    ("before", "verdict", "after"),
    [
        ({"votes_needed": 3}, APPROVE, {"votes_needed": 2}),
        ({"votes_needed": 3, "veto": False}, REJECT, {"votes_needed": 2}),
        ({"votes_needed": 3, "veto": False}, REJECT, {"veto": True}),
    ],
)
def test_votes_that_are_enough_by_now_are_asked_for_anew(
    cast: Cast, before: dict[str, Any], verdict: Verdict, after: dict[str, Any]
) -> None:
    """Left standing they would keep a question open that needs no vote any more."""
    first = asked(cast, **before)
    decide(cast.alice, first, verdict)
    decide(cast.bob, first, verdict)
    Policy.objects.update(**after)

    again = ask_anew(cast, first.thread, log=["noted"])

    assert (again.is_open, again.votes.count()) == (True, 0)
    again = decide(cast.alice, again, APPROVE)
    if again.votes_needed == 2:
        assert again.is_open
        again = decide(cast.bob, again, APPROVE)
        assert not again.is_open


def test_an_undo_leaves_votes_behind_that_are_enough_without_it(cast: Cast, carol: User) -> None:
    """Somebody's vote did not count when it was decided, and counts again."""
    question = asked(cast, votes_needed=2, undo_seconds=30)
    decide(cast.alice, question, APPROVE)
    groups = list(cast.alice.groups.all())
    cast.alice.groups.clear()
    decide(cast.bob, question, APPROVE)
    decide(carol, question, APPROVE)
    cast.alice.groups.set(groups)

    again = decisions.undo(carol, question.id)

    assert (again.is_open, again.votes.count()) == (True, 0)
    assert findings(thread=again.thread_id) == []


def test_another_question_begins_without_votes(paused: Thread, cast: Cast) -> None:
    Policy.objects.update(votes_needed=2)
    question = ask_anew(cast, paused, processed_content=content(paused, "Two must approve this."))
    decide(cast.alice, question, APPROVE)

    changed = ask_anew(cast, paused, processed_content=content(paused, "And this is another."))

    assert changed.payload_sha256 != question.payload_sha256
    assert counted(changed) == []


def content(thread: Thread, text: str) -> dict[str, Any]:
    before: Any = values(thread)["processed_content"]
    return {**before, "content": text}


def test_an_undo_keeps_the_votes_of_the_others(cast: Cast) -> None:
    question = asked(cast, votes_needed=2, undo_seconds=30)
    decide(cast.alice, question, APPROVE)
    decide(cast.bob, question, APPROVE)

    again = decisions.undo(cast.bob, question.id)

    assert [vote.reviewer_name for vote in counted(again)] == ["Alice Okafor"]
    assert not decide(cast.bob, again, APPROVE).is_open


def test_an_undone_approval_of_a_changed_version_leaves_the_version_and_its_editors_vote(cast: Cast) -> None:
    version = edit(cast.alice, asked(cast, votes_needed=2, undo_seconds=30), amount=41)
    decide(cast.bob, version, APPROVE)

    again = decisions.undo(cast.bob, version.id)

    assert (again.is_proposal, again.proposal_by_name) == (True, "Alice Okafor")
    assert [vote.verdict for vote in counted(again)] == ["edit"]
    assert answer_of(decide(cast.bob, again, APPROVE))["arguments"]["amount"] == 41


def test_the_vote_of_who_changed_it_is_never_enough_and_stays(cast: Cast) -> None:
    version = edit(cast.alice, asked(cast, votes_needed=1, edits=Edits.SECOND, undo_seconds=30), amount=41)
    decide(cast.bob, version, APPROVE)

    again = decisions.undo(cast.bob, version.id)

    assert [vote.reviewer_name for vote in counted(again)] == ["Alice Okafor"]


# ---- Edits ------------------------------------------------------------------------------------------------------


def test_an_edit_clears_the_approvals_before_it_in_plain_sight(cast: Cast, carol: User) -> None:
    question = asked(cast, votes_needed=3)
    for person in (cast.alice, cast.bob):
        decide(person, question, APPROVE)

    version = edit(carol, question, amount=400)

    assert (version.id != question.id, version.is_proposal, approvals_of(version)) == (True, True, 1)
    told = Event.objects.get(kind=EventKind.EDIT_PROPOSED)
    assert (told.data["cleared"], told.data["again"]) == (["Alice Okafor", "Bob Meyer"], str(version.id))
    notices = Notice.objects.filter(kind=NoticeKind.CHANGED)
    assert {notice.person for notice in notices} == {cast.alice, cast.bob}
    with pytest.raises(Changed) as refused:
        decide(cast.alice, question, APPROVE)
    assert (refused.value.before, refused.value.after) == (question, version)
    for person in (cast.alice, cast.bob):
        version = decide(person, version, APPROVE)
    assert answer_of(version)["arguments"] == {**REFUND, "amount": 400}


@pytest.mark.parametrize(("needed", "edits"), [(1, Edits.SECOND), (2, Edits.SECOND), (2, Edits.ALONE)])
def test_whoever_edits_is_never_the_only_one_who_approves(cast: Cast, needed: int, edits: Edits) -> None:
    version = edit(cast.alice, asked(cast, votes_needed=needed, edits=edits), amount=41)

    with pytest.raises(NotAllowed, match="voted"):
        decide(cast.alice, version, APPROVE)
    decisions.withdraw(cast.alice, version.id)
    version = decide(cast.alice, version, APPROVE)
    assert version.is_open
    version = decide(cast.bob, version, APPROVE)

    assert answer_of(version)["arguments"]["amount"] == 41
    work_off(version.thread)
    log: Any = values(version.thread)["log"]
    assert log[0][1] == {**REFUND, "amount": 41}


def test_an_edit_alone_is_approved_at_once_where_the_policy_says_so(cast: Cast) -> None:
    question = edit(cast.alice, asked(cast, edits=Edits.ALONE), amount=41)

    assert (question.is_proposal, answer_of(question)["arguments"]["amount"]) == (False, 41)


def test_a_second_edit_makes_a_version_of_its_own_whose_approver_is_another(cast: Cast, carol: User) -> None:
    first = edit(cast.alice, asked(cast, votes_needed=2), amount=41)
    decide(cast.bob, first, Verdict.ABSTAIN)

    second = edit(carol, first, amount=42)
    assert Event.objects.filter(kind=EventKind.EDIT_PROPOSED).last().data["cleared"] == ["Alice Okafor"]  # type: ignore[union-attr]
    second = decide(cast.alice, second, APPROVE)

    assert answer_of(second)["arguments"]["amount"] == 42


def test_a_changed_version_can_be_rejected(cast: Cast) -> None:
    version = edit(cast.alice, asked(cast, edits=Edits.SECOND), amount=41)

    decide(cast.bob, version, REJECT)

    assert Decision.objects.get().verdict == REJECT


def test_of_a_changed_version_with_several_parts_nobody_decides_half(cast: Cast) -> None:
    """One part as it stands and one rejected would be a third version that nobody else has seen."""
    question = asked(cast, "batch_camel", edits=Edits.SECOND)
    replies = (Reply(EDIT, {**REFUND, "amount": 41}), Reply(APPROVE))
    version = decide(cast.alice, question, Verdict.MIXED, replies=replies)
    half = (Reply(APPROVE), Reply(REJECT, message="No."))

    with pytest.raises(BadAnswer, match="alike"):
        decide(cast.bob, version, Verdict.MIXED, replies=half)

    decided = decide(cast.bob, version, APPROVE)
    assert [one["type"] for one in answer_of(decided)["decisions"]] == ["edit", "approve"]


def test_whoever_edits_one_part_of_a_changed_version_keeps_the_changes_of_the_others(cast: Cast) -> None:
    question = asked(cast, "batch_snake", edits=Edits.SECOND)
    changed = {**REFUND, "amount": 41}
    first = (Reply(EDIT, changed), Reply(APPROVE), Reply(REJECT, message="No."))
    version = decide(cast.alice, question, Verdict.MIXED, replies=first)

    second = (Reply(APPROVE), Reply(APPROVE), Reply(EDIT, {**REFUND, "amount": 8}))
    version = decide(cast.bob, version, Verdict.MIXED, replies=second)
    decided = decide(cast.alice, version, APPROVE)

    assert [one["type"] for one in answer_of(decided)["decisions"]] == ["edit", "approve", "edit"]
    assert [one["edited_action"]["args"]["amount"] for one in answer_of(decided)["decisions"][::2]] == [41, 8]


def test_silence_is_no_consent_to_what_somebody_made_of_it(cast: Cast) -> None:
    question = asked(cast, edits=Edits.SECOND, decide_within=3_600, at_limit=AtLimit.APPROVE)

    assert (question.at_limit, edit(cast.alice, question, amount=41).at_limit) == (AtLimit.APPROVE, AtLimit.HOLD)


def test_a_version_nobody_is_left_to_approve_is_told_to_the_operators(cast: Cast) -> None:
    cast.bob.groups.clear()

    version = edit(cast.alice, asked(cast, edits=Edits.SECOND), amount=41)

    assert not can_be_decided(version)
    assert Notice.objects.get(kind=NoticeKind.BLOCKED).person == cast.oscar


@pytest.mark.parametrize(
    ("arguments", "is_refused"),
    [
        ({"amount": 41}, False),
        ({"order": "ORD-1"}, True),
        ({"amount": 41, "urgent": True}, True),
        ({"amount": 41, "urgent": 0}, True),
    ],
)
def test_only_what_the_policy_names_can_be_edited(cast: Cast, arguments: dict[str, Any], is_refused: bool) -> None:
    question = asked(cast, editable=["amount"])

    if is_refused:
        with pytest.raises(BadAnswer, match="cannot be changed here"):
            edit(cast.alice, question, **arguments)
        assert not Vote.objects.exists()
    else:
        assert not edit(cast.alice, question, **arguments).is_open


# ---- Who --------------------------------------------------------------------------------------------------------


def test_somebody_decides_in_the_place_of_another_and_the_record_says_in_whose(cast: Cast) -> None:
    delegate(cast.alice, cast.mallory)
    question = asked(cast)

    assert in_place_of(cast.mallory, question) == "Alice Okafor"
    decide(cast.mallory, question, APPROVE)

    assert Vote.objects.get().for_name == "Alice Okafor"
    assert Event.objects.get(kind=EventKind.VOTE_CAST).data["in_place_of"] == "Alice Okafor"


def test_a_place_is_not_handed_on(cast: Cast) -> None:
    other = User.objects.create(username="other")
    delegate(cast.alice, cast.mallory)
    delegate(cast.mallory, other)
    question = asked(cast)

    with pytest.raises(NotAllowed, match="Only members"):
        decide(other, question, APPROVE)


def test_nobody_decides_in_the_place_of_the_one_who_asked(cast: Cast) -> None:
    cast.rita.groups.add(Group.objects.get(name="reviewers"))
    delegate(cast.rita, cast.mallory)
    delegate(cast.rita, cast.bob)
    question = asked(cast)

    for person in (cast.mallory, cast.bob):
        with pytest.raises(NotAllowed, match="stand in for the person who asked"):
            decide(person, question, APPROVE)


def test_a_delegation_that_is_over_is_over_and_its_votes_stop_counting(cast: Cast) -> None:
    delegation = delegate(cast.alice, cast.mallory)
    question = asked(cast, votes_needed=2)
    decide(cast.mallory, question, APPROVE)
    assert approvals_of(question) == 1

    Delegation.objects.filter(id=delegation.id).update(ended_at=timezone.now())

    assert approvals_of(question) == 0


def test_a_claim_keeps_others_from_deciding_until_it_is_taken_over(cast: Cast) -> None:
    question = asked(cast)
    queueing.claim(cast.bob, question.id)

    with pytest.raises(NotAllowed, match="Bob Meyer has claimed this"):
        decide(cast.alice, question, APPROVE)
    queueing.take_over(cast.alice, question.id)

    assert not decide(cast.alice, question, APPROVE).is_open


def test_people_who_are_named_and_the_requesters_manager_may_decide(cast: Cast, settings: Any) -> None:
    settings.HOLDPOINT_MANAGER_OF = "tests.test_voting.oscar_manages"
    policy = Policy.objects.get()
    policy.reviewers.clear()
    policy.people.set([cast.mallory])
    question = asked(cast, asks_manager=True)

    assert {person for person in User.objects.all() if is_entitled(person, question)} == {cast.mallory, cast.oscar}
    with pytest.raises(NotAllowed, match=r"Only .*mallory.* may decide"):
        decide(cast.alice, question, APPROVE)
    assert not decide(cast.oscar, question, APPROVE).is_open


def oscar_manages(person: User) -> User | None:
    return User.objects.filter(username="oscar").first()


# ---- Reasons ----------------------------------------------------------------------------------------------------


def test_a_rejection_takes_one_of_the_reasons_of_the_policy(cast: Cast) -> None:
    question = asked(cast, reject_reasons=["Fraud", "Not ours"])

    for reason in ("", "Something else"):
        with pytest.raises(BadAnswer, match="Choose a reason") as refused:
            decide(cast.alice, question, REJECT, reason_code=reason)
        assert refused.value.path == "reason_code"
    decide(cast.alice, question, REJECT, reason_code="Fraud")

    assert Vote.objects.get().reason_code == "Fraud"
    assert Event.objects.get(kind=EventKind.VOTE_CAST).data["reason_code"] == "Fraud"


def test_a_reason_that_comes_with_anything_else_is_not_kept(cast: Cast) -> None:
    decide(cast.alice, asked(cast, reject_reasons=["Fraud"]), APPROVE, reason_code="Fraud" * 100)

    assert Vote.objects.get().reason_code == ""


def test_where_the_policy_says_so_approving_takes_words_too(cast: Cast) -> None:
    question = asked(cast, approval_needs_note=True)

    with pytest.raises(BadAnswer, match="Say why you approve it") as refused:
        decide(cast.alice, question, APPROVE, note=" ")
    assert refused.value.path == "note"

    assert not decide(cast.alice, question, APPROVE, note="Seen the photos.").is_open


# ---- Break glass ------------------------------------------------------------------------------------------------


def let_break_glass(person: User) -> User:
    person.user_permissions.add(Permission.objects.get(codename="may_break_glass"))
    return person


def test_by_break_glass_one_person_decides_alone_and_every_operator_is_told(cast: Cast) -> None:
    question = asked(cast, votes_needed=2, reject_reasons=["Fraud"])
    let_break_glass(cast.oscar)
    other = User.objects.create(username="olga")
    other.groups.set(cast.oscar.groups.all())

    decide(cast.oscar, question, REJECT, breaks_glass=True, note="The bank closes at four.")

    assert Decision.objects.get().decided_via == Via.GLASS
    told = Event.objects.get(kind=EventKind.GLASS_BROKEN)
    assert (told.actor, told.data["reason"], told.data["votes_needed"]) == (cast.oscar, "The bank closes at four.", 2)
    assert {notice.person for notice in Notice.objects.filter(kind=NoticeKind.GLASS_BROKEN)} == {other}
    assert not Vote.objects.exists()


def test_what_is_held_after_a_restore_waits_for_break_glass_too(cast: Cast) -> None:
    question = asked(cast, votes_needed=2)
    Hold.objects.create(thread=question.thread, backup_at=timezone.now())

    with pytest.raises(NotAllowed, match="This request is held"):
        decide(let_break_glass(cast.oscar), question, APPROVE, breaks_glass=True, note="Now.")
    assert not Decision.objects.exists()


def test_break_glass_approves_a_changed_version_as_it_stands(cast: Cast) -> None:
    version = edit(cast.alice, asked(cast, votes_needed=2), amount=41)

    version = decide(let_break_glass(cast.oscar), version, APPROVE, breaks_glass=True, note="Now.")

    assert answer_of(version)["arguments"]["amount"] == 41


@pytest.mark.parametrize("is_root", [False, True])
def test_nobody_breaks_glass_without_having_been_allowed_to_by_name(cast: Cast, is_root: bool) -> None:
    question = asked(cast, votes_needed=2)
    User.objects.filter(id=cast.oscar.id).update(is_superuser=is_root)

    with pytest.raises(NotAllowed, match="a permission of its own"):
        decide(cast.oscar, question, APPROVE, breaks_glass=True, note="Now.")


def test_the_permission_can_come_through_a_group(cast: Cast) -> None:
    group = Group.objects.create(name="on duty")
    group.permissions.add(Permission.objects.get(codename="may_break_glass"))
    cast.alice.groups.add(group)

    question = decide(cast.alice, asked(cast, votes_needed=2), APPROVE, breaks_glass=True, note="Now.")

    assert question.decision.decided_via == Via.GLASS


def test_glass_that_is_switched_off_does_not_break(cast: Cast, settings: Any) -> None:
    settings.HOLDPOINT_BREAK_GLASS = False

    with pytest.raises(NotAllowed, match="switched off"):
        decide(let_break_glass(cast.oscar), asked(cast), APPROVE, breaks_glass=True, note="Now.")


def test_whoever_asked_does_not_break_glass_under_four_eyes(cast: Cast) -> None:
    question = asked(cast, by=let_break_glass(cast.rita))

    with pytest.raises(NotAllowed, match="somebody else must decide"):
        decide(cast.rita, question, APPROVE, breaks_glass=True, note="Now.")


@pytest.mark.parametrize(
    ("verdict", "words", "field"),
    [
        (APPROVE, {"note": "  "}, "note"),
        (EDIT, {"note": "Now.", "arguments": {**REFUND, "amount": 41}}, "verdict"),
        (Verdict.RESPOND, {"note": "Now."}, "verdict"),
        (Verdict.ABSTAIN, {"note": "Now."}, ""),
    ],
)
def test_break_glass_takes_a_reason_and_says_yes_or_no(
    cast: Cast, verdict: Verdict, words: dict[str, Any], field: str
) -> None:
    question = asked(cast)

    with pytest.raises(BadAnswer) as refused:
        decide(let_break_glass(cast.oscar), question, verdict, breaks_glass=True, **words)

    assert refused.value.path == field
    assert not Vote.objects.exists()
    assert not Decision.objects.exists()
