"""Told by the page itself: a question has been on somebody's screen for a moment."""

import uuid

from django.http import HttpResponse

from approvals.viewing import record_view
from approvals.views.doors import Visit, acting, find_interrupt


@acting
def viewed(request: Visit, interrupt_id: uuid.UUID) -> HttpResponse:
    record_view(request.user, find_interrupt(request.user, interrupt_id))
    return HttpResponse(status=204)
