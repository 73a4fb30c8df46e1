"""The socket says what changed to those who may know, and nothing to anybody else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from approvals import broadcasts, threads
from approvals.models import Thread
from tests.conftest import Cast
from tests.stack import Stack


@contextmanager
def socket_of(stack: Stack, person: User | None, *, origin: str | None = None) -> Iterator[ClientConnection]:
    address = stack.url.replace("http", "ws") + "/changes/"
    with connect(address, additional_headers=headers_of(person), origin=Origin(origin or stack.url)) as socket:
        yield socket


def headers_of(person: User | None) -> dict[str, str]:
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_of(person)}"} if person else {}


def session_of(person: User) -> str:
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(person.id)
    session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def heard(socket: ClientConnection, *, within: float = 2) -> dict[str, str] | None:
    """The next change; that the server listens is no change."""
    try:
        while "listening" in (message := json.loads(socket.recv(timeout=within))):
            continue
    except TimeoutError:
        return None
    return dict(message)


@pytest.fixture
def thread(stack: Stack, cast: Cast) -> Thread:
    return threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})


def test_the_requester_and_the_queue_hear_of_a_change(stack: Stack, thread: Thread, cast: Cast) -> None:
    with socket_of(stack, cast.rita) as hers, socket_of(stack, cast.alice) as reviewers:
        assert heard(hers, within=0.5) is None
        broadcasts.thread_changed(thread)

        assert heard(hers) == {"thread": str(thread.id)}
        assert heard(reviewers) == {"thread": str(thread.id)}


def test_a_stranger_hears_nothing_even_when_watching(stack: Stack, thread: Thread, cast: Cast) -> None:
    with socket_of(stack, cast.mallory) as socket:
        socket.send(json.dumps({"watch": str(thread.id)}))
        assert heard(socket, within=0.5) is None
        broadcasts.thread_changed(thread)

        assert heard(socket) is None


def test_a_reviewer_removed_while_listening_hears_nothing_more(stack: Stack, thread: Thread, cast: Cast) -> None:
    with socket_of(stack, cast.alice) as socket:
        assert heard(socket, within=0.5) is None
        cast.alice.groups.clear()
        broadcasts.thread_changed(thread)

        assert heard(socket) is None


def test_nobody_is_let_in_without_signing_in(stack: Stack, cast: Cast) -> None:
    with pytest.raises((ConnectionClosed, InvalidStatus)), socket_of(stack, None) as socket:
        socket.recv(timeout=2)


def test_another_site_is_not_let_in(stack: Stack, cast: Cast) -> None:
    with pytest.raises(InvalidStatus), socket_of(stack, cast.rita, origin="https://evil.example"):
        pass


def test_nonsense_from_the_browser_is_ignored(stack: Stack, thread: Thread, cast: Cast) -> None:
    with socket_of(stack, cast.rita) as socket:
        for nonsense in ("[]", "not JSON", '{"watch": 7}', '{"watch": "x"}', '{"other": 1}'):
            socket.send(nonsense)
        assert heard(socket, within=0.5) is None
        broadcasts.thread_changed(thread)

        assert heard(socket) == {"thread": str(thread.id)}
