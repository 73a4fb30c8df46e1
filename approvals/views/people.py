"""One's own settings, and where one belongs."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals.forms import SettingsForm
from approvals.policies import Act, groups_of, may
from approvals.views import answers
from approvals.views.context import KEYS, THEME, Shell
from approvals.views.doors import Visit, signed_in

A_YEAR = 365 * 24 * 60 * 60


@signed_in
def home(request: Visit) -> HttpResponse:
    """The queue for those who have one, their own requests for everybody else."""
    return redirect("queue" if may(request.user, Act.SEE_QUEUE) else "requests")


@signed_in
def me(request: Visit) -> HttpResponse:
    shell = Shell.of(request)
    form = SettingsForm(request.POST or None, initial={"theme": shell.theme or "system", "keys": shell.keys})
    if request.method == "POST" and form.is_valid():
        return _keep(request, form)
    shown = {"form": form, "groups": sorted(groups_of(request.user)), "has_factors": settings.HOLDPOINT_FACTORS}
    return render(request, "people/me.html", shown)


def _keep(request: Visit, form: SettingsForm) -> HttpResponse:
    """In this browser, so that the sign-in page looks the same; nothing in it is secret."""
    answer = answers.SeeOther(reverse("me"))
    secure = request.is_secure()
    answer.set_cookie(THEME, form.cleaned_data["theme"], max_age=A_YEAR, samesite="Lax", httponly=True, secure=secure)
    keys = "on" if form.cleaned_data["keys"] else "off"
    answer.set_cookie(KEYS, keys, max_age=A_YEAR, samesite="Lax", httponly=True, secure=secure)
    messages.success(request, "Your settings are saved in this browser.")
    return answer
