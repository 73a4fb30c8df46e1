"""The proxy's own promises, with small servers behind it that break off, hang and count what they were asked."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from approvals.embedded.processes import free_port
from tests.proxy import Proxy, needs_proxy, proxy_before

pytestmark = needs_proxy
# Key and answer are those of RFC 6455's own example.
KEY, ACCEPTED = "dGhlIHNhbXBsZSBub25jZQ==", b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": KEY}
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: "
SWITCHED += ACCEPTED + b"\r\n\r\n"
FINE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
KEPT = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Stub:
    """A web process that keeps what it was asked. While it `breaks_off`, it takes a request and closes; while it
    `closes_late`, it does so with a second request on one connection.
    """

    port: int = field(default_factory=free_port)
    asked: list[str] = field(default_factory=list)
    breaks_off: bool = False
    closes_late: bool = False
    is_ready: bool = True
    has_files: bool = True
    is_up: bool = True

    @contextmanager
    def running(self) -> Iterator["Stub"]:
        with socket.create_server(("127.0.0.1", self.port)) as server:
            threading.Thread(target=self._serve, args=[server], daemon=True).start()
            yield self
            self.is_up = False

    def _serve(self, server: socket.socket) -> None:
        while self.is_up:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=[client], daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            text = client.recv(65536).decode()
            if not text or text.startswith("GET /readyz?only=database,saver "):
                client.sendall(FINE if self.is_ready else FINE.replace(b"200 OK", b"503 Not ready"))
                return
            self.asked.append(text)
            if self.breaks_off:
                return
            if "/static/" in text and not self.has_files:
                client.sendall(FINE.replace(b"200 OK", b"404 Not Found"))
            elif self.closes_late:
                client.sendall(KEPT)
                client.recv(65536)
            elif "upgrade: websocket" in text.lower():
                client.sendall(SWITCHED)
                client.sendall(client.recv(100))
            else:
                client.sendall(FINE)

    def header(self, name: str) -> list[str]:
        """Its values in the newest request."""
        lines = [line.partition(":") for line in self.asked[-1].split("\r\n\r\n")[0].split("\r\n")[1:]]
        return [value.strip() for key, _, value in lines if key.lower() == name.lower()]


@dataclass
class Front:
    proxy: Proxy
    a: Stub
    b: Stub

    def ask(self, method: str = "GET", path: str = "/x", body: bytes | None = None, **headers: str) -> int:
        return self.answer(method, path, body, **headers).status

    def answer(
        self, method: str = "GET", path: str = "/x", body: bytes | None = None, **headers: str
    ) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("localhost", self.proxy.port, timeout=10)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        found = connection.getresponse()
        found.read()
        connection.close()
        return found

    @property
    def asked(self) -> list[str]:
        return [*self.a.asked, *self.b.asked]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    a, b = Stub(), Stub()
    with a.running(), b.running(), proxy_before(tmp_path, (a.port, b.port)) as proxy:
        yield Front(proxy, a, b)


@pytest.fixture
def half(tmp_path: Path) -> Iterator[Front]:
    """Nobody listens where the other web process should be."""
    a, b = Stub(), Stub()
    with a.running(), proxy_before(tmp_path, (a.port, b.port)) as proxy:
        yield Front(proxy, a, b)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_whatever_could_not_be_sent_goes_to_the_other_web_process(half: Front, method: str) -> None:
    body = b"decision=approve" if method == "POST" else None

    assert [half.ask(method, body=body) for _ in range(6)] == [200] * 6
    assert len(half.asked) == 6


def test_a_page_that_broke_off_is_asked_for_again_elsewhere(front: Front) -> None:
    front.a.breaks_off = True

    assert [front.ask() for _ in range(4)] == [200] * 4
    assert front.a.asked, "the one that breaks off was never asked"


def test_a_form_that_was_sent_is_never_sent_again(front: Front) -> None:
    front.a.breaks_off = front.b.breaks_off = True

    assert [front.ask("POST", body=b"decision=approve") for _ in range(3)] == [502] * 3
    assert len(front.asked) == 3


def test_a_form_meets_no_connection_that_is_just_being_closed(front: Front) -> None:
    front.a.closes_late = front.b.closes_late = True
    connection = http.client.HTTPConnection("localhost", front.proxy.port, timeout=10)

    for method in ("GET", "POST", "POST"):
        connection.request(method, "/x", b"decision=approve" if method == "POST" else None)
        answer = connection.getresponse()
        assert (method, answer.status, answer.read()) == (method, 200, b"ok")


def test_a_client_cannot_say_where_it_comes_from(front: Front) -> None:
    assert front.ask(X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https") == 200
    stub = front.a if front.a.asked else front.b

    assert stub.header("x-forwarded-for") == ["127.0.0.1"]
    assert stub.header("x-forwarded-proto") == ["http"]


def test_an_outer_proxy_that_is_named_is_believed(tmp_path: Path) -> None:
    a, b = Stub(), Stub()
    named = {"HOLDPOINT_OUTER_PROXIES": "127.0.0.1"}
    with a.running(), b.running(), proxy_before(tmp_path, (a.port, b.port), **named) as proxy:
        front = Front(proxy, a, b)
        assert front.ask(X_Forwarded_For="203.0.113.9", X_Forwarded_Proto="https", Host="desk.example.org") == 200
        stub = a if a.asked else b
        assert stub.header("x-forwarded-for") == ["203.0.113.9", "127.0.0.1"]
        assert stub.header("x-forwarded-proto") == ["https"]
        assert front.ask(Host="desk.example.org") == 301


def test_plain_pages_are_for_this_machine_alone(front: Front) -> None:
    sent_on = front.answer(Host="desk.example.org", X_Forwarded_Proto="https")

    assert (sent_on.status, sent_on.getheader("location")) == (301, "https://desk.example.org/x")
    assert front.asked == []


def test_too_much_at_once_is_refused_before_it_is_sent_on(front: Front) -> None:
    largest = 27 * 1024 * 1024

    assert front.ask("POST", Content_Length=str(largest + 1)) == 413
    assert front.ask("POST", body=None, Transfer_Encoding="chunked") == 411
    assert front.asked == []
    assert front.ask("POST", body=b"x" * 1024) == 200


def test_a_socket_is_passed_through(front: Front) -> None:
    with socket.create_connection(("localhost", front.proxy.port), timeout=10) as client:
        lines = [f"{name}: {value}" for name, value in {"Host": "localhost", **UPGRADE}.items()]
        client.sendall("\r\n".join(["GET /changes/ HTTP/1.1", *lines, "", ""]).encode())
        assert client.recv(4096).startswith(b"HTTP/1.1 101")
        client.sendall(b"hello")
        assert client.recv(4096) == b"hello"


def test_one_that_comes_back_is_asked_again(half: Front) -> None:
    assert [half.ask() for _ in range(4)] == [200] * 4
    with half.b.running():
        deadline = time.monotonic() + 10
        while not half.b.asked and time.monotonic() < deadline:
            assert half.ask() == 200
            time.sleep(0.1)
        assert half.b.asked


def test_a_file_of_one_release_is_found_where_the_other_has_it_not(front: Front) -> None:
    front.a.has_files = False
    assert [front.ask(path="/static/app.0123456789ab.css") for _ in range(6)] == [200] * 6
    assert front.a.asked, "the one without was never asked"

    front.b.has_files = False
    assert front.ask(path="/static/app.0123456789ab.css") == 404
    assert front.ask("POST", path="/static/app.0123456789ab.css", body=b"x") == 405


def test_one_that_is_not_ready_is_left_alone_unless_none_is(front: Front) -> None:
    front.a.is_ready = False
    deadline = time.monotonic() + 15
    while "web-a is DOWN" not in front.proxy.log() and time.monotonic() < deadline:
        time.sleep(0.1)
    front.a.asked.clear()
    assert [front.ask() for _ in range(4)] == [200] * 4
    assert front.a.asked == []

    front.b.is_ready = False
    while "web-b is DOWN" not in front.proxy.log() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert [front.ask() for _ in range(4)] == [200] * 4


def test_tls_ends_here_when_there_is_a_certificate(tmp_path: Path) -> None:
    a, b = Stub(), Stub()
    trusted = ssl.create_default_context(cafile=str(certificate(tmp_path / "certificate")))
    named = {"HOLDPOINT_CERTIFICATE": str(tmp_path / "certificate")}
    with a.running(), b.running(), proxy_before(tmp_path, (a.port, b.port), "haproxy-tls.cfg", **named) as proxy:
        connection = http.client.HTTPSConnection("localhost", proxy.tls_port, timeout=10, context=trusted)
        connection.request("GET", "/x", headers={"X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9"})
        assert connection.getresponse().status == 200
        connection.close()
    stub = a if a.asked else b
    assert stub.header("x-forwarded-proto") == ["https"]
    assert stub.header("x-forwarded-for") == ["127.0.0.1"]


def certificate(path: Path) -> Path:
    """For localhost, signed by itself, with its key behind it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path
