"""One trace for each thread, from its form to its end, across processes. Nothing at all when no endpoint is set.

A run's row keeps the traceparent of whoever asked for it, and the worker goes on from there. Spans carry ids, names of
chains and nodes, and outcomes; never what was asked, answered or raised.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module

from django.conf import settings
from opentelemetry import trace
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

Facts = Mapping[str, str | int]

_tracers: list[Tracer] = []
_format = TraceContextTextMapPropagator()


def set_up(process: str) -> None:
    """For `process`, web or worker; called before it forks."""
    if settings.HOLDPOINT_OTLP_ENDPOINT and not _tracers:
        exporting = import_module("approvals.watch.exporting")
        _tracers.append(exporting.tracer(process, endpoint=settings.HOLDPOINT_OTLP_ENDPOINT))


def is_on() -> bool:
    return bool(_tracers)


@contextlib.contextmanager
def span(
    name: str, *, parent: str = "", kind: SpanKind = SpanKind.INTERNAL, facts: Facts | None = None
) -> Iterator[Span]:
    """Under `parent`, a traceparent, if given. An error that passes through is told by its type alone."""
    if not _tracers:
        yield INVALID_SPAN
        return
    above = _format.extract({"traceparent": parent}) if parent else None
    with _tracers[0].start_as_current_span(
        name, above, kind, dict(facts or {}), record_exception=False, set_status_on_exception=False
    ) as made:
        try:
            yield made
        except BaseException as error:
            made.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def carried(began: Callable[[], str]) -> str:
    """What to keep with a run that is asked for here: this span, if it is in its thread's trace; else where that trace
    `began`, if it has.
    """
    if not _tracers:
        return ""
    here, first = _traceparent(trace.get_current_span()), began()
    return here if here and (not first or _trace(here) == _trace(first)) else first


class NodeSpans:
    """Of one run, made of the signs it gives; below whatever span is the current one now."""

    def __init__(self) -> None:
        self._above = trace.set_span_in_context(trace.get_current_span())
        self._at_work: dict[str, Span] = {}

    def began(self, task_id: str, name: str) -> None:
        if _tracers:
            facts = {"holdpoint.node": name}
            self._at_work[task_id] = _tracers[0].start_span(f"node {name}", self._above, attributes=facts)

    def ended(self, task_id: str, *, ending: str, failed: bool) -> None:
        made = self._at_work.pop(task_id, None)
        if made is not None:
            made.set_attribute("holdpoint.ending", ending)
            if failed:
                made.set_status(StatusCode.ERROR)
            made.end()

    def close(self) -> None:
        """Of a run that was cut off there are nodes that never ended."""
        for task_id in list(self._at_work):
            self.ended(task_id, ending="cut off", failed=True)


def _traceparent(made: Span) -> str:
    found: dict[str, str] = {}
    if made.get_span_context().is_valid:
        _format.inject(found, trace.set_span_in_context(made))
    return found.get("traceparent", "")


def _trace(traceparent: str) -> str:
    return traceparent.split("-")[1]
