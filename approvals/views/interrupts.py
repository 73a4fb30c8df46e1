"""Deciding: one form in, one verdict out, on exactly what was on screen."""

import uuid
from dataclasses import replace
from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals import decisions, inspection
from approvals.decisions import AlreadyDecided, Ballot, Changed
from approvals.forms import DecisionPost, local_path
from approvals.inspection import BadAnswer
from approvals.models import Interrupt, InterruptStatus, QuestionKind, Verdict
from approvals.views import answers
from approvals.views.doors import Visit, acting, find_interrupt, find_thread, signed_in
from approvals.views.questions import ASKS_TWICE, Draft, answer_form, arguments_form, edits_of
from approvals.views.thread_page import thread_page

ACCEPTING = (Verdict.APPROVE, Verdict.EDIT)
UNCHANGED = "You changed nothing. Change a value, or approve it as it is."
NO_VERDICT = "Choose what to do with it: approve, edit, reject or respond."


@signed_in
def decision(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    interrupt = find_interrupt(request.user, interrupt_id)
    if request.method != "POST":
        return redirect("thread", interrupt.thread_id)
    posted = DecisionPost.read(request.POST)
    draft = _draft(interrupt, posted, request.POST)
    try:
        ballot = _ballot(interrupt, posted, draft)
        if _asks_again(request, interrupt, posted):
            return _confirm(request, interrupt, ballot)
        decided = decisions.decide(request.user, interrupt.id, ballot)
    except BadAnswer as error:
        return _redrawn(request, interrupt, draft, error)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=interrupt.thread, note=posted.note)
    return _decided(request, decided, posted)


@acting
def undo(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    interrupt = find_interrupt(request.user, interrupt_id)
    try:
        again = decisions.undo(request.user, interrupt.id)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=interrupt.thread)
    if answers.wants_json(request):
        return JsonResponse({"interrupt": str(again.id), "status": again.status, "thread": str(again.thread_id)})
    messages.success(request, f"Taken back: “{again.title}” waits for a decision again.")
    page = reverse("thread", args=[again.thread_id])
    came_from_queue = request.POST.get("next", "").startswith(reverse("queue"))
    return answers.SeeOther(f"{reverse('queue')}?selected={again.id}" if came_from_queue else page)


def _draft(interrupt: Interrupt, posted: DecisionPost, data: QueryDict) -> Draft:
    question = inspection.question_of(interrupt)
    draft = Draft(note=posted.note)
    if interrupt.kind == QuestionKind.SCHEMA:
        return replace(draft, form=answer_form(question, data))
    if posted.verdict == Verdict.EDIT or "edit" in data:
        return replace(draft, form=arguments_form(question, data), is_editing=True)
    return draft


def _ballot(interrupt: Interrupt, posted: DecisionPost, draft: Draft) -> Ballot:
    """Raises BadAnswer when what was typed is no ballot yet, and what closed the question when that came first."""
    wants_value = draft.form is not None and posted.verdict in (Verdict.EDIT, Verdict.RESPOND)
    arguments = None
    if draft.form is not None and (draft.form.is_list_edit or (wants_value and not draft.form.is_valid())):
        _refuse_closed(interrupt)
        raise BadAnswer(" ".join(problem.text for problem in draft.form.problems), draft.form.prefix or "")
    if draft.form is not None and wants_value:
        arguments = draft.form.value
        if draft.is_editing and not draft.form.changes:
            raise BadAnswer(UNCHANGED)
    if posted.verdict is None:
        raise BadAnswer(NO_VERDICT)
    return Ballot(posted.verdict, posted.seen, arguments=arguments, note=posted.note, key=posted.key)


def _refuse_closed(interrupt: Interrupt) -> None:
    if interrupt.status in (InterruptStatus.DECIDED, InterruptStatus.APPLIED):
        raise AlreadyDecided(interrupt.decision)
    if not interrupt.is_open:
        raise Changed(Changed.__doc__)


def _asks_again(request: Visit, interrupt: Interrupt, posted: DecisionPost) -> bool:
    """Where a mistake is dear, approving takes a second step. Programs say what they mean the first time."""
    is_dear = interrupt.risk in ASKS_TWICE and posted.verdict in ACCEPTING
    return is_dear and interrupt.is_open and not posted.is_confirmed and not answers.wants_json(request)


def _confirm(request: Visit, interrupt: Interrupt, ballot: Ballot) -> HttpResponse:
    edits = edits_of(interrupt, ballot.arguments) if ballot.verdict == Verdict.EDIT else []
    sent = [(name, text) for name, texts in request.POST.lists() for text in texts]
    hidden = [(name, text) for name, text in sent if name not in ("csrfmiddlewaretoken", "verdict")]
    context = {"interrupt": interrupt, "verdict": ballot.verdict, "edits": edits, "hidden": hidden}
    return render(request, "questions/confirm.html", context)


def _redrawn(request: Visit, interrupt: Interrupt, draft: Draft, error: BadAnswer) -> HttpResponse:
    """The page again, with the error at its field and everything typed still there."""
    if answers.wants_json(request):
        return answers.refused(str(error), field=error.path)
    is_note = error.path == "note"
    wrong = replace(draft, note_error=str(error)) if is_note else replace(draft, error=str(error))
    thread = find_thread(request.user, interrupt.thread_id)
    status = 200 if draft.form is not None and draft.form.is_list_edit else 422
    return thread_page(request, thread, drafts={interrupt.id: wrong}, status=status)


def _decided(request: Visit, interrupt: Interrupt, posted: DecisionPost) -> HttpResponse:
    if answers.wants_json(request):
        body = {"interrupt": str(interrupt.id), "status": interrupt.status, "verdict": posted.verdict}
        return JsonResponse({**body, "thread": str(interrupt.thread_id)})
    messages.success(request, _said(interrupt, posted.verdict), extra_tags=_undo_until(interrupt))
    page = reverse("thread", args=[interrupt.thread_id])
    return answers.SeeOther(local_path(posted.next, otherwise=page))


def _said(interrupt: Interrupt, verdict: Verdict | None) -> str:
    """The verdict, and what it does now."""
    title = f"“{interrupt.title}”"
    if interrupt.is_open:
        count = interrupt.votes.filter(verdict=Verdict.APPROVE).count()
        return f"Your approval of {title} counts: {count} of {interrupt.votes_needed}. It waits for somebody else."
    label = verdict.label if verdict is not None else "Decided"
    if Interrupt.objects.open().filter(thread=interrupt.thread_id).exists():
        return f"{label}: {title}. The worker carries on when the other questions are decided, too."
    delay = interrupt.undo_seconds
    return f"{label}: {title}. The worker carries on {f'in {delay} seconds' if delay else 'now'}."


def _undo_until(interrupt: Interrupt) -> str:
    """For the message: which decision can be taken back, and until when; "" when none can."""
    if interrupt.status != InterruptStatus.DECIDED or not interrupt.undo_seconds:
        return ""
    until = interrupt.decision.decided_at + timedelta(seconds=interrupt.undo_seconds)
    return f"{interrupt.id} {until.isoformat()}"
