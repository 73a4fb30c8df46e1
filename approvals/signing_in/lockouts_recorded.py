"""That somebody was locked out is a line of the record: once for each time, not for each attempt meanwhile."""

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest

from approvals.models import Event, EventKind
from approvals.models.event import DESK
from approvals.signing_in.addresses import client_address

# In one stretch of waiting: enough to see what goes on, too few to fill a disk with.
MOST = 50


class RecordingHandler(AxesDatabaseHandler):  # type: ignore[misc]
    """Axes' own, which counts the failures of all web processes together."""

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **kwargs: Any
    ) -> None:
        waits_already = getattr(request, "axes_locked_out", False)
        super().user_login_failed(sender, credentials, request, **kwargs)
        if request is not None and not waits_already and getattr(request, "axes_locked_out", False):
            _record(str(credentials.get("username") or ""), client_address(request))


def _record(typed: str, address: str | None) -> None:
    """Of a name that nobody has only the address: people type their passwords there."""
    username = User.objects.filter(username=typed).values_list("username", flat=True).first()
    about: dict[str, Any] = {"address": address, **({"username": username} if username else {})}
    this_one = Q(data__address=address) & (Q(data__username=username) if username else ~Q(data__has_key="username"))
    with transaction.atomic():
        # Of two that fail at the same time the second waits here, and finds the line of the first.
        list(AccessAttempt.objects.select_for_update().filter(username=typed, ip_address=address))
        lately = Event.objects.filter(
            thread_id=DESK, kind=EventKind.SIGN_IN_LOCKED, at__gt=Now() - settings.AXES_COOLOFF_TIME
        )
        before = lately.count()
        if before >= MOST or lately.filter(this_one).exists():
            return
        about |= {"last": True} if before == MOST - 1 else {}
        Event.append_for_desk(EventKind.SIGN_IN_LOCKED, attempts=settings.HOLDPOINT_SIGN_IN_ATTEMPTS, **about)
