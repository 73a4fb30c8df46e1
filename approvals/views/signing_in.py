"""Signing in and out. What comes after a right password, a second factor say, is allauth's to order."""

from collections.abc import Callable
from typing import Any

from allauth.account.internal.flows.login import perform_password_login
from allauth.account.models import Login
from allauth.socialaccount.adapter import get_adapter
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

# Failures are kept with what was sent: nobody needs more for a name and a password.
LARGEST_FORM = 8_192


class SignIn(LoginView):
    redirect_authenticated_user = True

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if int(request.META.get("CONTENT_LENGTH") or 0) > LARGEST_FORM:
            return render(request, "400.html", status=413)
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        login = Login(user=form.get_user(), redirect_url=self.get_success_url())
        answer: HttpResponse = perform_password_login(
            self.request, {"username": form.get_user().get_username()}, login
        )
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
        return view(request, **where)

    return entered


def _providers(request: HttpRequest, target: str) -> list[dict[str, str]]:
    if not settings.SOCIALACCOUNT_PROVIDERS:
        return []
    query = {"next": target} if target else {}
    providers = get_adapter().list_providers(request)
    return [{"name": provider.name, "url": provider.get_login_url(request, **query)} for provider in providers]
