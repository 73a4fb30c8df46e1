"""A record with lines of every kind that people and machines leave, by the ways they leave them."""

import contextlib
from pathlib import Path
from uuid import UUID

from django.contrib.auth.models import Group
from django.db.models.functions import Now

from approvals import comments, decisions, inspection, limits, steps, threads
from approvals.models import AtLimit, Edits, Interrupt, Policy, Thread, Verdict
from approvals.record.checking import Check
from approvals.record.lines import Finding
from tests.conftest import REQUEST, Cast, open_question, work_off
from tests.test_limits import asked, pass_limit
from tests.test_main_job import ballot


def findings(*, thread: UUID | None = None, heads: list[Path] | None = None) -> list[Finding]:
    return list(Check(thread=thread, heads=heads or []).findings())


def pause(cast: Cast, chain: str = "prompt_chain", **values: object) -> tuple[Thread, Interrupt]:
    thread = threads.submit(cast.rita, chain, values or {"request": REQUEST})
    work_off(thread)
    return thread, open_question(thread)


def every_kind(cast: Cast) -> list[Thread]:
    """Approved, sent back and rejected, edited, undone, edited by two, voted on and withdrawn, refused, state edited,
    taken back, timed out, stopped, asked anew with the votes it had, void, escalated; with comments.
    """
    done = [_approved(cast), _sent_back(cast), _edited(cast), _undone(cast), _proposed(cast), _withdrawn(cast)]
    done += [_state_edited(cast), _replayed(cast), _stopped(cast)]
    done += [voted_and_asked_anew(cast), decided_and_stopped(cast), decided_and_replayed(cast), escalated(cast)]
    return [*done, _timed_out(cast, AtLimit.REJECT), _timed_out(cast, AtLimit.HOLD)]


def _approved(cast: Cast) -> Thread:
    thread, question = pause(cast)
    comments.comment(cast.alice, thread.id, "Grüße, @rita: is this right? \U0001f642")
    comments.comment(cast.rita, thread.id, "It is.")
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE, note="Good."))
    work_off(thread)
    return thread


def _sent_back(cast: Cast) -> Thread:
    thread, question = pause(cast)
    decisions.decide(cast.bob, question.id, ballot(question, Verdict.RESPOND, note="Kürzer, bitte \U0001f642"))
    work_off(thread)
    second = open_question(thread)
    decisions.decide(cast.alice, second.id, ballot(second, Verdict.REJECT, note="No."))
    work_off(thread)
    return thread


def _edited(cast: Cast) -> Thread:
    thread, question = pause(cast)
    arguments = {**question.value["arguments"], "content": "Dear Marta,\n40 €."}
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.EDIT, arguments=arguments))
    work_off(thread)
    return thread


def _undone(cast: Cast) -> Thread:
    Policy.objects.update(undo_seconds=30)
    thread, question = pause(cast)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    decisions.undo(cast.alice, question.id)
    Policy.objects.update(undo_seconds=0)
    return thread


def _proposed(cast: Cast) -> Thread:
    Policy.objects.update(edits=Edits.SECOND)
    thread, question = pause(cast)
    arguments = {**question.value["arguments"], "content": "Shorter."}
    again = decisions.decide(cast.alice, question.id, ballot(question, Verdict.EDIT, arguments=arguments))
    decisions.decide(cast.bob, again.id, ballot(again, Verdict.APPROVE))
    Policy.objects.update(edits=Edits.ALONE)
    work_off(thread)
    return thread


def _withdrawn(cast: Cast) -> Thread:
    Policy.objects.update(votes_needed=2)
    thread, question = pause(cast)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    decisions.withdraw(cast.alice, question.id)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE, note="After all."))
    Policy.objects.update(votes_needed=1)
    return thread


def _state_edited(cast: Cast) -> Thread:
    thread, question = pause(cast, "editable", amount=900)
    seen = question.checkpoint_id
    threads.edit_state(cast.alice, thread.id, {"amount": 950}, seen_checkpoint_id=seen, reason="Typing mistake.")
    work_off(thread)
    return thread


def _replayed(cast: Cast) -> Thread:
    thread = _approved(cast)
    _replay(cast, thread)
    return thread


def _stopped(cast: Cast) -> Thread:
    thread, _ = pause(cast)
    threads.stop(cast.rita, thread.id, reason="Not needed.")
    return thread


def _timed_out(cast: Cast, at_limit: AtLimit) -> Thread:
    thread = asked(cast, at_limit)
    pass_limit(open_question(thread))
    limits.sweep()
    with contextlib.suppress(Interrupt.DoesNotExist):
        work_off(thread)
    Policy.objects.update(decide_within=None, at_limit=AtLimit.HOLD)
    return thread


def voted_and_asked_anew(cast: Cast) -> Thread:
    """By the graph, and by an undo: one vote is carried over twice."""
    Policy.objects.update(votes_needed=2, undo_seconds=30)
    thread, question = pause(cast, "bound", log=[])
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE, note="Good."))
    _replay(cast, thread)
    again = open_question(thread)
    decisions.decide(cast.bob, again.id, ballot(again, Verdict.APPROVE))
    decisions.undo(cast.bob, again.id)
    Policy.objects.update(votes_needed=1, undo_seconds=0)
    return thread


def decided_and_stopped(cast: Cast) -> Thread:
    Policy.objects.update(undo_seconds=30)
    thread, question = pause(cast)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    threads.stop(cast.rita, thread.id, reason="Not needed.")
    Policy.objects.update(undo_seconds=0)
    return thread


def decided_and_replayed(cast: Cast) -> Thread:
    """One of two questions, so that nothing has been carried out."""
    thread = threads.submit(cast.rita, "golden_beside", {})
    work_off(thread)
    question = Interrupt.objects.open().filter(thread=thread).order_by("node")[0]
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    _replay(cast, thread)
    return thread


def escalated(cast: Cast) -> Thread:
    """And decided, and undone: the question asked again is still the directors', too."""
    Group.objects.get_or_create(name="directors")
    Policy.objects.update(escalation=[{"after": 3600, "groups": ["directors"]}], undo_seconds=30)
    thread, question = pause(cast)
    Interrupt.objects.filter(id=question.id).update(next_step_at=Now())
    steps.take(question.id)
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    decisions.undo(cast.alice, question.id)
    Policy.objects.update(escalation=[], undo_seconds=0)
    return thread


def _replay(cast: Cast, thread: Thread) -> None:
    threads.replay(cast.oscar, thread.id, inspection.steps_of(thread)[-2].checkpoint_id, reason="Once more.")
    work_off(thread)
