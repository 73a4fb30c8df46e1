"""The queue: what waits for this person, what waits for others, and one of it in full beside the list."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import NamedTuple

from django.contrib.auth.models import User
from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import Now
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from approvals import inspection
from approvals.forms import Filters
from approvals.models import Hold, Interrupt, Snooze, Verdict
from approvals.models.interrupt_queries import InterruptQuerySet
from approvals.policies import Act, NotAllowed, require, why_not_decide
from approvals.views import answers
from approvals.views.asked import tell_votes
from approvals.views.context import Shell
from approvals.views.counting import count_of
from approvals.views.doors import Visit, signed_in
from approvals.views.drafts import kept_draft
from approvals.views.paging import Page, page_of
from approvals.views.questions import Card, card_of
from approvals.views.waiting import claimed_by, for_others, snoozed_by
from approvals.views.work import why_returned

OTHERS, SNOOZED, CLAIMED = "others", "snoozed", "claimed"


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
class Split:
    """One of the lists that the queue is made of; one that `hides` is not offered while it is empty."""

    name: str
    title: str
    rows: InterruptQuerySet
    hides: bool = False

    @cached_property
    def count(self) -> int:
        return count_of(self.rows)


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
    splits = _splits(request)
    here = next((split for split in splits if split.name == filters.split), splits[0])
    page = _page(here.rows, filters)
    _add_notes(request.user, page, here)
    tell_votes(page.rows)
    context = {
        "filters": filters,
        "page": page,
        "here": here,
        "splits": [split for split in splits if not split.hides or split.count or split is here],
        "groups": _groups(page.rows, timezone.now()),
        "others": next(split.count for split in splits if split.name == OTHERS),
        "chains": inspection.chains(),
        "card": _selected(request.user, filters, page),
        "wakes_at": _wakes_at(request.user),
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
    shown = (
        rows.select_related("thread")
        .defer("payload", "thread__input")
        .annotate(
            approvals=approvals,
            is_claimed=Q(claim_ends_at__gt=Now()),
            is_held=Exists(Hold.objects.filter(thread=OuterRef("thread"))),
        )
    )
    return page_of(shown, by="created_at", after=filters.after, newest_first=False)


def _splits(request: Visit) -> list[Split]:
    person = request.user
    return [
        Split("", "For me", Shell.of(request).mine),
        Split(OTHERS, "Waiting on others", for_others(person)),
        Split(SNOOZED, "Snoozed", snoozed_by(person)),
        Split(CLAIMED, "Claimed by me", claimed_by(person), hides=True),
    ]


def _add_notes(person: User, page: Page[Interrupt], here: Split) -> None:
    """For each row the line that says why it is in this list, where that is not plain."""
    snoozes = Snooze.objects.filter(person=person, interrupt__in=page.rows).with_news()
    found = {snooze.interrupt_id: snooze for snooze in snoozes}
    reasons = why_not_decide(person, page.rows) if here.name == OTHERS else {}
    for row in page.rows:
        if here.name == OTHERS:
            vars(row)["reason"] = reasons[row.id]
        elif row.id in found and here.name == SNOOZED:
            vars(row)["snooze"] = found[row.id]
        elif row.id in found and not here.name:
            vars(row)["reason"] = why_returned(found[row.id])


def _wakes_at(person: User) -> datetime | None:
    """When the next row comes back by itself, for the page to look again then."""
    snoozes = Snooze.objects.in_effect().filter(person=person, until__isnull=False)
    return snoozes.order_by("until").values_list("until", flat=True).first()


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
    row = page.rows[index]
    return card_of(person, row, next=address, draft=kept_draft(person, row))
