"""The steps people compare with: what they saw when they last looked, and the step of the last decision.

Where somebody last looked is kept in their session, for the threads they opened last.
"""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from approvals.models import Decision, Thread
from approvals.views.doors import Visit

KEY = "looked"
MOST_THREADS = 60


@dataclass(frozen=True)
class Since:
    label: str
    address: str


def note_look(request: Visit, thread: Thread, head: str) -> None:
    """A page that refreshes itself is no new look, and neither is the same head again."""
    looked: dict[str, Any] = request.session.get(KEY, {})
    name = str(thread.id)
    if not head or request.headers.get("HX-Request") or looked.get(name, ["", ""])[-1] == head:
        return
    before = looked.pop(name, ["", ""])[-1]
    looked[name] = [before, head]
    request.session[KEY] = dict(list(looked.items())[-MOST_THREADS:])


def comparisons(request: Visit, thread: Thread, head: str, parent: str = "") -> list[Since]:
    """Ways to the comparison page that make sense now, the most wanted first."""
    seen = request.session.get(KEY, {}).get(str(thread.id), ["", ""])
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
