"""Decisions that could not be taken because nobody was signed in any more: the words are on the thread's page later."""

import uuid
from dataclasses import replace
from typing import Final

from django.contrib.auth.models import User
from django.http import HttpRequest
from django.urls import reverse

from approvals.forms import DecisionPost
from approvals.models import Interrupt, Thread
from approvals.views import unsent
from approvals.views.ballot_forms import plain_names, typed
from approvals.views.doors import Visit, find_interrupt
from approvals.views.retyping import secrets_in
from approvals.views.unfinished import Draft
from approvals.views.versions import as_it_stands

NOT_SENT: Final = (
    "This was not sent, because you were signed out. Check it and send it again; secrets must be typed again."
)
_INTERRUPT, _WHY = "unsent_interrupt", "unsent_why"


def keep_ballot(request: HttpRequest, interrupt_id: uuid.UUID, *, why: str = NOT_SENT) -> str:
    """The address where it will be found again; "" when there is nobody to keep it for. Raises Http404."""
    person = User.objects.filter(id=unsent.writer_of(request) or 0, is_active=True).first()
    if person is None:
        return ""
    interrupt = find_interrupt(person, interrupt_id)
    question = as_it_stands(interrupt)
    data = plain_names(question, request.POST)
    secrets = {secret.name for secret in secrets_in(typed(question, DecisionPost.read(data), data), data)}
    path = reverse("thread", args=[interrupt.thread_id])
    unsent.keep(request, writer=person.id, path=path, dropped=secrets, more={_INTERRUPT: str(interrupt.id), _WHY: why})
    return path


def kept_ballots(request: Visit, thread: Thread) -> dict[uuid.UUID, Draft]:
    """What this person had typed about a question that is still open."""
    data = unsent.kept(request, request.user.id)
    if data is None:
        return {}
    interrupt = Interrupt.objects.open().filter(thread=thread, id=str(data[_INTERRUPT])).first()
    if interrupt is None:
        return {}
    draft = typed(as_it_stands(interrupt), DecisionPost.read(data), data)
    return {interrupt.id: replace(draft, error=data.get(_WHY, NOT_SENT))}
