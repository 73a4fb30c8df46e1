"""The database holds the rules: each is broken here with raw SQL, and must refuse by its name."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.utils import timezone

from approvals.choosing import likely, snapshot
from approvals.models import (
    Asked,
    Calendar,
    Decision,
    Delegation,
    Effect,
    Event,
    Interrupt,
    InterruptStatus,
    Policy,
    PolicyVersion,
    QuestionKind,
    Run,
    RunKind,
    Thread,
    Verdict,
    Via,
    Vote,
)
from tests.conftest import Cast


@pytest.fixture
def thread(cast: Cast) -> Thread:
    return Thread.submit(chain="any", version="1", title="Anything", values={}, by=cast.rita)


@pytest.fixture
def question(thread: Thread) -> Interrupt:
    return raise_question(thread, b'{"amount":40}')


@pytest.fixture
def run(thread: Thread) -> Run:
    return Run.owe(thread, RunKind.START)


def raise_question(thread: Thread, payload: bytes, interrupt_id: str = "a" * 32) -> Interrupt:
    asked = Asked(
        interrupt_id=interrupt_id,
        namespace="",
        node="ask",
        checkpoint_id="c1",
        payload=payload,
        payload_sha256=sha256(payload).hexdigest(),
        kind=QuestionKind.BOUND,
        title="Pay",
        context="",
        response_schema=None,
    )
    return Interrupt.raise_for(thread, asked, snapshot(likely("any"), timezone.now()))


def decision_on(question: Interrupt, cast: Cast) -> Decision:
    if not question.votes.exists():
        Vote.cast(question, by=cast.alice, verdict=Verdict.APPROVE, seen_checkpoint_id="c1")
    return Decision._record(question, verdict=Verdict.APPROVE, answer=True, note="", by=cast.alice, via=Via.PAGE)


def assert_refused(rule: str, *statement: object) -> None:
    """The rule's name is in the refusal: some other rule being in the way would prove nothing."""
    with pytest.raises(DatabaseError) as refused:
        _execute(*statement)
    diagnosis = getattr(refused.value.__cause__, "diag", None)
    assert diagnosis is not None
    assert diagnosis.constraint_name == rule


def test_one_live_run_per_thread(thread: Thread, run: Run) -> None:
    columns = ", ".join(field.column for field in Run._meta.fields if not field.primary_key)

    assert_refused(
        "one_live_run_per_thread",
        f"INSERT INTO approvals_run (id, {columns}) SELECT gen_random_uuid(), {columns} FROM approvals_run",
    )


def test_a_running_run_has_a_lease(run: Run) -> None:
    assert_refused("running_has_a_lease", "UPDATE approvals_run SET status = 'running'")


def test_a_finished_run_says_when(run: Run) -> None:
    assert_refused("run_is_finished_unless_live", "UPDATE approvals_run SET status = 'cancelled'")


def test_a_generation_never_falls(run: Run) -> None:
    Run.objects.update(generation=3)

    assert_refused("generation_never_falls", "UPDATE approvals_run SET generation = 2")


def test_a_finished_run_stays_finished(run: Run) -> None:
    run.cancel()

    assert_refused("run_moves_forward", "UPDATE approvals_run SET status = 'pending', finished_at = NULL")


@pytest.mark.parametrize(
    ("rule", "statement"),
    [
        ("thread_status_is_known", "UPDATE approvals_thread SET status = 'odd'"),
        ("run_status_is_known", "UPDATE approvals_run SET status = 'odd', finished_at = now()"),
        ("run_kind_is_known", "UPDATE approvals_run SET kind = 'odd'"),
        ("policy_risk_is_known", "UPDATE approvals_policy SET risk = 'odd'"),
        ("votes_needed_is_sane", "UPDATE approvals_policy SET votes_needed = 0"),
        ("undo_is_at_most_a_minute", "UPDATE approvals_policy SET undo_seconds = 61"),
        ("policy_limit_is_known", "UPDATE approvals_policy SET at_limit = 'odd'"),
        ("time_to_decide_is_positive", "UPDATE approvals_policy SET decide_within = 0"),
        ("time_to_start_is_positive", "UPDATE approvals_policy SET start_within = 0"),
        ("policy_edits_are_known", "UPDATE approvals_policy SET edits = 'odd'"),
        ("sample_is_a_percentage", "UPDATE approvals_policy SET sampled_percent = 101"),
        (
            "high_risk_is_never_approved_by_itself",
            "UPDATE approvals_policy SET risk = 'high', auto_condition = 'args.amount < 20'",
        ),
        (
            "high_risk_is_never_approved_by_itself",
            "UPDATE approvals_policy SET risk = 'critical', at_limit = 'approve'",
        ),
    ],
)
def test_only_known_words_and_sane_numbers(run: Run, rule: str, statement: str) -> None:
    without_triggers = "SET LOCAL session_replication_role = replica; "

    assert_refused(rule, without_triggers + statement)


