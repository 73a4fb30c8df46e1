"""Working on a question besides deciding it: claim, give back, take over, assign, snooze, drafts."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from approvals import drafting, queueing
from approvals.forms import local_path
from approvals.models import Draft, Interrupt, Snooze
from approvals.models.event import EventKind
from approvals.policies import Act, may, require
from approvals.views import answers
from approvals.views.doors import Visit, acting, find_interrupt, signed_in
from approvals.views.drafts import keepable

MORNING = time(9)
MOST_OFFERED = 100
NOBODY = "Choose somebody from the list."


@dataclass(frozen=True)
class Work:
    """Where one person stands with one question. `holder` is whose claim is in force, "" when it is nobody's."""

    interrupt: Interrupt
    person: User
    holder: str
    is_mine: bool
    may_claim: bool
    may_assign: bool
    snooze: Snooze | None
    draft: Draft | None
    returned: str

    @property
    def says_something(self) -> bool:
        return bool(self.holder or self.may_claim or self.may_assign)


def work_of(person: User, interrupt: Interrupt) -> Work:
    held = Interrupt.objects.open().filter(id=interrupt.id, claim_ends_at__gt=Now())
    claim = held.values_list("claimed_by_id", "claimed_by_name").first()
    snoozes = Snooze.objects.filter(person=person, interrupt=interrupt)
    snooze = snoozes.in_effect().first()
    over = None if snooze else snoozes.with_news().first()
    may_claim = bool(may(person, Act.CLAIM, interrupt))
    return Work(
        interrupt=interrupt,
        person=person,
        holder=claim[1] if claim else "",
        is_mine=claim is not None and claim[0] == person.id,
        may_claim=may_claim,
        may_assign=may_claim or bool(may(person, Act.ASSIGN, interrupt)),
        snooze=snooze,
        draft=Draft.objects.filter(person=person, interrupt=interrupt).first(),
        returned=why_returned(over) if over else "",
    )


def why_returned(snooze: Snooze) -> str:
    """Of a snooze that is over, found `with_news`."""
    if snooze.until is not None:
        return "Returned: the time you chose has come"
    kind, by = vars(snooze)["news_kind"], vars(snooze)["news_by"]
    return f"Returned: {EventKind(kind).label.lower()}{f' by {by}' if by else ''}" if kind else "Returned"


@signed_in
def work(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    """For a page that has it on screen, to be drawn again."""
    return render(
        request, "questions/_work.html", {"work": work_of(request.user, find_interrupt(request.user, interrupt_id))}
    )


@acting
def claim(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    return _do(request, interrupt_id, queueing.claim, "Claimed. It is yours for now.")


@acting
def take_over(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    return _do(request, interrupt_id, queueing.take_over, "Taken over. Whoever had it is told.")


@acting
def give_back(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    return _do(request, interrupt_id, queueing.return_, "Given back to the queue.")


@signed_in
def assignment(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    """Whom to give it to, and giving it."""
    interrupt = find_interrupt(request.user, interrupt_id)
    try:
        require(request.user, Act.ASSIGN, interrupt)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=interrupt.thread)
    people = queueing.who_may_hold(interrupt)
    shown = {"interrupt": interrupt, "people": people[:MOST_OFFERED], "next": request.GET.get("next", "")}
    if request.method != "POST":
        return render(request, "work/assign.html", shown)
    taker = User.objects.filter(username=request.POST.get("person", ""), is_active=True).first()
    if taker is None:
        return render(request, "work/assign.html", {**shown, "error": NOBODY}, status=422)
    return _do(
        request,
        interrupt_id,
        lambda person, which: queueing.assign(person, which, to=taker),
        f"Assigned to {taker.get_full_name() or taker.username}, who is told.",
    )


@acting
def snooze(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    """For an hour, until a morning, until a moment of one's own, or until something changes."""
    if "end" in request.POST:
        return _do(request, interrupt_id, queueing.unsnooze, "Back in your queue.")
    try:
        until = _moment(request.POST.get("for", ""), request.POST.get("until", ""))
    except queueing.BadMoment as error:
        return answers.answer(request, error, thread=find_interrupt(request.user, interrupt_id).thread)
    return _do(
        request,
        interrupt_id,
        lambda person, which: queueing.snooze(person, which, until=until),
        "Snoozed. It comes back by itself, for you alone it was away.",
    )


@acting
def draft(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    """What the page's own script sends while somebody types."""
    interrupt = find_interrupt(request.user, interrupt_id)
    if "discard" in request.POST:
        drafting.drop(request.user, interrupt.id)
        messages.success(request, "The draft is gone.")
        return _back(request, interrupt)
    try:
        query = keepable(request.user, interrupt, request.POST)
        if query:
            drafting.keep(request.user, interrupt.id, query)
        else:
            drafting.drop(request.user, interrupt.id)
    except answers.EXPECTED as error:
        return JsonResponse({"message": str(error)}, status=answers.ANSWERS[type(error)].status)
    return JsonResponse({"kept": True})


def _do(
    request: Visit, interrupt_id: uuid.UUID, verb: Callable[[User, uuid.UUID], Interrupt], said: str
) -> HttpResponse:
    interrupt = find_interrupt(request.user, interrupt_id)
    try:
        done = verb(request.user, interrupt.id)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=interrupt.thread)
    if answers.wants_json(request):
        until = done.claim_ends_at.isoformat() if done.claim_ends_at else None
        return JsonResponse({"interrupt": str(done.id), "claimed_by": done.claimed_by_name, "until": until})
    messages.success(request, said)
    return _back(request, interrupt)


def _back(request: Visit, interrupt: Interrupt) -> HttpResponse:
    page = reverse("thread", args=[interrupt.thread_id])
    return answers.SeeOther(local_path(request.POST.get("next", ""), otherwise=page))


def _moment(length: str, until: str) -> datetime | None:
    """None: until something changes. Raises BadMoment for what is no moment."""
    now = timezone.localtime()
    morning = now.replace(hour=MORNING.hour, minute=0, second=0, microsecond=0)
    offered = {
        "change": None,
        "hour": now + timedelta(hours=1),
        "tomorrow": morning + timedelta(days=1),
        "week": morning + timedelta(days=7 - now.weekday()),
    }
    if length in offered:
        return offered[length]
    try:
        typed = parse_datetime(until)
    except ValueError:
        typed = None
    if typed is None:
        raise queueing.BadMoment(queueing.BadMoment.__doc__)
    return typed if timezone.is_aware(typed) else timezone.make_aware(typed)
