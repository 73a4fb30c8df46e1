"""Notices: what somebody should know of. Reading the page changes nothing; marking as read is a form of its own."""

from django.contrib import messages
from django.db.models.functions import Now
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals.forms import Filters
from approvals.models import Notice
from approvals.views import answers
from approvals.views.doors import Visit, signed_in
from approvals.views.paging import page_of
from approvals.views.waiting import notices_of

UNREAD = "unread"


@signed_in
def notices(request: Visit) -> HttpResponse:
    if request.method == "POST":
        return _mark_read(request)
    filters = Filters.read(request.GET)
    rows = notices_of(request.user)
    if filters.split == UNREAD:
        rows = rows.unread()
    page = page_of(rows.select_related("thread").defer("thread__input"), by="at", after=filters.after)
    return render(request, "notices/list.html", {"filters": filters, "page": page})


@signed_in
def badge(request: Visit) -> HttpResponse:
    return render(request, "notices/_badge.html")


def _mark_read(request: Visit) -> HttpResponse:
    """One, or all up to the newest that was on the page: what came since was not read."""
    rows = Notice.objects.filter(person=request.user).unread()
    one, newest = request.POST.get("one", ""), request.POST.get("newest", "")
    if _is_number(one):
        rows.filter(id=int(one)).update(read_at=Now())
    elif _is_number(newest):
        rows.filter(id__lte=int(newest)).update(read_at=Now())
        messages.success(request, "All notices up to here are marked as read.")
    return answers.SeeOther(reverse("notices"))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19
