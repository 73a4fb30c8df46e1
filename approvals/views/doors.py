"""Who comes in, and what they may look up."""

import uuid
from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec

from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.cache import never_cache

from approvals.models import Interrupt, Thread
from approvals.policies import visible_threads
from approvals.views.statuses import with_standing

P = ParamSpec("P")
Page = Callable[..., HttpResponse]


class Visit(HttpRequest):
    """A request by somebody who is signed in."""

    user: User


def signed_in(view: Callable[Concatenate[Visit, P], HttpResponse]) -> Page:
    """Others go to the sign-in page. Nothing is kept: Back must not show an old question with live buttons."""
    return never_cache(login_required(view))


def acting(view: Callable[Concatenate[Visit, P], HttpResponse]) -> Page:
    """For forms. Coming back to such an address, from the sign-in page say, leads home instead of to an error."""

    def post_only(request: Visit, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        return view(request, *args, **kwargs) if request.method == "POST" else redirect("home")

    return signed_in(update_wrapper(post_only, view))


def find_thread(person: User, thread_id: uuid.UUID) -> Thread:
    """Raises Http404 for what this person may not see."""
    return get_object_or_404(with_standing(visible_threads(person)), id=thread_id)


def find_interrupt(person: User, interrupt_id: uuid.UUID) -> Interrupt:
    """Raises Http404 for a question on a thread that this person may not see."""
    questions = Interrupt.objects.select_related("thread").filter(thread__in=visible_threads(person))
    return get_object_or_404(questions, id=interrupt_id)
