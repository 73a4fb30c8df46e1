"""Figures for Prometheus. Whoever has no token sees no such address, be they signed in or not."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from approvals.watch.exposition import CONTENT_TYPE, may_read, text


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.HOLDPOINT_METRICS_TOKEN:
        raise Http404
    if not may_read(request.headers.get("Authorization", "")):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(text(with_rows=True), content_type=CONTENT_TYPE)
