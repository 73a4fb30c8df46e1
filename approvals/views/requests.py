"""Requests: choosing a chain, filling in its form, and the list of one's own."""

from django.conf import settings
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals import inspection, threads
from approvals.forms import DecisionPost, Filters, new_key
from approvals.inspection import Chain, UnknownChain
from approvals.models import Policy, Thread, ThreadStatus
from approvals.policies import Act, require
from approvals.schemaforms import SchemaForm, schema_form
from approvals.views import answers
from approvals.views.doors import Visit, signed_in
from approvals.views.paging import page_of
from approvals.views.statuses import with_last_verdict


@signed_in
def chains(request: Visit) -> HttpResponse:
    return render(request, "requests/chains.html", {"chains": inspection.chains()})


@signed_in
def new(request: Visit, name: str) -> HttpResponse:
    chain = _find_chain(name)
    try:
        require(request.user, Act.SUBMIT)
        if request.method != "POST":
            return _draw(request, chain, schema_form(chain.input_schema, model=chain.input_model))
        form = schema_form(chain.input_schema, model=chain.input_model, data=request.POST)
        if form.is_list_edit or not form.is_valid():
            return _draw(request, chain, form, status=200 if form.is_list_edit else 422)
        key = DecisionPost.read(request.POST).key
        thread = threads.submit(request.user, chain.name, form.value, key=key)
    except answers.EXPECTED as error:
        return answers.answer(request, error)
    return answers.SeeOther(reverse("thread", args=[thread.id]))


@signed_in
def mine(request: Visit) -> HttpResponse:
    filters = Filters.read(request.GET)
    rows = Thread.objects.requested_by(request.user)
    if filters.status:
        rows = rows.with_status(filters.status)
    page = page_of(with_last_verdict(rows), by="last_activity_at", after=filters.after)
    context = {"filters": filters, "page": page, "statuses": ThreadStatus.choices, "is_mine": True}
    return render(request, "threads/list.html", context)


def _find_chain(name: str) -> Chain:
    try:
        return inspection.chain(name)
    except UnknownChain as error:
        raise Http404(str(error)) from error


def _draw(request: Visit, chain: Chain, form: SchemaForm, *, status: int = 200) -> HttpResponse:
    context = {
        "chain": chain,
        "form": form,
        "key": DecisionPost.read(request.POST).key or new_key(),
        "model": inspection.model_in_use(),
        "is_offline": settings.HOLDPOINT_MODEL == "offline",
        "policy": Policy.objects.for_chain(chain.name).snapshot(),
    }
    return render(request, "requests/new.html", context, status=status)
