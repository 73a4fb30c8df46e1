"""Requests: choosing a chain, filling in its form, and the list of one's own."""

import structlog
from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone
from django.views.csrf import csrf_failure

from approvals import inspection, threads
from approvals.choosing import likely, snapshot
from approvals.forms import DecisionPost, Filters, new_key
from approvals.inspection import Chain, UnknownChain
from approvals.models import KeyReused, Thread, ThreadStatus
from approvals.policies import Act, require
from approvals.schemaforms import SchemaForm
from approvals.views import answers, unsent
from approvals.views.chain_forms import chain_form
from approvals.views.doors import Page, Visit, signed_in
from approvals.views.paging import page_of
from approvals.views.statuses import with_standing
from approvals.views.unsent_ballots import keep_ballot

log = structlog.get_logger(__name__)

SENT_BEFORE = "This form was sent before, with other contents. Send it again to make another request."
NOT_SENT = "This could not be sent just now. Nothing is lost: send it again in a moment."


@signed_in
def chains(request: Visit) -> HttpResponse:
    return render(request, "requests/chains.html", {"chains": inspection.chains()})


def new(request: HttpRequest, name: str) -> HttpResponse:
    """Who was signed out meanwhile finds what they had typed after signing in again."""
    if request.method == "POST" and not request.user.is_authenticated:
        _keep_draft(request, name)
    return _NEW(request, name)


def form_out_of_date(request: HttpRequest, reason: str = "") -> HttpResponse:
    """In place of Django's page for a wrong CSRF token, which any form gets that was open while somebody signed in."""
    try:
        found = resolve(request.path_info)
    except Resolver404:
        found = None
    page = ""
    if found is not None and found.url_name == "new":
        page = request.path if _keep_draft(request, found.kwargs["name"]) else ""
    elif found is not None and found.url_name == "decision":
        page = keep_ballot(request, found.kwargs["interrupt_id"])
    return answers.SeeOther(page) if page else csrf_failure(request, reason)


@signed_in
def mine(request: Visit) -> HttpResponse:
    filters = Filters.read(request.GET)
    rows = Thread.objects.requested_by(request.user)
    if filters.status:
        rows = rows.with_status(filters.status)
    page = page_of(with_standing(rows), by="last_activity_at", after=filters.after)
    context = {"filters": filters, "page": page, "statuses": ThreadStatus.choices, "is_mine": True}
    return render(request, "threads/list.html", context)


def _new(request: Visit, name: str) -> HttpResponse:
    chain = _find_chain(name)
    if request.method == "POST":
        return _send(request, chain)
    if "empty" in request.GET:
        unsent.forget(request)
    try:
        require(request.user, Act.SUBMIT)
    except answers.EXPECTED as error:
        return answers.answer(request, error)
    draft = unsent.kept(request, request.user.id)
    return _draw(request, chain, chain_form(chain, request.user.id, data=draft), is_draft=draft is not None)


_NEW: Page = signed_in(_new)


def _send(request: Visit, chain: Chain) -> HttpResponse:
    """Whatever stands in the way, the form comes back as it was filled in."""
    form = chain_form(chain, request.user.id, posted=request)
    unsent.forget(request)
    try:
        require(request.user, Act.SUBMIT)
        if form.is_list_edit or not form.is_valid():
            return _draw(request, chain, form, status=200 if form.is_list_edit else 422)
        key = DecisionPost.read(request.POST).key
        thread = threads.submit(request.user, chain.name, form.value, key=key)
    except answers.EXPECTED as error:
        if answers.wants_json(request):
            return answers.answer(request, error)
        status, is_used = answers.ANSWERS[type(error)].status, isinstance(error, KeyReused)
        error_text = SENT_BEFORE if is_used else str(error)
        return _draw(request, chain, form, status=status, error=error_text, is_key_used=is_used)
    except (DatabaseError, OSError):
        log.exception("request not sent", chain=chain.name)
        return _draw(request, chain, form, status=503, error=NOT_SENT)
    return answers.SeeOther(reverse("thread", args=[thread.id]))


def _keep_draft(request: HttpRequest, name: str) -> bool:
    """Whether there was something to keep, by somebody whom the form was drawn for."""
    writer = unsent.writer_of(request)
    if writer is None:
        return False
    form = chain_form(_find_chain(name), writer, posted=request)
    secrets = {secret.html_name for secret in form.secrets}
    unsent.keep(request, writer=writer, path=request.path, dropped=secrets, more=form.tickets)
    return True


def _find_chain(name: str) -> Chain:
    try:
        return inspection.chain(name)
    except (UnknownChain, inspection.BrokenChain) as error:
        raise Http404(str(error)) from error


def _draw(
    request: Visit,
    chain: Chain,
    form: SchemaForm,
    *,
    status: int = 200,
    error: str = "",
    is_key_used: bool = False,
    is_draft: bool = False,
) -> HttpResponse:
    context = {
        "chain": chain,
        "form": form,
        "error": error,
        "is_draft": is_draft,
        "mark": unsent.mark_for(request.user.id),
        "key": (not is_key_used and _key_of(form)) or new_key(),
        "model": inspection.model_in_use(),
        "is_offline": settings.HOLDPOINT_MODEL == "offline",
        "policy": snapshot(likely(chain.name), timezone.now()),
    }
    return render(request, "requests/new.html", context, status=status)


def _key_of(form: SchemaForm) -> str:
    """Of the POST, or of the draft, that the form is filled with."""
    return DecisionPost.read(form.data).key if isinstance(form.data, QueryDict) else ""
