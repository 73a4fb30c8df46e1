"""Parts of pages about working the queue, drawn the same on a page and when the page draws them again."""

from typing import Any

from django import template

from approvals.forms import new_key
from approvals.models import Interrupt, Thread
from approvals.views.comments import talk_of
from approvals.views.work import work_of

register = template.Library()


@register.inclusion_tag("questions/_work.html", takes_context=True)
def work(context: Any, interrupt: Interrupt) -> dict[str, Any]:
    request = context["request"]
    return {"request": request, "csrf_token": context.get("csrf_token"), "work": work_of(request.user, interrupt)}


@register.inclusion_tag("work/_comments.html", takes_context=True)
def comments(context: Any, thread: Thread) -> dict[str, Any]:
    request = context["request"]
    talk = talk_of(request.user, thread)
    return {"request": request, "csrf_token": context.get("csrf_token"), "talk": talk, "key": new_key()}


@register.simple_tag(takes_context=True)
def here(context: Any) -> str:
    """Where a form of this page leads back to. A part that is drawn again says where it stands."""
    request = context["request"]
    return str(request.GET.get("next", "") or request.get_full_path())
