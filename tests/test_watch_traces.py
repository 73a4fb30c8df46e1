"""One trace for each thread, from its form to its end, over web and worker, and nothing in it that anybody said."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from approvals.models import Run, Thread, ThreadStatus
from approvals.watch import tracing
from tests.conftest import Cast, open_question
from tests.stack import ROOT, Stack
from tests.test_http_race import client_of, form
from tests.waiting import eventually, until_status

CANARY = "Kanarienvogel"


class Collector:
    """Takes spans as OTLP over HTTP and keeps them, with whose they are."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.spans: list[tuple[str, Span]] = []

    def take(self, body: bytes) -> None:
        self.raw.append(body)
        for part in ExportTraceServiceRequest.FromString(body).resource_spans:
            service = next(one.value.string_value for one in part.resource.attributes if one.key == "service.name")
            self.spans += [(service, span) for scope in part.scope_spans for span in scope.spans]

    def named(self, name: str) -> list[tuple[str, Span]]:
        return [(service, span) for service, span in list(self.spans) if span.name == name]


@contextmanager
def collecting() -> Iterator[tuple[Collector, str]]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/v1/traces"
            collector.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Not to standard error."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_form_run_decision_and_the_rest_are_one_trace_over_processes(stack: Stack, cast: Cast, pool: str) -> None:
    with collecting() as (collector, url):
        stack.start_web(HOLDPOINT_OTLP_ENDPOINT=url)
        stack.start_worker(pool=pool, concurrency=1, HOLDPOINT_OTLP_ENDPOINT=url)
        sent = client_of(stack, cast.rita).post("/new/leaky/", data={"request": CANARY})
        assert sent.status_code in {200, 302, 303}, sent.text
        thread = Thread.objects.get(chain="leaky")
        until_status(thread, ThreadStatus.PAUSED)
        question = open_question(thread)
        assert client_of(stack, cast.alice).post(f"/interrupts/{question.id}/decision/", data=form(question)).is_success
        until_status(thread, ThreadStatus.FAILED)
        spans = ("POST new", "POST decision", "run start", "run resume", "node ask", "node tell", "node fail")
        eventually(lambda: all(collector.named(name) for name in spans), what="all that each process sends by itself")

    ((_, submit),), ((_, decide),) = collector.named("POST new"), collector.named("POST decision")
    ((worker, start),), ((_, resume),) = collector.named("run start"), collector.named("run resume")
    assert worker == "holdpoint-worker"
    assert {service for service, _ in collector.named("POST new")} == {"holdpoint-web"}
    assert {span.trace_id for span in (submit, start, decide, resume)} == {submit.trace_id}
    assert [submit.parent_span_id, start.parent_span_id, decide.parent_span_id, resume.parent_span_id] == [
        b"", submit.span_id, submit.span_id, decide.span_id
    ]  # fmt: skip
    nodes = {span.name: span for _, span in collector.spans if span.name.startswith("node ")}
    assert {"node tell", "node fail"} <= set(nodes)
    assert nodes["node tell"].parent_span_id == start.span_id
    assert nodes["node fail"].parent_span_id == resume.span_id
    assert nodes["node fail"].status.code == Status.STATUS_CODE_ERROR
    (_, asked), *_ = collector.named("node ask")
    endings = [one.value.string_value for one in asked.attributes if one.key.endswith("ending")]
    assert endings == ["asks"]
    assert not any(CANARY.encode() in body for body in collector.raw)
    assert not any(event.name for _, span in collector.spans for event in span.events)


def test_without_an_endpoint_nothing_is_kept_and_nothing_is_sent(cast: Cast, submitted: Thread) -> None:
    assert not tracing.is_on()
    assert Run.objects.get(thread=submitted).traceparent == ""
    with tracing.span("anything") as span:
        assert not span.get_span_context().is_valid


def test_an_endpoint_without_what_sends_traces_is_refused_in_a_sentence() -> None:
    program = "import sys; sys.modules['opentelemetry.exporter'] = None\nimport django; django.setup()"
    environment = {**os.environ, "HOLDPOINT_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.returncode != 0
    assert 'pip install "holdpoint[tracing]", or unset it.' in ended.stderr
