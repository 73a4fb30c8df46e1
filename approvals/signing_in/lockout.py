"""Too many wrong passwords or codes for one name, from one address: that address waits, and nobody else does."""

from datetime import datetime
from math import ceil
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from approvals.signing_in.addresses import client_address


def locked_out(request: HttpRequest, response: Any = None, credentials: Any = None) -> HttpResponse:
    """The answer instead of the page's own, to whoever has to wait. Axes fills its arguments differently when async."""
    named = getattr(request, "axes_credentials", None) or {}
    until = _until(request, str(named.get("username") or ""))
    seconds = max(ceil((until - timezone.now()).total_seconds()), 1)
    context = {"until": until, "minutes": ceil(seconds / 60), "attempts": settings.HOLDPOINT_SIGN_IN_ATTEMPTS}
    answer = render(request, "registration/locked.html", context, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def is_locked_out(request: HttpRequest, person: User) -> bool:
    return not AxesProxyHandler.is_allowed(request, {"username": person.get_username()})


def count_failure(request: HttpRequest, person: User) -> None:
    """A wrong code counts as a wrong password does, in the same place, and none while there is waiting to do.

    From the last one on, the answer to the request is locked_out(), whatever the page would say.
    """
    if is_locked_out(request, person):
        vars(request)["axes_locked_out"] = True
    AxesProxyHandler.user_login_failed(
        sender="holdpoint", credentials={"username": person.get_username()}, request=request
    )


def _until(request: HttpRequest, username: str) -> datetime:
    attempts = AccessAttempt.objects.filter(username=username, ip_address=client_address(request))
    last = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    until: datetime = (last or timezone.now()) + settings.AXES_COOLOFF_TIME
    return until
