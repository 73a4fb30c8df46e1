"""What a ballot comes to: a vote, a changed question, a decision, and the run that carries it out."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from approvals import tasks
from approvals.ballots import Ballot, answer_of, kept, outcome, refuse_bad_text, replies_of
from approvals.blocked import alert
from approvals.choosing import Chosen
from approvals.combining import told_of
from approvals.crossing import crossed, snapshot_beyond
from approvals.enough import can_be_decided
from approvals.models import (
    ACCEPTING,
    AtLimit,
    Decision,
    Draft,
    Edits,
    Event,
    EventKind,
    Interrupt,
    InterruptStatus,
    Notice,
    NoticeKind,
    Run,
    RunKind,
    Snooze,
    Thread,
    ThreadStatus,
    Verdict,
    Via,
    Vote,
)
from approvals.models.facts import digest_of
from approvals.models.people import name_of
from approvals.models.standing_in import Says, are_enough
from approvals.policies import in_place_of, operators
from approvals.watching import tell_watchers


def act_on(
    thread: Thread, interrupt: Interrupt, ballot: Ballot, reviewer: User, *, proved_at: datetime | None = None
) -> Interrupt:
    """What the ballot comes to: an abstention, a changed question, a vote, a decision. The question it is about now."""
    _put_away(interrupt, reviewer)
    proof = {"reauthenticated_at": proved_at.isoformat(timespec="seconds")} if proved_at else {}
    if ballot.verdict == Verdict.ABSTAIN and not ballot.breaks_glass:
        refuse_bad_text(ballot.note)
        _vote(thread, interrupt, ballot, reviewer, in_place_of(reviewer, interrupt), **proof)
        return interrupt
    answer = answer_of(interrupt, ballot, reviewer=name_of(reviewer))
    beyond = crossed(interrupt, ballot)
    if ballot.breaks_glass:
        _break_glass(thread, interrupt, ballot, reviewer, answer, **proof)
    elif beyond or (ballot.edits and _needs_second(interrupt)):
        return _propose(thread, interrupt, ballot, reviewer, beyond, **proof)
    else:
        _vote(thread, interrupt, ballot, reviewer, in_place_of(reviewer, interrupt), **proof)
        if _settles(interrupt, ballot.verdict):
            verdict = outcome(replies_of(interrupt, ballot))
            settle(thread, interrupt, verdict=verdict, answer=answer, note=ballot.note, by=reviewer, via=ballot.via)
    return interrupt


def settle(
    thread: Thread,
    interrupt: Interrupt,
    *,
    verdict: Verdict,
    answer: Any,
    note: str,
    via: Via,
    by: User | None = None,
) -> None:
    """The decision, and, when it was the thread's last open question, the run that carries it out.

    Call with both rows locked. The run waits until nobody can think again any more: neither who decided this, nor who
    decided another question of the thread, which is handed over with it. A policy does not think again.
    """
    interrupt.put_down()
    Decision.make(thread, interrupt, verdict=verdict, answer=answer, note=note, by=by, via=via)
    tell_watchers(thread, by=by)
    if not Interrupt.objects.open().filter(thread=thread).exists():
        delay = Interrupt.objects.filter(thread=thread).undo_left()
        run = Run.owe(thread, RunKind.RESUME, by=by, delay=delay)
        thread.move(ThreadStatus.QUEUED, since=(ThreadStatus.PAUSED,))
        if not delay:
            tasks.ring_after_commit(run)


def counted(interrupt: Interrupt) -> list[Vote]:
    """The votes that count: each reviewer's last word, of those who may still decide, and one for each say."""
    return counted_of([interrupt])[interrupt.id]


def counted_of(interrupts: Sequence[Interrupt]) -> dict[uuid.UUID, list[Vote]]:
    """The votes that count of each, in as many queries as of one."""
    says = Says.on(interrupts)
    found: dict[uuid.UUID, list[Vote]] = {}
    for interrupt in interrupts:
        rests_on = says.rests_on(interrupt)
        found[interrupt.id] = [vote for vote in says.votes.get(interrupt.id, []) if vote.reviewer_id in rests_on]
    return found


def _put_away(interrupt: Interrupt, reviewer: User) -> None:
    """What was only there until they voted: their claim, their draft, their wish to see it later."""
    interrupt.put_down()
    Draft.objects.filter(interrupt=interrupt, person=reviewer).delete()
    Snooze.objects.filter(interrupt=interrupt, person=reviewer).delete()