@pytest.mark.parametrize(
    "change",
    ["payload = '\\x00'", "payload_sha256 = 'b'", "four_eyes = false", "votes_needed = 0", "requested_by_id = NULL"],
)
def test_a_question_is_fixed(question: Interrupt, change: str) -> None:
    assert_refused("question_is_fixed", f"UPDATE approvals_interrupt SET {change}")


def test_the_hash_is_that_of_the_payload(thread: Thread) -> None:
    def lie() -> None:
        asked = Asked("a" * 32, "", "ask", "c1", b"{}", "0" * 64, QuestionKind.BOUND, "Pay", "", None)
        Interrupt.raise_for(thread, asked, snapshot(likely("any"), timezone.now()))

    assert_violates("payload_is_its_hash", lie)


@pytest.mark.parametrize("status", [InterruptStatus.APPLIED, InterruptStatus.OPEN])
def test_a_closed_question_does_not_open_again(question: Interrupt, status: str) -> None:
    question.move(InterruptStatus.SUPERSEDED, since=InterruptStatus.OPEN)

    assert_refused("question_moves_forward", "UPDATE approvals_interrupt SET status = %s", [status])


def test_one_pending_row_per_interrupt(question: Interrupt) -> None:
    assert_violates("one_pending_row_per_interrupt", lambda: raise_question(question.thread, b'{"amount":400}'))


def test_the_same_question_may_be_asked_again_once_the_first_is_closed(question: Interrupt) -> None:
    question.move(InterruptStatus.SUPERSEDED, since=InterruptStatus.OPEN)

    assert raise_question(question.thread, b'{"amount":40}').asked == 2


def test_a_vote_is_about_the_bytes_of_its_question(question: Interrupt, cast: Cast) -> None:
    vote = Vote.cast(question, by=cast.alice, verdict=Verdict.APPROVE, seen_checkpoint_id="c1", note="")
    other = raise_question(question.thread, b'{"amount":400}', "b" * 32)

    assert_refused(
        "vote_is_about_these_bytes",
        "INSERT INTO approvals_vote (interrupt_id, payload_sha256, seen_checkpoint_id, verdict, note, reviewer_id,"
        " reviewer_name, reason_code, for_name, number, is_carried_over)"
        " SELECT %s, payload_sha256, 'c1', 'approve', '', %s, 'Bob', '', '', 1, false"
        " FROM approvals_vote WHERE id = %s",
        [other.id, cast.bob.id, vote.id],
    )


def test_a_decision_is_about_the_bytes_of_its_question(question: Interrupt) -> None:
    assert_refused(
        "decision_is_about_these_bytes",
        "INSERT INTO approvals_decision (interrupt_id, payload_sha256, verdict, answer, note, decided_by_name,"
        " decided_via, void_reason) VALUES (%s, %s, 'approve', 'true', '', 'Alice', 'policy', '')",
        [question.id, "0" * 64],
    )


def test_one_vote_per_reviewer(question: Interrupt, cast: Cast) -> None:
    def vote(verdict: Verdict = Verdict.APPROVE) -> Vote:
        return Vote.cast(question, by=cast.alice, verdict=verdict, seen_checkpoint_id="c1")

    first = vote()

    assert_violates("one_vote_at_a_time", vote)
    vote(Verdict.WITHDRAW)
    assert_violates("one_vote_at_a_time", lambda: vote(Verdict.WITHDRAW))
    first.pk, first.number = None, 2
    assert_violates("one_vote_per_reviewer", first.save)


def test_the_requester_may_not_vote(question: Interrupt, cast: Cast) -> None:
    def vote() -> None:
        Vote.cast(question, by=cast.rita, verdict=Verdict.APPROVE, seen_checkpoint_id="c1", note="")

    assert_violates("requester_may_not_vote", vote)


def test_one_decision_per_question(question: Interrupt, cast: Cast) -> None:
    decision_on(question, cast)

    assert_violates("approvals_decision_interrupt_id_key", lambda: decision_on(question, cast))


@pytest.mark.parametrize("change", ["verdict = 'reject'", "answer = 'false'", "decided_by_id = NULL", "note = 'x'"])
def test_a_decision_is_fixed(question: Interrupt, cast: Cast, change: str) -> None:
    decision_on(question, cast)

    assert_refused("decision_is_fixed", f"UPDATE approvals_decision SET {change}")


