"""What the administration can do to runs and threads: through the same verbs as the pages, with a reason each time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from approvals import threads
from approvals.forms import RequiredReasonForm
from approvals.models import Outbox, Run, Thread
from approvals.policies import NotAllowed
from approvals.threads import NotNow

MOST_AT_ONCE = 100
# How many of those that were refused are told one by one.
MOST_TOLD = 10

Action = Callable[[Any, HttpRequest, "QuerySet[Any]"], HttpResponse | None]


@dataclass(frozen=True)
class Verb:
    """`button` is what a person presses, `explained` what it does; `do` raises NotAllowed, NotNow or DoesNotExist."""

    name: str
    button: str
    explained: str
    do: Callable[[User, Any, str], object]


def _requeue(person: User, row: Run | Outbox, reason: str) -> None:
    run_id = row.id if isinstance(row, Run) else Run.objects.values_list("id", flat=True).get(id=row.key)
    threads.requeue(person, run_id, reason=reason)


def _retry(person: User, row: Thread, reason: str) -> None:
    threads.retry(person, row.id, reason=reason)


def _stop(person: User, row: Thread | Run, reason: str) -> None:
    threads.stop(person, row.id if isinstance(row, Thread) else row.thread_id, reason=reason)


REQUEUE = Verb(
    "requeue",
    "Ring a worker again",
    "For runs that are pending. One that has to wait, because its decision can be undone, still waits.",
    _requeue,
)
RETRY = Verb("retry", "Retry", "For threads that failed: each goes on from its last good checkpoint.", _retry)
STOP = Verb(
    "stop",
    "Stop the thread of each",
    "For good. A worker that is busy with one stops when the step it is in has ended; open questions are withdrawn.",
    _stop,
)
END = Verb(
    "end",
    "End for good",
    "What no worker has ends at once; a worker that is busy stops after its step. Open questions are withdrawn.",
    _stop,
)


def action_of(verb: Verb) -> Action:
    @admin.action(description=verb.button)
    def act(owner: Any, request: HttpRequest, rows: "QuerySet[Any]") -> HttpResponse | None:
        return _act(verb, owner, request, rows)

    act.__name__ = verb.name  # Django tells actions apart by it
    return act


def _act(verb: Verb, owner: Any, request: HttpRequest, rows: "QuerySet[Any]") -> HttpResponse | None:
    chosen = list(rows[: MOST_AT_ONCE + 1])
    if len(chosen) > MOST_AT_ONCE:
        messages.error(request, f"Choose at most {MOST_AT_ONCE} at once.")
        return None
    form = RequiredReasonForm(request.POST if "apply" in request.POST else None)
    if form.is_bound and form.is_valid():
        _carry_out(verb, request, chosen, form.cleaned_data["reason"])
        return None
    context = {
        **admin.site.each_context(request),
        "title": f"{verb.button}?",
        "opts": owner.opts,
        "verb": verb,
        "rows": chosen,
        "form": form,
        "checkbox": ACTION_CHECKBOX_NAME,
    }
    return TemplateResponse(request, "admin/reason.html", context, status=422 if form.errors else 200)


def _carry_out(verb: Verb, request: HttpRequest, rows: Sequence[Any], reason: str) -> None:
    refused = []
    for row in rows:
        try:
            verb.do(_person(request), row, reason)
        except (NotAllowed, NotNow, Run.DoesNotExist) as error:
            refused.append(f"{row}: {error}")
    if len(rows) > len(refused):
        messages.success(request, f"{verb.button}: done for {len(rows) - len(refused)}.")
    for text in refused[:MOST_TOLD]:
        messages.warning(request, f"Not done for {text}")
    if len(refused) > MOST_TOLD:
        messages.warning(request, f"Not done for {len(refused) - MOST_TOLD} more.")


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the administration lets nobody else in
    return request.user
