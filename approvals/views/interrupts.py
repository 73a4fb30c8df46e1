"""Deciding: one form in, one verdict out, on exactly what was on screen."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals import decisions
from approvals.ballots import Ballot
from approvals.decisions import AlreadyDecided, Changed
from approvals.forms import DecisionPost, local_path
from approvals.inspection import BadAnswer, Question
from approvals.models import Interrupt, InterruptStatus, QuestionKind, Verdict, Via
from approvals.policies import asked_people
from approvals.refusals import record_refusal, record_unseen
from approvals.views import answers, unsent
from approvals.views.asked import approvals_of
from approvals.views.ballot_forms import ARGUMENTS, ballot_of, plain_names, typed
from approvals.views.doors import Page, Visit, acting, find_interrupt, find_thread, signed_in
from approvals.views.glass import glass_page
from approvals.views.pieces import decided_parts
from approvals.views.proving import prove_first, proved_at
from approvals.views.questions import ASKS_TWICE, differences, edits_of
from approvals.views.retyping import AGAIN, Secret, is_any_missing, secrets_in
from approvals.views.thread_page import thread_page
from approvals.views.unfinished import Draft
from approvals.views.unsent_ballots import keep_ballot
from approvals.views.versions import as_it_stands
from approvals.voting import counted

DEAR = (Verdict.APPROVE, Verdict.EDIT)


def decision(request: HttpRequest, interrupt_id: uuid.UUID) -> HttpResponse:
    """Who was signed out meanwhile finds what they had typed after signing in again."""
    if request.method == "POST" and not request.user.is_authenticated:
        keep_ballot(request, interrupt_id)
    return _DECISION(request, interrupt_id)


def _decision(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    interrupt = _found(request, interrupt_id, act="decide")
    if request.method != "POST":
        return redirect("thread", interrupt.thread_id)
    unsent.forget(request)
    question = as_it_stands(interrupt)
    data = plain_names(question, request.POST)
    posted = DecisionPost.read(data)
    draft = typed(question, posted, data)
    try:
        ballot = _ballot(interrupt, question, posted, draft, data)
        if unproved := prove_first(request, interrupt, ballot):
            return unproved
        if _asks_again(request, interrupt, ballot) and (not posted.is_confirmed or is_any_missing(data)):
            return _confirm(request, interrupt, ballot, secrets=secrets_in(draft, data))
        decided = decisions.decide(request.user, interrupt.id, ballot, proved_at=proved_at(request, interrupt, ballot))
    except BadAnswer as error:
        if posted.breaks_glass and not answers.wants_json(request):
            return glass_page(request, interrupt, draft=draft.with_error(error))
        return _redrawn(request, interrupt, draft, error)
    except answers.EXPECTED as error:
        record_refusal(request.user, interrupt.id, error)
        return answers.answer(request, error, thread=interrupt.thread, note=draft.words)
    return _decided(request, decided, ballot, before=interrupt, next=posted.next)


_DECISION: Page = signed_in(_decision)


@acting
def undo(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    again = _attempted(request, interrupt_id, act="undo", attempt=decisions.undo)
    if isinstance(again, HttpResponse):
        return again
    if answers.wants_json(request):
        return JsonResponse({"interrupt": str(again.id), "status": again.status, "thread": str(again.thread_id)})
    messages.success(request, f"Taken back: “{again.title}” waits for a decision again.")
    page = reverse("thread", args=[again.thread_id])
    came_from_queue = request.POST.get("next", "").startswith(reverse("queue"))
    return answers.SeeOther(f"{reverse('queue')}?selected={again.id}" if came_from_queue else page)


@acting
def withdrawal(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    interrupt = _attempted(request, interrupt_id, act="withdraw", attempt=decisions.withdraw)
    if isinstance(interrupt, HttpResponse):
        return interrupt
    if answers.wants_json(request):
        return JsonResponse(_came_to(interrupt))
    messages.success(request, f"Your vote on “{interrupt.title}” is withdrawn. You can vote again.")
    return answers.SeeOther(
        local_path(request.POST.get("next", ""), otherwise=reverse("thread", args=[interrupt.thread_id]))
    )


def _attempted(
    request: Visit, interrupt_id: uuid.UUID, *, act: str, attempt: Callable[[User, uuid.UUID], Interrupt]
) -> Interrupt | HttpResponse:
    """The question it is about afterwards; or the answer to a refusal, which is recorded."""
    interrupt = _found(request, interrupt_id, act=act)
    try:
        return attempt(request.user, interrupt.id)
    except answers.EXPECTED as error:
        record_refusal(request.user, interrupt.id, error, act=act)
        return answers.answer(request, error, thread=interrupt.thread)


def _found(request: Visit, interrupt_id: uuid.UUID, *, act: str) -> Interrupt:
    """Raises Http404; that somebody tried to decide what they may not see is recorded."""
    try:
        return find_interrupt(request.user, interrupt_id)
    except Http404:
        if request.method == "POST":
            record_unseen(request.user, interrupt_id, act=act)
        raise


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
    """Where a mistake is dear, approving takes a second step; the page of breaking glass is one. Programs say what
    they mean the first time.
    """
    accepts = any(part.verdict in DEAR for part in ballot.replies or (ballot,)) and not ballot.breaks_glass
    return accepts and interrupt.risk in ASKS_TWICE and interrupt.is_open and not answers.wants_json(request)


def _confirm(request: Visit, interrupt: Interrupt, ballot: Ballot, *, secrets: list[Secret]) -> HttpResponse:
    edits = differences(interrupt) if ballot.verdict == Verdict.APPROVE else []
    if ballot.verdict == Verdict.EDIT and not ballot.replies:
        edits = edits_of(interrupt, ballot.arguments)
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


def _decided(request: Visit, interrupt: Interrupt, ballot: Ballot, *, before: Interrupt, next: str) -> HttpResponse:
    """`interrupt` is the question it is about now: an edit may have made another version of it."""
    crosses = _proposes(interrupt, ballot) and set(interrupt.policies) != set(before.policies)
    if answers.wants_json(request):
        asked = {"asked_again": {"policies": interrupt.policies, "why": interrupt.ruled.why}} if crosses else {}
        came = {**_came_to(interrupt), "verdict": ballot.verdict, "proposal": _proposes(interrupt, ballot)}
        return JsonResponse({**came, **asked})
    said = _said_of_crossing(interrupt) if crosses else _said(interrupt, ballot)
    messages.success(request, said, extra_tags=_undo_until(interrupt))
    page = reverse("thread", args=[interrupt.thread_id])
    return answers.SeeOther(local_path(next, otherwise=page))


def _came_to(interrupt: Interrupt) -> dict[str, Any]:
    return {
        "interrupt": str(interrupt.id),
        "status": interrupt.status,
        "approvals": approvals_of(interrupt),
        "votes_needed": interrupt.votes_needed,
        "thread": str(interrupt.thread_id),
    }


def _proposes(interrupt: Interrupt, ballot: Ballot) -> bool:
    return interrupt.is_proposal and ballot.edits


def _said(interrupt: Interrupt, ballot: Ballot) -> str:
    """The verdict, and what it does now."""
    title = f"“{interrupt.title}”"
    if interrupt.is_open:
        return _said_of_vote(interrupt, ballot, title)
    if interrupt.status == InterruptStatus.DECIDED and interrupt.decision.decided_via == Via.GLASS:
        title = f"{title}, by break glass"
    label = "Carries on" if interrupt.kind == QuestionKind.PAUSE else ballot.verdict.label
    if Interrupt.objects.open().filter(thread=interrupt.thread_id).exists():
        return f"{label}: {title}. The worker carries on when the other questions are decided, too."
    run = interrupt.thread.runs.live().first()
    delay = round((run.not_before - run.created_at).total_seconds()) if run else 0
    return f"{label}: {title}. The worker carries on {f'in {delay} seconds' if delay > 0 else 'now'}."


def _said_of_vote(interrupt: Interrupt, ballot: Ballot, title: str) -> str:
    if _proposes(interrupt, ballot):
        return f"Changed: {title} waits for somebody else's approval."
    if ballot.verdict == Verdict.ABSTAIN:
        return f"You abstain: {title} waits for somebody else."
    if ballot.verdict == Verdict.REJECT:
        count = sum(vote.verdict == Verdict.REJECT for vote in counted(interrupt))
        return f"Your rejection of {title} counts: {count} of {interrupt.votes_needed}. It waits for somebody else."
    count = approvals_of(interrupt)
    return f"Your approval of {title} counts: {count} of {interrupt.votes_needed}. It waits for somebody else."


def _said_of_crossing(interrupt: Interrupt) -> str:
    """What was made of it is a matter of other policies."""
    names = interrupt.policies
    policies = f"{'policy' if len(names) == 1 else 'policies'} {', '.join(names)}"
    asked = f"is asked again under {policies}: {interrupt.ruled.why} It waits for {asked_people(interrupt)}."
    return f"Changed: “{interrupt.title}” {asked}"


def _undo_until(interrupt: Interrupt) -> str:
    """For the message: which decision can be taken back, and until when; "" when none can."""
    if interrupt.status != InterruptStatus.DECIDED or not interrupt.undo_seconds:
        return ""
    until = interrupt.decision.decided_at + timedelta(seconds=interrupt.undo_seconds)
    return f"{interrupt.id} {until.isoformat()}"
