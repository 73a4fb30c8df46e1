"""Policies: who is asked for what, in words, for reviewers; and the form, for people who may change them."""

from collections.abc import Mapping

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db.models import Prefetch
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals import policy_changes, policy_trials
from approvals.models import Policy, PolicyVersion
from approvals.models.people import name_of
from approvals.policies import Act, NotAllowed, may, require, visible_threads
from approvals.policy_changes import LastDefault, Stale, Unsure
from approvals.policy_forms import PolicyForms, new_policy
from approvals.policy_rules import covers_everything, people_of
from approvals.policy_trials import Trial
from approvals.policy_words import sentence
from approvals.views import answers
from approvals.views.doors import Visit, acting, signed_in
from approvals.views.policy_rows import differences_in_words, facts_of, row_of, title_of

MOST_VERSIONS = 100


@signed_in
def policies(request: Visit) -> HttpResponse:
    try:
        _require_seeing(request)
    except NotAllowed as error:
        return answers.answer(request, error)
    rows = [row_of(policy) for policy in _with_last_change()]
    context = {
        "used": [row for row in rows if row.policy.is_active],
        "unused": [row for row in rows if not row.policy.is_active],
        "may_change": bool(may(request.user, Act.CHANGE_POLICIES)),
    }
    return render(request, "policies/list.html", context)


@signed_in
def new(request: Visit) -> HttpResponse:
    try:
        require(request.user, Act.CHANGE_POLICIES)
    except NotAllowed as error:
        return answers.answer(request, error)
    return _edit(request, new_policy())


@signed_in
def policy(request: Visit, policy_id: int) -> HttpResponse:
    try:
        _require_seeing(request)
        found = _find(policy_id)
        if may(request.user, Act.CHANGE_POLICIES):
            return _edit(request, found)
        if request.method == "POST":
            require(request.user, Act.CHANGE_POLICIES)
    except NotAllowed as error:
        return answers.answer(request, error)
    return render(request, "policies/read.html", {"row": row_of(found), "facts": facts_of(found)})


@signed_in
def versions(request: Visit, policy_id: int) -> HttpResponse:
    try:
        _require_seeing(request)
    except NotAllowed as error:
        return answers.answer(request, error)
    found = _find(policy_id)
    kept = list(found.versions.all()[: MOST_VERSIONS + 1])
    shown = [
        (version, differences_in_words(before.content, version.content) if before else [])
        for version, before in zip(kept[:MOST_VERSIONS], [*kept[1:], None], strict=False)
    ]
    return render(request, "policies/versions.html", {"row": row_of(found), "shown": shown, "most": MOST_VERSIONS})


@acting
def move(request: Visit, policy_id: int) -> HttpResponse:
    found = _find(policy_id)
    seen = request.POST.get("version", "")
    up = request.POST.get("direction") == "up"
    try:
        policy_changes.move(request.user, found.id, up=up, seen_version=int(seen) if seen.isdecimal() else 0)
    except NotAllowed as error:
        return answers.answer(request, error)
    except Stale as error:
        messages.error(request, str(error))
    return answers.SeeOther(reverse("policies"))


def _edit(request: Visit, found: Policy) -> HttpResponse:
    if request.method != "POST":
        return _draw(request, PolicyForms(found))
    forms = PolicyForms(found, request.POST)
    if not forms.is_valid():
        return _draw(request, forms, status=422)
    if request.POST.get("do") == "try":
        return _try(request, forms)
    return _save(request, forms)


def _try(request: Visit, forms: PolicyForms) -> HttpResponse:
    """Nothing is saved. What would not be taken is said instead of tried."""
    problems = forms.problems_of_draft()
    if problems:
        forms.refuse(ValidationError(problems))
        return _draw(request, forms, status=422)
    trial = policy_trials.try_out(forms.drafted())
    ids = {tried.question.thread_id for tried in trial.shown}
    visible = set(visible_threads(request.user).filter(id__in=ids).values_list("id", flat=True))
    trial.shown = [tried for tried in trial.shown if tried.question.thread_id in visible]
    return _draw(request, forms, trial=trial)


def _save(request: Visit, forms: PolicyForms) -> HttpResponse:
    found, accepts = forms.policy, request.POST.getlist("accepts")
    try:
        saved = policy_changes.save(
            request.user, found.pk, forms.fields, seen_version=forms.seen_version, accepts=accepts
        )
    except ValidationError as error:
        forms.refuse(error)
        return _draw(request, forms, status=422)
    except LastDefault as error:
        return _draw(request, forms, status=422, error=str(error))
    except Unsure as error:
        return _draw(request, forms, status=422, warnings=error.warnings)
    except Stale as error:
        return _draw(request, forms, status=409, error=str(error), since=_since(found, forms.seen_version))
    messages.success(request, _said(saved, found.version if found.pk else 0))
    return answers.SeeOther(reverse("policies"))


def _draw(
    request: Visit,
    forms: PolicyForms,
    *,
    status: int = 200,
    error: str = "",
    warnings: Mapping[str, str] | None = None,
    since: list[tuple[str, str, str]] | None = None,
    trial: Trial | None = None,
) -> HttpResponse:
    found = forms.policy
    context = {
        "forms": forms,
        "policy": found,
        "is_new": found.pk is None,
        "error": error,
        "warnings": warnings or {},
        "since": since or [],
        "trial": trial,
        "said": _draft_in_words(forms) if forms.is_whole else "",
        "able": _able(forms),
        "is_default": found.pk is not None and covers_everything(found),
    }
    return render(request, "policies/edit.html", context, status=status)


def _draft_in_words(forms: PolicyForms) -> str:
    draft = forms.drafted()
    return sentence(draft.policy, groups=draft.groups, people=draft.people, chain_title=title_of(draft.policy.chain))


def _able(forms: PolicyForms) -> list[str] | None:
    """The names of who could decide; None while the form does not say."""
    found: list[User]
    if forms.is_whole:
        found = people_of(forms.fields["reviewers"], forms.fields["people"])
    elif forms.policy.pk and not forms.form.is_bound:
        found = people_of(forms.policy.reviewers.all(), forms.policy.people.all())
    else:
        return None
    return [name_of(person) for person in found]


def _said(saved: Policy, before: int) -> str:
    if saved.version == before:
        return f"Nothing changed: {saved} is still version {saved.version}."
    open_ones = "Questions that are open already keep what they were asked under."
    return f"Saved {saved}, version {saved.version}. {open_ones}"


def _since(found: Policy, seen_version: int) -> list[tuple[str, str, str]]:
    """What others changed after the form was made."""
    kept = PolicyVersion.objects.filter(policy=found, version=seen_version).first()
    now = Policy.objects.get(id=found.id)
    return differences_in_words(kept.content, now.content) if kept else []


def _with_last_change() -> list[Policy]:
    last = Prefetch("versions", PolicyVersion.objects.defer("content"))
    return list(Policy.objects.prefetch_related("reviewers", "people", last))


def _find(policy_id: int) -> Policy:
    try:
        return Policy.objects.select_related("calendar").get(id=policy_id)
    except Policy.DoesNotExist as error:
        raise Http404("There is no such policy.") from error


def _require_seeing(request: Visit) -> None:
    if not may(request.user, Act.CHANGE_POLICIES):
        require(request.user, Act.SEE_QUEUE)
