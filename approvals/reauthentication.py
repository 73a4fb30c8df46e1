"""How long ago somebody proved who they are, by a password, a code or a passkey; and whether that is recent enough."""

import time
from datetime import UTC, datetime, timedelta

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils import timezone

from approvals.models import Risk

PROOFS = ("password", "mfa")


def is_fresh(request: HttpRequest, risk: str) -> bool:
    """Whether this person may accept something of this risk without proving who they are once more."""
    if not is_asked(risk):
        return True
    proved = reauthenticated_at(request)
    return proved is not None and timezone.now() - proved < timedelta(seconds=settings.HOLDPOINT_REAUTHENTICATE_SECONDS)


def is_asked(risk: str) -> bool:
    """Whether accepting something of this risk takes such a proof."""
    least = settings.HOLDPOINT_REAUTHENTICATE
    return bool(least) and _rank(risk) >= _rank(least)


def reauthenticated_at(request: HttpRequest) -> datetime | None:
    """The last proof in this session. None when a provider vouched for them and nothing was proved here."""
    if not isinstance(request.user, User):
        return None
    records = get_authentication_records(request, request.user)
    times = [float(record["at"]) for record in records if record.get("method") in PROOFS]
    return datetime.fromtimestamp(max(times), tz=UTC) if times else None


def signed_in_lately(request: HttpRequest) -> bool:
    """Whether they came in, in whatever way, as recently as a proof would have to be."""
    times = [float(record["at"]) for record in get_authentication_records(request, request.user)]
    return bool(times) and time.time() - max(times) < settings.HOLDPOINT_REAUTHENTICATE_SECONDS


def methods_of(request: HttpRequest) -> list[str]:
    """The pages where this person can prove it, the easiest first; none for somebody who has nothing but a provider."""
    return [str(method["url"]) for method in get_adapter().get_reauthentication_methods(request.user)]


def _rank(risk: str) -> int:
    return list(Risk.values).index(risk)
