"""Files that people attached to a thread, as links to save them."""

from django import template
from django.urls import reverse

from approvals.models import Thread
from approvals.views.files import references_of

register = template.Library()


@register.inclusion_tag("threads/_files.html")
def attachments(thread: Thread) -> dict[str, list[tuple[str, str]]]:
    links = []
    for reference in references_of(thread):
        _, token, name = reference.split("/")
        links.append((name, reverse("file", args=[thread.id, token, name])))
    return {"files": links}