def test_a_decision_is_carried_out_once(question: Interrupt, cast: Cast) -> None:
    decision_on(question, cast).apply(1)

    assert_refused("decision_ends_once", "UPDATE approvals_decision SET applied_generation = 2")
    assert_refused("applied_or_void_not_both", "UPDATE approvals_decision SET voided_at = now()")


def test_what_is_carried_out_names_its_generation(question: Interrupt, cast: Cast) -> None:
    decision_on(question, cast)

    assert_refused("applied_by_a_generation", "UPDATE approvals_decision SET applied_at = now()")


@pytest.mark.parametrize("table", ["vote", "event"])
@pytest.mark.parametrize("statement", ["UPDATE approvals_{} SET id = id", "DELETE FROM approvals_{}"])
def test_votes_and_events_are_append_only(question: Interrupt, cast: Cast, table: str, statement: str) -> None:
    Vote.cast(question, by=cast.alice, verdict=Verdict.APPROVE, seen_checkpoint_id="c1", note="")
    Event.append(Thread.objects.locked(question.thread_id), "vote.cast")  # type: ignore[arg-type]

    assert_refused(f"approvals_{table}_is_append_only", statement.format(table))


def test_a_decision_is_never_deleted(question: Interrupt, cast: Cast) -> None:
    decision_on(question, cast)

    assert_refused("approvals_decision_is_append_only", "DELETE FROM approvals_decision")


def test_the_record_stays_when_a_person_goes(question: Interrupt, cast: Cast) -> None:
    decision_on(question, cast)

    cast.alice.delete()

    assert Decision.objects.get().decided_by_name == "Alice Okafor"


def test_events_follow_each_other(thread: Thread) -> None:
    locked = Thread.objects.locked(thread.id)
    first = Event.append(locked, "vote.cast", n=1)  # type: ignore[arg-type]
    second = Event.append(locked, "vote.cast", n=2)  # type: ignore[arg-type]

    assert [first.seq, second.seq] == [1, 2]
    assert second.previous_mac == first.mac
    assert Event.objects.get(seq=2).computed_mac() == second.mac


def assert_violates(rule: str, act: Callable[[], object]) -> None:
    with pytest.raises(DatabaseError) as refused, transaction.atomic():
        act()
    assert getattr(refused.value.__cause__, "diag").constraint_name == rule  # noqa: B009  psycopg's own attribute


def _execute(*statement: object) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(*statement)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


@pytest.mark.parametrize("change", ["due_at = now()", "at_limit = 'reject'"])
def test_the_limit_of_a_question_is_fixed(question: Interrupt, change: str) -> None:
    assert_refused("limit_is_fixed", f"UPDATE approvals_interrupt SET {change}")


def test_a_limit_passes_once(question: Interrupt) -> None:
    Interrupt.objects.update(overdue_at=Now())

    assert_refused("limit_passes_once", "UPDATE approvals_interrupt SET overdue_at = NULL")


@pytest.fixture
def effect(run: Run) -> Effect:
    return Effect.objects.create(thread=run.thread, run=run, key="k", name="pay", node="act", is_idempotent=False)


def test_an_effect_happens_once_per_key(effect: Effect) -> None:
    columns = ", ".join(field.column for field in Effect._meta.fields if not field.primary_key)

    assert_refused(
        "one_effect_per_key", f"INSERT INTO approvals_effect ({columns}) SELECT {columns} FROM approvals_effect"
    )


@pytest.mark.parametrize("change", ["key = 'other'", "name = 'other'", "node = 'other'"])
def test_an_effect_is_fixed(effect: Effect, change: str) -> None:
    assert_refused("effect_is_fixed", f"UPDATE approvals_effect SET {change}")


@pytest.mark.parametrize("change", ["status = 'begun', ended_at = NULL", "result = '1'"])
def test_an_effect_is_done_once(effect: Effect, change: str) -> None:
    effect.settle(happened=True)

    assert_refused("effect_is_done_once", f"UPDATE approvals_effect SET {change}")


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("effect_status_is_known", "status = 'odd', ended_at = now()"),
        ("effect_has_ended_unless_begun", "status = 'done'"),
    ],
)
def test_an_effect_says_how_far_it_is(effect: Effect, rule: str, change: str) -> None:
    assert_refused(rule, f"UPDATE approvals_effect SET {change}")


def test_an_effect_is_never_deleted(effect: Effect) -> None:
    assert_refused("approvals_effect_is_append_only", "DELETE FROM approvals_effect")


@pytest.mark.parametrize(
    "change",
    ["people = '{7}'", "rules = '{}'", "proposal = '[]'", "proposal_by_id = 7"],
)
def test_a_question_keeps_its_rules(question: Interrupt, change: str) -> None:
    assert_refused("question_keeps_its_rules", f"UPDATE approvals_interrupt SET {change}")


