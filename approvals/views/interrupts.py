"""Deciding: one form in, one verdict out, on exactly what was on screen."""

import uuid
from datetime import timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals import decisions, inspection
from approvals.ballots import Ballot
from approvals.decisions import AlreadyDecided, Changed
from approvals.forms import DecisionPost, local_path
from approvals.inspection import BadAnswer, Question
from approvals.models import ACCEPTING, Interrupt, InterruptStatus, QuestionKind, Verdict
from approvals.views import answers, unsent
from approvals.views.ballot_forms import ARGUMENTS, Draft, ballot_of, plain_names, typed
from approvals.views.doors import Page, Visit, acting, find_interrupt, find_thread, signed_in
from approvals.views.questions import ASKS_TWICE, decided_parts, edits_of
from approvals.views.retyping import AGAIN, Secret, is_any_missing, secrets_in
from approvals.views.thread_page import thread_page
from approvals.views.unsent_ballots import keep_ballot
from approvals.voting import counted

DEAR = (Verdict.APPROVE, Verdict.EDIT)


def decision(request: HttpRequest, interrupt_id: uuid.UUID) -> HttpResponse:
    """Who was signed out meanwhile finds what they had typed after signing in again."""
    if request.method == "POST" and not request.user.is_authenticated:
        keep_ballot(request, interrupt_id)
    return _DECISION(request, interrupt_id)


def _decision(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    interrupt = find_interrupt(request.user, interrupt_id)
    if request.method != "POST":
        return redirect("thread", interrupt.thread_id)
    unsent.forget(request)
    question = inspection.question_of(interrupt)
    data = plain_names(question, request.POST)
    posted = DecisionPost.read(data)
    draft = typed(question, posted, data)
    try:
        ballot = _ballot(interrupt, question, posted, draft, data)
        if _asks_again(request, interrupt, ballot) and (not posted.is_confirmed or is_any_missing(data)):
            return _confirm(request, interrupt, ballot, secrets=secrets_in(draft, data))
        decided = decisions.decide(request.user, interrupt.id, ballot)
    except BadAnswer as error:
        return _redrawn(request, interrupt, draft, error)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=interrupt.thread, note=draft.words)
    return _decided(request, decided, ballot.verdict, next=posted.next)


_DECISION: Page = signed_in(_decision)


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


def _ballot(interrupt: Interrupt, question: Question, posted: DecisionPost, draft: Draft, data: QueryDict) -> Ballot:
    """Raises BadAnswer when what was typed is no ballot yet, and what closed the question when that came first."""
    try:
        return ballot_of(question, posted, draft, data)
    except BadAnswer:
        _refuse_closed(interrupt)
        raise


def _refuse_closed(interrupt: Interrupt) -> None:
    if interrupt.status in (InterruptStatus.DECIDED, InterruptStatus.APPLIED):
        raise AlreadyDecided(interrupt.decision)
    if not interrupt.is_open:
        raise Changed()


def _asks_again(request: Visit, interrupt: Interrupt, ballot: Ballot) -> bool:
    """Where a mistake is dear, approving takes a second step. Programs say what they mean the first time."""
    accepts = any(part.verdict in DEAR for part in ballot.replies or (ballot,))
    return accepts and interrupt.risk in ASKS_TWICE and interrupt.is_open and not answers.wants_json(request)


def _confirm(request: Visit, interrupt: Interrupt, ballot: Ballot, *, secrets: list[Secret]) -> HttpResponse:
    edits = edits_of(interrupt, ballot.arguments) if ballot.verdict == Verdict.EDIT and not ballot.replies else []
    sent = [(name, text) for name, texts in request.POST.lists() for text in texts]
    dropped = {"csrfmiddlewaretoken", "verdict", "confirmed", AGAIN, *(secret.name for secret in secrets)}
    hidden = [(name, text) for name, text in sent if name not in dropped]
    context = {
        "interrupt": interrupt,
        "verdict": ballot.verdict,
        "edits": edits,
        "parts": decided_parts(interrupt, ballot.parts) if ballot.replies else [],
        "hidden": hidden,
        "secrets": secrets,
        "is_missing": is_any_missing(request.POST),
    }
    return render(request, "questions/confirm.html", context, status=422 if context["is_missing"] else 200)


def _redrawn(request: Visit, interrupt: Interrupt, draft: Draft, error: BadAnswer) -> HttpResponse:
    """The page again, with the error at its field and everything typed still there."""
    if answers.wants_json(request):
        return answers.refused(str(error), field=_field(draft, error))
    thread = find_thread(request.user, interrupt.thread_id)
    status = 200 if draft.is_list_edit else 422
    return thread_page(request, thread, drafts={interrupt.id: draft.with_error(error)}, status=status)


def _field(draft: Draft, error: BadAnswer) -> str:
    """The posted name, or the place in the arguments, that the error is about."""
    if not draft.parts or error.item is None or error.path.startswith("item-"):
        return error.path
    return f"item-{error.item}-{error.path or ARGUMENTS}"


def _decided(request: Visit, interrupt: Interrupt, verdict: Verdict, *, next: str) -> HttpResponse:
    if answers.wants_json(request):
        body = {"interrupt": str(interrupt.id), "status": interrupt.status, "verdict": verdict}
        return JsonResponse({**body, "thread": str(interrupt.thread_id)})
    messages.success(request, _said(interrupt, verdict), extra_tags=_undo_until(interrupt))
    page = reverse("thread", args=[interrupt.thread_id])
    return answers.SeeOther(local_path(next, otherwise=page))


def _said(interrupt: Interrupt, verdict: Verdict) -> str:
    """The verdict, and what it does now."""
    title = f"“{interrupt.title}”"
    if interrupt.is_open:
        count = sum(vote.verdict in ACCEPTING for vote in counted(interrupt))
        return f"Your approval of {title} counts: {count} of {interrupt.votes_needed}. It waits for somebody else."
    label = "Carries on" if interrupt.kind == QuestionKind.PAUSE else verdict.label
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
