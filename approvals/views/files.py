"""Files that belong to a thread: for those who may see it, to save and never to open in our name."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.http import Http404, HttpResponse
from django.utils.http import content_disposition_header

from approvals import files
from approvals.models import Interrupt, Run, Thread
from approvals.views.doors import Visit, find_thread, signed_in

# Also where a browser ignores the disposition: no script, no style, no origin.
_NOTHING_RUNS = "default-src 'none'; sandbox; frame-ancestors 'none'"


@signed_in
def file(request: Visit, thread_id: uuid.UUID, token: str, name: str) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    reference = f"{files.FOLDER}/{token}/{name}"
    if reference not in references_of(thread):
        raise Http404("This thread has no such file.")
    try:
        content = files.read(reference)
    except FileNotFoundError as error:
        raise Http404("The file is not there any more.") from error
    response = HttpResponse(content, content_type="application/octet-stream")
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = _NOTHING_RUNS
    return response


def references_of(thread: Thread) -> list[str]:
    """What people have attached: to the request, to further messages, to answers."""
    return list(dict.fromkeys(reference for value in _values(thread) for reference in files.references_in(value)))


def _values(thread: Thread) -> Iterator[Any]:
    yield thread.input
    yield from Run.objects.filter(thread=thread).order_by("created_at").values_list("payload", flat=True)
    for interrupt in Interrupt.objects.filter(thread=thread, decision__isnull=False).select_related("decision"):
        yield interrupt.decision.answer
