"""Around each request: an id on its lines and its answer, a figure, and a span when traces are wanted."""

import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, ResolverMatch, resolve
from opentelemetry.trace import SpanKind, StatusCode

from approvals.models import Interrupt, Run
from approvals.watch import counters, tracing
from approvals.watch.logs import of_request

log = structlog.get_logger(__name__)

METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
# Of no page of ours, such as a file of the style, or an address that nobody knows.
NO_VIEW = "none"
HEADER = "X-Request-ID"


class Watched:
    """The outermost middleware. What others say about a request, in its headers, is not believed: its id is ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id, begun = uuid.uuid4().hex, time.perf_counter()
        with of_request(request, request_id):
            response = self._answer(request) if tracing.is_on() else self._get_response(request)
            response[HEADER] = request_id
            self._tell(request, response, time.perf_counter() - begun)
        return response

    def _answer(self, request: HttpRequest) -> HttpResponse:
        match = _match(request)
        name = f"{_method(request)} {_view(match)}"
        with tracing.span(name, parent=_parent(request, match), kind=SpanKind.SERVER) as span:
            response = self._get_response(request)
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 500:
                span.set_status(StatusCode.ERROR)
        return response

    def _tell(self, request: HttpRequest, response: HttpResponse, seconds: float) -> None:
        method, view = _method(request), _view(request.resolver_match)
        counters.http_requests.labels(method, view, response.status_code).inc()
        counters.http_seconds.labels(view).observe(seconds)
        log.info("answered", method=method, view=view, status=response.status_code, seconds=round(seconds, 4))


def _method(request: HttpRequest) -> str:
    return request.method if request.method in METHODS else "OTHER"


def _view(match: ResolverMatch | None) -> str:
    return (match.view_name if match else "") or NO_VIEW


def _match(request: HttpRequest) -> ResolverMatch | None:
    try:
        return resolve(request.path_info)
    except Resolver404:
        return None


def _parent(request: HttpRequest, match: ResolverMatch | None) -> str:
    """Whoever changes something about a thread does so in its trace; whoever looks, in one of their own."""
    if request.method != "POST" or match is None:
        return ""
    return Run.trace_of(_thread_id(match.kwargs))


def _thread_id(named: dict[str, Any]) -> uuid.UUID | None:
    if isinstance(named.get("interrupt_id"), uuid.UUID):
        return Interrupt.objects.filter(id=named["interrupt_id"]).values_list("thread_id", flat=True).first()
    found = named.get("thread_id")
    return found if isinstance(found, uuid.UUID) else None
