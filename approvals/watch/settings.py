"""Settings of what operators see. Everything written in capitals here is a Django setting."""

import os
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from approvals import environment
from approvals.watch import logs

_LOCAL = environment.flag("HOLDPOINT_LOCAL")
SHORTEST_TOKEN = 16


def _one_of(name: str, default: str, allowed: tuple[str, ...]) -> str:
    value = environment.text(name, default)
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to {' or '.join(allowed)}.")
    return value


def _token() -> str:
    token = environment.secret("HOLDPOINT_METRICS_TOKEN", "")
    if token and len(token) < SHORTEST_TOKEN:
        raise ImproperlyConfigured(
            f"HOLDPOINT_METRICS_TOKEN is too short. Set it to {SHORTEST_TOKEN} or more characters."
        )
    return token


def _port() -> int:
    port = int(environment.number("HOLDPOINT_METRICS_PORT", 0))
    if port > 65535:
        raise ImproperlyConfigured(f"HOLDPOINT_METRICS_PORT is {port}. Set it to a number from 1 to 65535.")
    if port and not HOLDPOINT_METRICS_TOKEN:
        raise ImproperlyConfigured("HOLDPOINT_METRICS_PORT is set and HOLDPOINT_METRICS_TOKEN is not. Set both.")
    return port


def _shared_directory() -> str:
    """prometheus_client takes its place from the environment, when it is first imported."""
    path = environment.text("HOLDPOINT_METRICS_DIR", "")
    if path:
        if not Path(path).is_dir():
            raise ImproperlyConfigured(f"HOLDPOINT_METRICS_DIR is {path!r}, which is no directory. Make it, empty.")
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = path
    return path


def _endpoint() -> str:
    named = (
        "HOLDPOINT_OTLP_ENDPOINT" if environment.text("HOLDPOINT_OTLP_ENDPOINT", "") else "OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    url = environment.text(named, "").rstrip("/")
    if not url:
        return ""
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise ImproperlyConfigured(f"{named} is no address. Set it to http://host:4318, as OTLP over HTTP is reached.")
    if not _has_exporter():
        raise ImproperlyConfigured(
            f'{named} is set, and what sends traces is not installed. pip install "holdpoint[tracing]", or unset it.'
        )
    return url if url.endswith("/v1/traces") else f"{url}/v1/traces"


def _has_exporter() -> bool:
    try:
        return find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


HOLDPOINT_LOG_FORMAT = _one_of("HOLDPOINT_LOG_FORMAT", "console" if _LOCAL else "json", ("json", "console"))
HOLDPOINT_LOG_LEVEL = _one_of("HOLDPOINT_LOG_LEVEL", "INFO", tuple(logs.LEVELS))
# Whether lines may hold what people and models wrote: messages of errors, and whatever chains log and print.
HOLDPOINT_LOG_WORDS = environment.flag("HOLDPOINT_LOG_WORDS", default=_LOCAL)
HOLDPOINT_LOG_REQUESTS = environment.flag("HOLDPOINT_LOG_REQUESTS", default=not _LOCAL)
# "" switches /metrics off, and what /readyz says to those who have it.
HOLDPOINT_METRICS_TOKEN = _token()
# A port of this process's own for its figures; 0 for none.
HOLDPOINT_METRICS_PORT = _port()
# Shared by the processes of one host or container, when there are several of a kind: prefork workers, web workers.
HOLDPOINT_METRICS_DIR = _shared_directory()
HOLDPOINT_OTLP_ENDPOINT = _endpoint()
# Seconds without an answer to a doorbell after which the workers count as gone.
HOLDPOINT_WORKER_SILENT_SECONDS = environment.number("HOLDPOINT_WORKER_SILENT_SECONDS", 60, minimum=3)

LOGGING = logs.configure(
    form=HOLDPOINT_LOG_FORMAT,
    level=HOLDPOINT_LOG_LEVEL,
    words=HOLDPOINT_LOG_WORDS,
    requests=HOLDPOINT_LOG_REQUESTS,
)
