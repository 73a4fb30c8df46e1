"""The newest decisions on threads a person may see. Nothing here can be changed."""

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render

from approvals.forms import Filters
from approvals.models import Decision, Verdict
from approvals.policies import visible_threads
from approvals.views.doors import Visit, signed_in
from approvals.views.paging import page_of


@signed_in
def decisions(request: Visit) -> HttpResponse:
    filters = Filters.read(request.GET)
    rows = Decision.objects.filter(interrupt__thread__in=visible_threads(request.user).values("id"))
    if filters.q:
        rows = rows.filter(Q(interrupt__title__icontains=filters.q) | Q(decided_by_name__icontains=filters.q))
    if filters.status in Verdict.values:
        rows = rows.filter(verdict=filters.status)
    rows = rows.select_related("interrupt__thread").defer("interrupt__payload", "interrupt__thread__input")
    page = page_of(rows, by="decided_at", after=filters.after)
    return render(request, "decisions/list.html", {"filters": filters, "page": page, "verdicts": Verdict.choices})
