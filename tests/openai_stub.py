"""A small server that speaks OpenAI's chat completions; the offline model answers in it, and failures are scripted."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from langchain_core.messages import AIMessage, convert_to_messages, convert_to_openai_messages

from chains.offline import OfflineAgent, OfflineModel

LONGEST_WAIT = 30.0


@dataclass
class Stub:
    """`failures` are HTTP statuses answered first, oldest first, and `status` one that is answered for as long as it is
    set; `contents` answer instead of the offline model. While `gate` is closed, a streamed text stops in its middle.
    """

    url: str
    status: int = 0
    gate: threading.Event = field(default_factory=threading.Event)
    failures: list[int] = field(default_factory=list)
    contents: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def openai_stub() -> Iterator[Stub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Completions)
    stub = Stub(url=f"http://127.0.0.1:{server.server_port}/v1")
    stub.gate.set()
    server.stub = stub  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield stub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Completions(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        stub: Stub = self.server.stub  # type: ignore[attr-defined]
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stub.requests.append(asked)
        if self.path != "/v1/chat/completions":
            self._send(404, {"error": {"message": f"No such path: {self.path}"}})
        elif stub.failures or stub.status:
            status = stub.failures.pop(0) if stub.failures else stub.status
            self._send(status, {"error": {"message": "Slow down.", "type": "rate_limit"}})
        elif asked.get("stream"):
            self._stream(asked, _answer(asked, stub))
        else:
            self._send(200, _completion(asked, _answer(asked, stub)))

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("retry-after-ms", "5")
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, asked: dict[str, Any], answer: AIMessage) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for number, event in enumerate(_events(asked, answer)):
            if number == 1 and answer.text:
                self.server.stub.gate.wait(LONGEST_WAIT)  # type: ignore[attr-defined]
            self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet: pytest shows what failed."""


def _answer(asked: dict[str, Any], stub: Stub) -> AIMessage:
    if stub.contents:
        return AIMessage(
            stub.contents.pop(0), usage_metadata={"input_tokens": 11, "output_tokens": 7, "total_tokens": 18}
        )
    messages = convert_to_messages(asked["messages"])
    if asked.get("tools"):
        return OfflineAgent().bind_tools(asked["tools"]).invoke(messages)
    schema = asked.get("response_format", {}).get("json_schema", {}).get("schema")
    model = OfflineModel()
    return (model.bind(answer_schema=schema) if schema else model).invoke(messages)


def _completion(asked: dict[str, Any], answer: AIMessage) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": f"{asked['model']}-2025-08-07",
        "choices": [
            {"index": 0, "finish_reason": "stop", "message": convert_to_openai_messages(answer)},
        ],
        "usage": _usage(answer),
    }


def _events(asked: dict[str, Any], answer: AIMessage) -> Iterator[dict[str, Any]]:
    common = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": asked["model"]}
    for word in answer.text.splitlines(keepends=True):
        yield {
            **common,
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": word}, "finish_reason": None}],
        }
    for number, call in enumerate(convert_to_openai_messages(answer).get("tool_calls", [])):
        delta = {"role": "assistant", "tool_calls": [{"index": number, **call}]}
        yield {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}
    yield {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    if asked.get("stream_options", {}).get("include_usage"):
        yield {**common, "choices": [], "usage": _usage(answer)}


def _usage(answer: AIMessage) -> dict[str, int]:
    used = answer.usage_metadata
    assert used is not None
    return {
        "prompt_tokens": used["input_tokens"],
        "completion_tokens": used["output_tokens"],
        "total_tokens": used["total_tokens"],
    }
