"""The queue: what waits for this person, what waits for others, and one of it in full beside the list."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from approvals import inspection
from approvals.forms import Filters
from approvals.models import Interrupt, Verdict
from approvals.models.interrupt_queries import InterruptQuerySet
from approvals.policies import Act, NotAllowed, may, require
from approvals.views import answers
from approvals.views.context import Shell
from approvals.views.counting import count_of
from approvals.views.doors import Visit, signed_in
from approvals.views.paging import Page, page_of
from approvals.views.questions import Card, card_of
from approvals.views.waiting import for_others

OTHERS = "others"


class Bracket(NamedTuple):
    name: str
    title: str
    tone: str
    least: timedelta


BRACKETS = (
    Bracket("day", "Waiting for more than a day", "over", timedelta(days=1)),
    Bracket("hour", "Waiting for more than an hour", "", timedelta(hours=1)),
    # The web server's clock may be a little behind the database's.
    Bracket("new", "Asked within the hour", "", timedelta.min),
)


@dataclass(frozen=True)
class Group:
    """Rows that have waited about as long."""

    name: str
    title: str
    tone: str
    rows: list[Interrupt]


@signed_in
def queue(request: Visit) -> HttpResponse:
    try:
        require(request.user, Act.SEE_QUEUE)
    except NotAllowed as error:
        return answers.answer(request, error)
    filters = Filters.read(request.GET)
    mine = Shell.of(request).mine
    others = for_others(request.user, mine)
    page = _page(others if filters.split == OTHERS else mine, filters)
    if filters.split == OTHERS:
        _add_reasons(request.user, page)
    context = {
        "filters": filters,
        "page": page,
        "groups": _groups(page.rows, timezone.now()),
        "others": count_of(others),
        "chains": inspection.chains(),
        "card": _selected(request.user, filters, page),
    }
    return render(request, "queue/queue.html", context)


@signed_in
def badge(request: Visit) -> HttpResponse:
    return render(request, "queue/_badge.html")


def _page(rows: InterruptQuerySet, filters: Filters) -> Page[Interrupt]:
    if filters.chain:
        rows = rows.of_chain(filters.chain)
    if filters.q:
        rows = rows.matching(filters.q)
    approvals = Count("votes", filter=Q(votes__verdict=Verdict.APPROVE))
    shown = rows.select_related("thread").defer("payload", "thread__input").annotate(approvals=approvals)
    return page_of(shown, by="created_at", after=filters.after, newest_first=False)


def _add_reasons(person: User, page: Page[Interrupt]) -> None:
    for row in page.rows:
        vars(row)["reason"] = may(person, Act.DECIDE, row).reason


def _groups(rows: list[Interrupt], now: datetime) -> list[Group]:
    """The oldest come first, so each group is a run of rows."""
    return [
        Group(bracket.name, bracket.title, bracket.tone, list(found))
        for bracket, found in groupby(rows, key=lambda row: _bracket(now - row.created_at))
    ]


def _bracket(age: timedelta) -> Bracket:
    return next(bracket for bracket in BRACKETS if age >= bracket.least)


def _selected(person: User, filters: Filters, page: Page[Interrupt]) -> Card | None:
    """The question in full: the one asked for while it is in the list, else the first. Deciding leads to the next."""
    ids = [str(row.id) for row in page.rows]
    if not ids:
        return None
    index = ids.index(filters.selected) if filters.selected in ids else 0
    following = ids[index + 1] if index + 1 < len(ids) else ids[index - 1] if index else ""
    address = reverse("queue") + filters.query(after=filters.after, selected=following)
    return card_of(person, page.rows[index], next=address)
