"""The sender of traces. Imported by name, and only when an endpoint is set: it is in the extra `tracing`."""

import os

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

# Also what a worker that is killed may lose.
SENT_EVERY_MS = 1_000


def tracer(process: str, *, endpoint: str) -> trace.Tracer:
    """Sends beside whoever works, and drops what a slow collector does not take. The environment may name sampler,
    headers and service as OpenTelemetry does.
    """
    name = os.environ.get("OTEL_SERVICE_NAME") or f"holdpoint-{process}"
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint), schedule_delay_millis=SENT_EVERY_MS))
    return provider.get_tracer("holdpoint")
