"""Groups whose members must have a second factor: until they do, they get no further than setting one up."""

from collections.abc import Callable
from typing import Any

from allauth.account.authentication import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

MISSING = "Your group needs a second factor. Set one up to go on."
PASSKEY_MISSING = "Your group needs a passkey. Set one up to go on."
# The way to a second factor, and out again. The names of allauth's own pages for it begin with mfa_.
ALWAYS_OPEN = ("login", "logout", "account_login", "account_reauthenticate", "healthz")


def is_missing(person: User, session: SessionBase) -> str:
    """What to do about it; "" when nothing is. Who came through a provider is the provider's to check."""
    if not (settings.HOLDPOINT_SECOND_FACTOR_FOR or settings.HOLDPOINT_PASSKEY_FOR) or _came_through_provider(session):
        return ""
    groups = set(person.groups.values_list("name", flat=True))
    factors = set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    if groups & settings.HOLDPOINT_PASSKEY_FOR and Authenticator.Type.WEBAUTHN not in factors:
        return PASSKEY_MISSING
    usable = factors & {Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN} & set(settings.MFA_SUPPORTED_TYPES)
    return MISSING if groups & settings.HOLDPOINT_SECOND_FACTOR_FOR and not usable else ""


class SecondFactorFirst(MiddlewareMixin):
    """Behind the middleware that knows who somebody is; not there at all when no group needs a second factor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if not (settings.HOLDPOINT_SECOND_FACTOR_FOR or settings.HOLDPOINT_PASSKEY_FOR):
            raise MiddlewareNotUsed
        super().__init__(get_response)

    def process_view(self, request: HttpRequest, view: Any, args: Any, kwargs: Any) -> HttpResponse | None:
        name = (request.resolver_match.url_name if request.resolver_match else None) or ""
        if name in ALWAYS_OPEN or name.startswith("mfa_") or not isinstance(request.user, User):
            return None
        missing = is_missing(request.user, request.session)
        return _held_up(request, missing) if missing else None


def _held_up(request: HttpRequest, missing: str) -> HttpResponse:
    if request.get_preferred_type(["text/html", "application/json"]) == "application/json":
        return JsonResponse({"error": "second_factor", "message": missing}, status=403)
    messages.warning(request, missing)
    return HttpResponseRedirect(reverse("mfa_index"))


def _came_through_provider(session: SessionBase) -> bool:
    records = session.get(AUTHENTICATION_METHODS_SESSION_KEY) or []
    return any(record.get("method") == "socialaccount" for record in records)
