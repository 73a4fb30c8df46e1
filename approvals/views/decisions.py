"""The newest decisions on threads a person may see. Nothing here can be changed."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from approvals import inspection
from approvals.models import Decision, Via
from approvals.policies import Act, may, visible_threads
from approvals.record.checking import last_check
from approvals.viewing import looked_at
from approvals.views.doors import Visit, signed_in
from approvals.views.paging import page_of
from approvals.views.record_filters import VERDICTS, RecordFilters


@dataclass(frozen=True)
class Shown:
    decision: Decision
    looked_at: timedelta | None


@signed_in
def decisions(request: Visit) -> HttpResponse:
    filters = RecordFilters(request.GET)
    visible = Decision.objects.filter(interrupt__thread__in=visible_threads(request.user).values("id"))
    rows = _narrowed(visible, filters).select_related("interrupt__thread")
    rows = rows.defer("interrupt__payload", "interrupt__thread__input", "answer")
    page = page_of(rows, by="decided_at", after=filters.after)
    lengths = looked_at(page.rows)
    context = {
        "filters": filters,
        "page": page,
        "shown": [Shown(decision, lengths.get(decision.interrupt_id)) for decision in page.rows],
        "verdicts": VERDICTS,
        "ways": Via.choices,
        "chains": inspection.chains(),
        "check": last_check(),
        "may_export": may(request.user, Act.EXPORT),
    }
    return render(request, "decisions/list.html", context)


def _narrowed(rows: "QuerySet[Decision]", filters: RecordFilters) -> "QuerySet[Decision]":
    rows = filters.narrowing.decisions(rows)
    if filters.q:
        rows = rows.filter(Q(interrupt__title__icontains=filters.q) | Q(decided_by_name__icontains=filters.q))
    if filters.verdict:
        rows = rows.filter(verdict=filters.verdict)
    return rows.filter(decided_via=filters.via) if filters.via else rows
