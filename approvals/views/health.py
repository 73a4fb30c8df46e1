"""Signs of life for machines."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers. Says nothing about the database or Redis."""
    return HttpResponse("ok", content_type="text/plain")
