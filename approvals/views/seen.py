"""Exactly what was asked about one question: the stored bytes, the rules it was asked under, and what came of it."""

import uuid
from hashlib import sha256

from django.db.models import Q
from django.http import HttpResponse
from django.shortcuts import render

from approvals.models import Event, EventKind, Interrupt
from approvals.views.doors import Visit, find_interrupt, signed_in

LOOKS = (EventKind.INTERRUPT_VIEWED, EventKind.DECISION_REFUSED)


@signed_in
def seen(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    interrupt = find_interrupt(request.user, interrupt_id)
    events = _events(interrupt)
    context = {
        "interrupt": interrupt,
        "thread": interrupt.thread,
        "found_sha256": sha256(bytes(interrupt.payload)).hexdigest(),
        "decision": getattr(interrupt, "decision", None),
        "votes": interrupt.votes.order_by("created_at", "id"),
        "viewed": [event for event in events if event.kind == EventKind.INTERRUPT_VIEWED],
        "refused": [event for event in events if event.kind == EventKind.DECISION_REFUSED],
        "raised": next((event for event in events if event.kind not in LOOKS), None),
    }
    return render(request, "decisions/seen.html", context)


def _events(interrupt: Interrupt) -> list[Event]:
    """Who looked, who was refused, and the line that the question begins with."""
    lines = Event.objects.filter(thread_id=interrupt.thread_id)
    mine = Q(data__interrupt=str(interrupt.id), kind__in=[*LOOKS, EventKind.INTERRUPT_RAISED])
    return list(lines.filter(mine | Q(data__again=str(interrupt.id))).order_by("seq"))
