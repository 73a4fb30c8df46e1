"""The steps people compare with: what they saw when they last looked, and the step of the last decision.

Where somebody last looked is kept in their browser, in a cookie that only the thread's own pages are sent: looking
changes nothing here.
"""

import re
from dataclasses import dataclass

from django.http import HttpResponse
from django.urls import reverse

from approvals.models import Decision, Thread
from approvals.views.doors import Visit

LOOKED = "looked"
A_MONTH = 30 * 24 * 60 * 60
_STEP = r"[0-9A-Za-z-]{0,64}"
_KEPT = re.compile(rf"({_STEP})\.({_STEP})")


@dataclass(frozen=True)
class Since:
    label: str
    address: str


def note_look(answer: HttpResponse, request: Visit, thread: Thread, head: str) -> None:
    """A page that refreshes itself is no new look, and neither is the same head again."""
    before = _looked(request)[-1]
    if not head or request.headers.get("HX-Request") or before == head:
        return
    answer.set_cookie(
        LOOKED,
        f"{before}.{head}",
        max_age=A_MONTH,
        path=reverse("thread", args=[thread.id]),
        samesite="Lax",
        httponly=True,
        secure=request.is_secure(),
    )


def comparisons(request: Visit, thread: Thread, head: str, parent: str = "") -> list[Since]:
    """Ways to the comparison page that make sense now, the most wanted first."""
    seen = _looked(request)
    decision = Decision.objects.filter(interrupt__thread=thread).select_related("interrupt").order_by("-decided_at")
    last = decision.first()
    wanted = [
        ("Since you last looked", seen[0] if seen[-1] == head else seen[-1]),
        ("Since the last decision", last.interrupt.checkpoint_id if last else ""),
        ("The last step", parent),
    ]
    return [Since(label, address_of(thread, step, head)) for label, step in wanted if step and head and step != head]


def address_of(thread: Thread, before: str, after: str) -> str:
    return f"{reverse('compare', args=[thread.id])}?from={before}&to={after}"


def _looked(request: Visit) -> tuple[str, str]:
    """The heads at the look before the last and at the last; empty without one."""
    found = _KEPT.fullmatch(request.COOKIES.get(LOOKED, ""))
    return (found[1], found[2]) if found else ("", "")
