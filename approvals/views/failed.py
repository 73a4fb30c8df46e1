"""Failed threads: a list of their own, to retry many at once."""

import uuid
from collections.abc import Iterator

from django.db.models import OuterRef, Subquery
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render

from approvals import inspection, threads
from approvals.forms import Filters, ReasonForm
from approvals.models import Run, RunStatus, ThreadStatus
from approvals.models.thread import ThreadQuerySet
from approvals.policies import Act, require, visible_threads
from approvals.threads import Retried
from approvals.views import answers
from approvals.views.doors import Visit, signed_in
from approvals.views.paging import page_of
from approvals.views.statuses import with_standing

MOST_AT_ONCE = 100
NONE_CHOSEN = "Choose at least one to retry."


@signed_in
def failed(request: Visit) -> HttpResponse:
    try:
        require(request.user, Act.SEE_QUEUE)
    except answers.EXPECTED as error:
        return answers.answer(request, error)
    if request.method != "POST":
        return _list(request)
    chosen = list(visible_threads(request.user).filter(id__in=list(_chosen(request))))
    reason = ReasonForm(request.POST)
    why = reason.cleaned_data["reason"] if reason.is_valid() else ""
    result = threads.retry_all(request.user, chosen, reason=why)
    if answers.wants_json(request):
        return _as_json(result)
    return _list(request, result=result, error="" if chosen else NONE_CHOSEN)


def _chosen(request: Visit) -> Iterator[uuid.UUID]:
    for text in request.POST.getlist("thread")[:MOST_AT_ONCE]:
        try:
            yield uuid.UUID(text)
        except ValueError:
            continue


def _as_json(result: Retried) -> JsonResponse:
    refused = [{"thread": str(thread.id), "message": why} for thread, why in result.refused]
    return JsonResponse({"retried": [str(thread.id) for thread in result.done], "refused": refused})


def _list(request: Visit, *, result: Retried | None = None, error: str = "") -> HttpResponse:
    filters = Filters.read(request.GET)
    rows = visible_threads(request.user).with_status(ThreadStatus.FAILED)
    if filters.chain:
        rows = rows.of_chains([filters.chain])
    if filters.q:
        rows = rows.matching(filters.q)
    context = {
        "filters": filters,
        "page": page_of(_with_error(with_standing(rows)), by="last_activity_at", after=filters.after),
        "chains": inspection.chains(),
        "result": result,
        "error": error,
    }
    return render(request, "threads/failed.html", context, status=422 if error else 200)


def _with_error(rows: ThreadQuerySet) -> ThreadQuerySet:
    last = Run.objects.filter(thread=OuterRef("pk"), status=RunStatus.FAILED).order_by("-created_at")
    said = {name: Subquery(last.values(name)[:1]) for name in ("error_class", "error_message")}
    return rows.annotate(**said)
