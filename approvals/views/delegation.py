"""Out of office: who stands in for whom, given, taken and ended."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.db.models import Q
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from approvals import delegations
from approvals.delegations import LONGEST_REASON
from approvals.models import Delegation
from approvals.models.delegation import DelegationQuerySet
from approvals.models.people import name_of
from approvals.policies import OPERATORS, Act, groups_of, may
from approvals.views import answers
from approvals.views.doors import Visit, acting, signed_in

SHOWN = 100
NOBODY = "There is nobody of that name. Write their user name."
MOMENT = "%Y-%m-%dT%H:%M"


def _moment(**options: object) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=MOMENT)
    return forms.DateTimeField(widget=widget, input_formats=[MOMENT, "%Y-%m-%dT%H:%M:%S"], **options)  # type: ignore[arg-type]


class DelegationForm(forms.Form):
    taker = forms.CharField(max_length=150, error_messages={"required": "Say who stands in for you."})
    starts_at = _moment(required=False)
    ends_at = _moment(error_messages={"required": "Say until when."})
    reason = forms.CharField(max_length=LONGEST_REASON, required=False)

    def clean_taker(self) -> User:
        taker = User.objects.filter(username=self.cleaned_data["taker"].strip().removeprefix("@")).first()
        if taker is None or not taker.is_active:
            raise forms.ValidationError(NOBODY)
        return taker


@signed_in
def delegation(request: Visit) -> HttpResponse:
    """GET shows what there is; POST gives."""
    if request.method != "POST":
        return _page(request, DelegationForm())
    form = DelegationForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    try:
        given = delegations.give(request.user, **_given(form))
    except delegations.BadDelegation as error:
        form.add_error(None, str(error))
        return _page(request, form, status=422)
    except answers.EXPECTED as error:
        return answers.answer(request, error)
    until = timezone.localtime(given.ends_at).strftime("%-d %b %Y, %H:%M")
    messages.success(request, f"{name_of(given.taker)} stands in for you until {until}.")
    return answers.SeeOther(reverse("delegations"))


@acting
def end(request: Visit, delegation_id: int) -> HttpResponse:
    if not _seen(request.user).filter(id=delegation_id).exists():
        raise Http404
    try:
        ended = delegations.end(request.user, delegation_id)
    except answers.EXPECTED as error:
        return answers.answer(request, error)
    messages.success(request, f"Ended: {name_of(ended.taker)} does not stand in for {name_of(ended.giver)} any more.")
    return answers.SeeOther(reverse("delegations"))


def _given(form: DelegationForm) -> dict[str, Any]:
    return {name: form.cleaned_data[name] for name in ("taker", "starts_at", "ends_at", "reason")}


def _seen(person: User) -> DelegationQuerySet:
    """One's own, given and taken; operators see everybody's."""
    if OPERATORS in groups_of(person):
        return Delegation.objects.all()
    return Delegation.objects.filter(Q(giver=person) | Q(taker=person))


def _page(request: Visit, form: DelegationForm, *, status: int = 200) -> HttpResponse:
    rows = _seen(request.user).select_related("giver", "taker").order_by("-starts_at", "-id")
    still = rows & Delegation.objects.open()
    current = set(Delegation.objects.current().values_list("id", flat=True))
    context = {
        "form": form,
        "still": still[:SHOWN],
        "current": current,
        "over": rows.exclude(id__in=Delegation.objects.open().values("id"))[:20],
        "may_give": may(request.user, Act.DELEGATE),
        "days": delegations.LONGEST // timedelta(days=1),
        "zoned": f"Times are in {timezone.get_current_timezone_name()}.",
    }
    return render(request, "work/delegations.html", context, status=status)
