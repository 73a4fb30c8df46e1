"""Threads: the list of them, and one page each, whose content follows the thread's state."""

import uuid

from django.http import HttpResponse
from django.shortcuts import render

from approvals import inspection
from approvals.forms import Filters
from approvals.models import Interrupt, InterruptStatus, Thread, ThreadStatus
from approvals.policies import visible_threads
from approvals.views.doors import Visit, find_thread, signed_in
from approvals.views.drafts import kept_drafts
from approvals.views.paging import page_of
from approvals.views.statuses import with_standing
from approvals.views.thread_page import thread_page
from approvals.views.unsent_ballots import kept_ballots


@signed_in
def threads(request: Visit) -> HttpResponse:
    filters = Filters.read(request.GET)
    rows = visible_threads(request.user)
    if filters.chain:
        rows = rows.of_chains([filters.chain])
    if filters.status:
        rows = rows.with_status(filters.status)
    if filters.q:
        rows = rows.matching(filters.q)
    page = page_of(with_standing(rows), by="last_activity_at", after=filters.after)
    context = {"filters": filters, "page": page, "chains": inspection.chains(), "statuses": ThreadStatus.choices}
    return render(request, "threads/list.html", context)


@signed_in
def thread(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    found = find_thread(request.user, thread_id)
    drafts = kept_drafts(request.user, found, editing=request.GET.get("edit", ""))
    return thread_page(request, found, drafts={**drafts, **kept_ballots(request, found)})


@signed_in
def news(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    """What became of the questions that somebody has on screen, for their page to say so."""
    thread = find_thread(request.user, thread_id)
    seen = [part for part in request.GET.get("seen", "").split(",") if _is_id(part)]
    questions = Interrupt.objects.filter(thread=thread, id__in=seen).select_related("decision")
    closed = questions.exclude(status=InterruptStatus.OPEN)
    return render(request, "threads/_news.html", {"thread": thread, "closed": closed, "is_held": _is_held(thread)})


def _is_held(thread: Thread) -> bool:
    """Somebody is doing something with the thread behind the question."""
    return thread.status != ThreadStatus.PAUSED


def _is_id(text: str) -> bool:
    try:
        uuid.UUID(text)
    except ValueError:
        return False
    return True
