"""Signing in and out. What comes after a right password, a second factor say, is allauth's to order."""

from collections.abc import Callable
from typing import Any

import structlog
from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.socialaccount.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.sessions.backends.base import SessionBase
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.csrf import csrf_exempt
from requests import RequestException

from approvals.reauthentication import methods_of, signed_in_lately

# Failures are kept with what was sent: nobody needs more for a name and a password.
LARGEST_FORM = 8_192
LARGEST_ANSWER = 256 * 1024
ANSWER_KEPT_SECONDS = 300
LATE = "A first second factor is set up in the minutes after signing in. Sign out, sign in again, and come back here."
AWAY = "The provider cannot be reached at the moment. Try again in a minute, or sign in with a name and a password."

log = structlog.get_logger(__name__)


class SignIn(LoginView):
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if len(request.POST.urlencode()) > LARGEST_FORM:
            return render(request, "400.html", status=413)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        answer: HttpResponse = perform_password_login(self.request, {"username": form.get_user().get_username()}, login)
        return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        target = self.get_redirect_url()
        return super().get_context_data(
            providers=_providers(self.request, target), has_passkeys=settings.HAS_PASSKEYS, **kwargs
        )


sign_in = SignIn.as_view()
sign_out = LogoutView.as_view()


def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """The administration has no way in of its own: it would go past the second factor."""
    if isinstance(request.user, User):
        if not request.user.is_staff:
            raise PermissionDenied
        return redirect("admin:index")
    wanted = request.GET.get("next", "") or reverse("admin:index")
    return redirect(f"{reverse('login')}?{urlencode({'next': wanted})}")


def inactive(request: HttpRequest) -> HttpResponse:
    reason = "This account is not active. Ask an operator if you think it should be."
    return render(request, "registration/refused.html", {"reason": reason}, status=403)


def cancelled(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/refused.html", {"reason": "You were not signed in there."})


def only_to_sign_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A link may begin it. A link must not be able to tie somebody else's account at a provider to one's own here."""

    def entered(request: HttpRequest, **where: str) -> HttpResponse:
        if {*request.GET.getlist("process"), *request.POST.getlist("process")} - {"login"}:
            raise Http404
        try:
            return view(request, **where)
        except RequestException as error:
            log.warning("a provider cannot be reached", error=type(error).__name__)
            return render(request, "registration/refused.html", {"reason": AWAY}, status=503)

    return entered


def answer_of_provider(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A form that anybody may post here, and that a session keeps until the next request: small, and briefly."""

    def received(request: HttpRequest, **where: str) -> HttpResponse:
        if len(request.POST.urlencode()) > LARGEST_ANSWER:
            return render(request, "400.html", status=413)
        answer = view(request, **where)
        kept: SessionBase | None = getattr(request, "saml_acs_session", None)
        if kept is not None:
            kept.set_expiry(ANSWER_KEPT_SECONDS)
            kept.save()
        return answer

    # It comes from the provider's page, without a token of ours: its signature and the request it answers stand for it.
    return csrf_exempt(received)


def soon_after_signing_in(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Who has nothing to prove themselves with but a provider sets up a first factor soon after coming from there: at
    a screen left open, somebody else could set up theirs.
    """

    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        is_late = isinstance(request.user, User) and not methods_of(request) and not signed_in_lately(request)
        if is_late:
            return render(
                request, "registration/refused.html", {"title": "Sign in once more", "reason": LATE}, status=403
            )
        return view(request, *args, **kwargs)

    return guarded


def _providers(request: HttpRequest, target: str) -> list[dict[str, str]]:
    if not settings.SOCIALACCOUNT_PROVIDERS:
        return []
    query = {"next": target} if target else {}
    providers = get_adapter().list_providers(request)
    return [{"name": provider.name, "url": provider.get_login_url(request, **query)} for provider in providers]