@pytest.mark.parametrize("change", ["steps_done = 0", "escalated_to = '{}'", "escalated_to = '{directors}'"])
def test_reminders_and_escalations_do_not_go_back(question: Interrupt, change: str) -> None:
    Interrupt.objects.update(steps_done=1, escalated_to=["finance"])

    assert_refused("steps_go_forward", f"UPDATE approvals_interrupt SET {change}")


@pytest.mark.parametrize("change", ["claimed_by_id = 7", "claim_ends_at = now()"])
def test_a_claim_has_a_holder_and_an_end(question: Interrupt, change: str) -> None:
    assert_refused("claim_has_an_end", f"UPDATE approvals_interrupt SET {change}")


@pytest.mark.parametrize(
    ("rules", "votes", "verdict"),
    [
        ({}, [], "approve"),
        ({"votes_needed": 2}, [("alice", "approve")], "approve"),
        ({"votes_needed": 2}, [("alice", "approve"), ("alice", "withdraw"), ("bob", "approve")], "approve"),
        ({"votes_needed": 2}, [("alice", "approve"), ("bob", "abstain")], "approve"),
        ({"proposal": [], "proposer": "alice"}, [("alice", "edit")], "edit"),
        ({"votes_needed": 2, "veto": False}, [("alice", "reject")], "reject"),
        ({}, [("alice", "approve")], "reject"),
        ({}, [("alice", "reject")], "approve"),
        ({}, [("alice", "approve")], "respond"),
    ],
)
def test_a_decision_has_the_votes_its_question_asks_for(
    thread: Thread, cast: Cast, rules: dict[str, Any], votes: list[tuple[str, str]], verdict: str
) -> None:
    question = under(raise_question(thread, b'{"amount":40}'), cast, **rules)
    for name, given in votes:
        Vote.cast(question, by=getattr(cast, name), verdict=Verdict(given), seen_checkpoint_id="c1")

    assert_refused("decision_has_its_votes", DECISION, [question.id, question.payload_sha256, verdict, "page"])
    _execute(DECISION, [question.id, question.payload_sha256, verdict, "glass"])


DECISION = (
    "INSERT INTO approvals_decision (interrupt_id, payload_sha256, verdict, answer, note, decided_by_name,"
    " decided_via, void_reason) VALUES (%s, %s, %s, 'true', '', 'Alice', %s, '')"
)


def under(question: Interrupt, cast: Cast, *, veto: bool = True, proposer: str = "", **rules: Any) -> Interrupt:
    """The same question under other rules, which never change once it is asked."""
    question.move(InterruptStatus.SUPERSEDED, since=InterruptStatus.OPEN)
    by = {"proposal_by_id": getattr(cast, proposer).id} if proposer else {}
    return question.ask_again(rules={**question.rules, "veto": veto}, **rules, **by)


@pytest.mark.parametrize("verdict", ["abstain", "withdraw"])
def test_nothing_is_decided_by_abstaining(question: Interrupt, verdict: str) -> None:
    assert_refused("decision_verdict_is_known", DECISION, [question.id, question.payload_sha256, verdict, "policy"])


@pytest.mark.parametrize(
    "statement", ["UPDATE approvals_policyversion SET version = 9", "DELETE FROM approvals_policyversion"]
)
def test_versions_of_policies_are_append_only(cast: Cast, statement: str) -> None:
    PolicyVersion.keep(Policy.objects.get(), by=cast.oscar)

    assert_refused("approvals_policyversion_is_append_only", statement)


def test_a_policy_has_one_row_per_version(cast: Cast) -> None:
    PolicyVersion.keep(Policy.objects.get(), by=cast.oscar)

    assert_violates("one_row_per_policy_version", lambda: PolicyVersion.keep(Policy.objects.get(), by=cast.oscar))


@pytest.mark.parametrize(
    ("rule", "giver", "taker", "ends"),
    [
        ("delegation_ends_after_it_starts", "alice", "bob", 0),
        ("nobody_delegates_to_themselves", "alice", "alice", 1),
    ],
)
def test_a_delegation_makes_sense(cast: Cast, rule: str, giver: str, taker: str, ends: int) -> None:
    now = timezone.now()

    def give() -> None:
        people = {"giver": getattr(cast, giver), "taker": getattr(cast, taker)}
        Delegation.objects.create(**people, starts_at=now, ends_at=now + timedelta(hours=ends))

    assert_violates(rule, give)


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("calendar_opens_before_it_closes", "opens = '18:00'"),
        ("calendar_has_a_working_day", "weekdays = '{}'"),
    ],
)
def test_a_calendar_has_hours_that_count(cast: Cast, rule: str, change: str) -> None:
    Calendar.objects.create(name="Office")

    assert_refused(rule, f"UPDATE approvals_calendar SET {change}")
