"""Breaking glass: the page on which one person decides alone, past who was asked and how many."""

import uuid

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals.models import Interrupt, Verdict
from approvals.policies import Act, NotAllowed, require
from approvals.views import answers
from approvals.views.asked import passed_over
from approvals.views.doors import Visit, find_interrupt, signed_in
from approvals.views.questions import card_of
from approvals.views.unfinished import Draft

PLAIN = (Verdict.APPROVE.value, Verdict.REJECT.value)


@signed_in
def glass(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    interrupt = find_interrupt(request.user, interrupt_id)
    if not interrupt.is_open:
        return redirect("thread", interrupt.thread_id)
    return glass_page(request, interrupt)


def glass_page(request: Visit, interrupt: Interrupt, *, draft: Draft | None = None) -> HttpResponse:
    """`draft` is what was typed into a form that was refused."""
    try:
        require(request.user, Act.BREAK_GLASS, interrupt)
    except NotAllowed as error:
        return answers.answer(request, error, thread=interrupt.thread, note=draft.words if draft else "")
    page = reverse("thread", args=[interrupt.thread_id])
    card = card_of(request.user, interrupt, next=page, draft=draft)
    context = {
        "card": card,
        "interrupt": interrupt,
        "verdicts": [verdict for verdict in PLAIN if verdict in card.verdicts],
        "passed_over": passed_over(request.user, interrupt),
        "was_refused": draft is not None,
    }
    return render(request, "questions/glass.html", context, status=422 if draft else 200)
