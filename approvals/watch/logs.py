"""The log: a line for each thing that happened, ours and the frameworks' in one form, to standard error."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import structlog
from opentelemetry import trace
from structlog.processors import JSONRenderer, TimeStamper, add_log_level
from structlog.stdlib import ProcessorFormatter

from approvals.watch.lines import Hiding, Line

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40}
REQUESTS = "approvals.watch.requests"


@dataclass
class Place:
    """How far the run at hand has come. Changed by whoever reads or writes its checkpoints, in whichever thread."""

    checkpoint_id: str = ""
    step: int | None = None


_place: ContextVar[Place | None] = ContextVar("place", default=None)
_request: ContextVar[Any] = ContextVar("request", default=None)


@contextlib.contextmanager
def at_place() -> Iterator[Place]:
    """Every line until the end says how far the run has come, also those of threads that copied this context."""
    place = Place()
    token = _place.set(place)
    try:
        yield place
    finally:
        _place.reset(token)


@contextlib.contextmanager
def of_request(request: Any, request_id: str) -> Iterator[None]:
    """Every line until the end says which request it is of, and whose once that is known."""
    token = _request.set(request)
    try:
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            yield
    finally:
        _request.reset(token)


def configure(*, form: str, level: str, words: bool, requests: bool) -> dict[str, Any]:
    """Configure structlog, and return Django's LOGGING to match. `requests`: a line for each that was answered."""
    hiding = Hiding(words=words)
    stamp = TimeStamper(fmt="iso", utc=True)
    told: list[Any] = [structlog.contextvars.merge_contextvars, _add_place, add_log_level, stamp]
    own: Any = hiding.own
    structlog.configure(
        processors=[*told, structlog.stdlib.add_logger_name, own, ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.stdlib.LoggerFactory(),
    )
    formatter = {
        "()": ProcessorFormatter,
        "foreign_pre_chain": [*told, hiding.foreign],
        "processors": [ProcessorFormatter.remove_processors_meta, _renderer(form)],
        "use_get_message": False,
        "pass_foreign_args": True,
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": formatter},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["console"], "level": "WARNING"},
        "loggers": _loggers(level, requests=requests),
    }


def leave_to_us(loglevel: Any = None, **_named: Any) -> None:
    """For Celery, which would set up logging its own way: of it, only the level that its command line names."""
    if isinstance(loglevel, int):
        logging.getLogger().setLevel(loglevel)


def _loggers(level: str, *, requests: bool) -> dict[str, Any]:
    plain: dict[str, Any] = {"handlers": [], "propagate": True}
    return {
        "approvals": {**plain, "level": level},
        "chains": {**plain, "level": level},
        REQUESTS: {**plain, "level": level if requests else "WARNING"},
        # These bring handlers of their own, with lines in other forms.
        "django": plain,
        "django.server": plain,
        "uvicorn": plain,
        "uvicorn.error": plain,
        # Its lines hold addresses with what people searched for; ours have the name of the page instead.
        "uvicorn.access": {**plain, "level": "WARNING"},
    }


def _renderer(form: str) -> Any:
    if form == "json":
        return JSONRenderer(sort_keys=False, default=str)
    return structlog.dev.ConsoleRenderer(colors=sys.stderr is not None and sys.stderr.isatty())


def _add_place(_logger: Any, _method: str, line: Line) -> Line:
    place, request, span = _place.get(), _request.get(), trace.get_current_span().get_span_context()
    if place is not None:
        line.setdefault("checkpoint_id", place.checkpoint_id or None)
        line.setdefault("step", place.step)
    # What Django's middleware keeps once somebody has asked: looking at request.user here would ask the database.
    person = getattr(request, "_cached_user", None)
    if person is not None and person.pk is not None:
        line.setdefault("user_id", person.pk)
    if span.is_valid:
        line.setdefault("trace_id", f"{span.trace_id:032x}")
    return line