def _propose(
    thread: Thread, interrupt: Interrupt, ballot: Ballot, reviewer: User, beyond: Chosen | None, **proof: str
) -> Interrupt:
    """The question anew as the reviewer would have it: earlier votes were about something else. Returns its row.
    `beyond`: what it falls under now, where that is not what it was asked under.
    """
    cleared = list(interrupt.votes.filter(verdict__in=ACCEPTING).standing())
    stands_in = in_place_of(reviewer, interrupt)  # before those who had their say are free again
    interrupt.move(InterruptStatus.SUPERSEDED, since=InterruptStatus.OPEN)
    again = interrupt.ask_again(
        proposal=kept(replies_of(interrupt, ballot)),
        proposal_by_id=reviewer.id,
        proposal_by_name=name_of(reviewer),
        **(snapshot_beyond(thread, interrupt, beyond) if beyond else _as_before(interrupt)),
    )
    Event.append(
        thread,
        EventKind.EDIT_PROPOSED,
        by=reviewer,
        interrupt=str(interrupt.id),
        again=str(again.id),
        again_sha256=digest_of(again),
        parts=ballot.parts,
        note=ballot.note,
        cleared=[vote.reviewer_name for vote in cleared],
        **({"under": beyond.policy.name, "version": beyond.policy.version, **told_of(beyond)} if beyond else {}),
    )
    _vote(thread, again, ballot, reviewer, stands_in, **proof)
    voters = User.objects.filter(id__in=[vote.reviewer_id for vote in cleared])
    Notice.tell(voters, NoticeKind.CHANGED, thread, interrupt_id=again.id, by=reviewer)
    if not can_be_decided(again):
        alert(thread, again)
    return again


def _as_before(interrupt: Interrupt) -> dict[str, AtLimit]:
    """Silence was to be consent to what was asked, not to what somebody made of it."""
    return {"at_limit": AtLimit.HOLD} if interrupt.at_limit == AtLimit.APPROVE else {}


def _needs_second(interrupt: Interrupt) -> bool:
    """Whether what somebody edits has to be approved by somebody else."""
    return interrupt.votes_needed > 1 or interrupt.ruled.edits == Edits.SECOND


def _break_glass(
    thread: Thread, interrupt: Interrupt, ballot: Ballot, reviewer: User, answer: Any, **proof: str
) -> None:
    """One person decides alone. The owners are told, and the record says so for good."""
    Event.append(
        thread,
        EventKind.GLASS_BROKEN,
        by=reviewer,
        interrupt=str(interrupt.id),
        reason=ballot.note,
        votes=interrupt.votes.standing().count(),
        votes_needed=interrupt.votes_needed,
        **proof,
    )
    Notice.tell(operators(), NoticeKind.GLASS_BROKEN, thread, interrupt_id=interrupt.id, by=reviewer)
    verdict = outcome(replies_of(interrupt, ballot))
    settle(thread, interrupt, verdict=verdict, answer=answer, note=ballot.note, by=reviewer, via=Via.GLASS)


def _vote(thread: Thread, interrupt: Interrupt, ballot: Ballot, reviewer: User, stands_in: str, **proof: str) -> None:
    chooses = ballot.verdict == Verdict.REJECT and ballot.reason_code in interrupt.ruled.reject_reasons
    reason = ballot.reason_code if chooses else ""
    vote = Vote.cast(
        interrupt,
        by=reviewer,
        verdict=ballot.verdict,
        seen_checkpoint_id=ballot.seen.checkpoint_id,
        note=ballot.note,
        reason_code=reason,
        for_name=stands_in,
    )
    Event.append(
        thread,
        EventKind.VOTE_CAST,
        by=reviewer,
        interrupt=str(interrupt.id),
        verdict=ballot.verdict.value,
        parts=ballot.parts,
        payload_sha256=interrupt.payload_sha256,
        row_sha256=digest_of(vote),
        **({"reason_code": reason} if reason else {}),
        **({"in_place_of": stands_in} if stands_in else {}),
        **proof,
    )


def _settles(interrupt: Interrupt, verdict: Verdict) -> bool:
    """Answers settle it at once, and a rejection where it is a veto; anything else counts up to the policy's number."""
    if verdict == Verdict.RESPOND or (verdict == Verdict.REJECT and interrupt.ruled.veto):
        return True
    votes = counted(interrupt)
    if verdict == Verdict.REJECT:
        return sum(vote.verdict == Verdict.REJECT for vote in votes) >= interrupt.votes_needed
    says = Says.on([interrupt], interrupt.proposal_by_id)
    rests_on = says.rests_on(interrupt)
    approving = {rests_on[vote.reviewer_id] for vote in votes if vote.verdict in ACCEPTING and vote.reviewer_id}
    return are_enough(interrupt, says, approving)
