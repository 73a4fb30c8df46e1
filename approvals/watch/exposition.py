"""Figures as Prometheus reads them, for those who have the token, on the web's address and on a port of one's own."""

import hmac
import os
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from approvals.watch.counters import REGISTRY
from approvals.watch.rows import Rows

log = structlog.get_logger(__name__)

CONTENT_TYPE = CONTENT_TYPE_LATEST
PATH = "/metrics"
# Seconds for which a caller of the port may keep a thread waiting.
PATIENCE = 5
_OF_LIVING = re.compile(r"gauge_live\w*_(\d+)\.db")

_rows = Rows()
_serving: list[ThreadingHTTPServer] = []


def may_read(authorization: str) -> bool:
    """Compared in a time that says nothing about the token. Without a token nobody may."""
    token: str = settings.HOLDPOINT_METRICS_TOKEN
    given = authorization.removeprefix("Bearer ").encode(errors="replace")
    return bool(token) and hmac.compare_digest(given, token.encode()) and authorization.startswith("Bearer ")


def text(*, with_rows: bool) -> bytes:
    """What this process did, or all that share its directory; `with_rows` with what the database says, too."""
    found = generate_latest(_of_processes())
    if with_rows:
        database = CollectorRegistry()
        database.register(_rows)
        found += generate_latest(database)
    return found


def serve(*, with_rows: bool = False) -> None:
    """On a port of this process's own, if there is to be one. Whoever finds it taken goes on without, and says so."""
    port: int = settings.HOLDPOINT_METRICS_PORT
    if not port or _serving:
        return
    handler = type("OneHandler", (Handler,), {"with_rows": with_rows})
    try:
        server = ThreadingHTTPServer(("127.0.0.1" if settings.HOLDPOINT_LOCAL else "", port), handler)
    except OSError:
        log.error("the port for figures is taken, they are not served", port=port)
        return
    server.daemon_threads = True
    _serving.append(server)
    threading.Thread(target=server.serve_forever, name="figures", daemon=True).start()


class Handler(BaseHTTPRequestHandler):
    with_rows = False
    timeout = PATIENCE
    server_version = "Holdpoint"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != PATH:
            self.send_error(404)
        elif not may_read(self.headers.get("Authorization", "")):
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Bearer")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            body = text(with_rows=self.with_rows)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not to standard error, in a form of its own."""


def _of_processes() -> CollectorRegistry:
    directory = settings.HOLDPOINT_METRICS_DIR
    if not directory:
        return REGISTRY
    _forget_the_dead(Path(directory))
    together = CollectorRegistry()
    MultiProcessCollector(together, directory)  # type: ignore[no-untyped-call]
    return together


def _forget_the_dead(directory: Path) -> None:
    """What they counted stays; what they had open, such as sockets, is gone with them."""
    for file in directory.glob("gauge_live*.db"):
        found = _OF_LIVING.fullmatch(file.name)
        if found and not _is_alive(int(found[1])):
            mark_process_dead(int(found[1]), str(directory))  # type: ignore[no-untyped-call]


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
