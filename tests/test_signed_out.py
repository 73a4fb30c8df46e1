"""Whoever is signed out, disabled or moved, by whatever means, is gone from their sockets within the second."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from django.contrib.auth.models import Group, User
from django.contrib.sessions.models import Session
from django.test import Client
from playwright.sync_api import expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin

from approvals import threads
from approvals.models import Thread
from tests.browser import OpenPageFor
from tests.conftest import PASSWORD, Cast
from tests.stack import Stack
from tests.test_socket import headers_of

WITHIN = 1.0
SIGNED_OUT, NOT_ALLOWED = 4401, 4403


class Sockets:
    def __init__(self, stack: Stack, thread: Thread) -> None:
        self.paths = ("/changes/", f"/t/{thread.id}/progress/")
        self.url = stack.url
        self.open = ExitStack()

    def of(self, person: User) -> list[ClientConnection]:
        """Both of them, in one session, when both are listening."""
        headers = headers_of(person)
        address = self.url.replace("http", "ws")
        sockets = [
            self.open.enter_context(connect(address + path, additional_headers=headers, origin=Origin(self.url)))
            for path in self.paths
        ]
        sockets[0].recv(timeout=5)
        time.sleep(0.3)
        return sockets


@pytest.fixture
def sockets(stack: Stack, cast: Cast) -> Iterator[Sockets]:
    thread = threads.submit(cast.rita, "prompt_chain", {"request": "Hello"})
    found = Sockets(stack, thread)
    with found.open:
        yield found


def closed_with(socket: ClientConnection, *, within: float) -> int | None:
    """The code; None when it is still open. A thread draws a deadline of its own, so that two sockets share one."""
    try:
        while True:
            socket.recv(timeout=max(within, 0.01))
    except TimeoutError:
        return None
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


def test_every_end_of_a_session_ends_its_sockets_at_once(sockets: Sockets, cast: Cast) -> None:
    for end in (disable, change_password, end_sessions, delete):
        watcher, others = sockets.of(cast.alice), sockets.of(cast.bob)
        end(cast.alice)
        began = time.monotonic()
        codes = [closed_with(socket, within=WITHIN - (time.monotonic() - began)) for socket in watcher]
        took = time.monotonic() - began

        assert codes == [SIGNED_OUT, SIGNED_OUT], end.__name__
        assert took < WITHIN, end.__name__
        assert [closed_with(socket, within=0.1) for socket in others] == [None, None], end.__name__
        put_right(cast)


def disable(person: User) -> None:
    User.objects.filter(id=person.id).update(is_active=False)


def change_password(person: User) -> None:
    person.set_password("another-honest-password")
    person.save()


def end_sessions(person: User) -> None:
    for session in Session.objects.all():
        if session.get_decoded().get("_auth_user_id") == str(person.id):
            session.delete()


def delete(person: User) -> None:
    User.objects.get(id=person.id).delete()


def put_right(cast: Cast) -> None:
    User.objects.filter(id=cast.alice.id).update(is_active=True)


def test_leaving_a_group_ends_what_it_let_somebody_follow(sockets: Sockets, cast: Cast) -> None:
    changes, progress = sockets.of(cast.alice)
    began = time.monotonic()
    cast.alice.groups.remove(Group.objects.get(name="reviewers"))

    assert closed_with(progress, within=WITHIN) == NOT_ALLOWED
    assert time.monotonic() - began < WITHIN
    assert closed_with(changes, within=0.2) is None


def test_a_socket_of_nobody_disabled_lives_on(sockets: Sockets, cast: Cast) -> None:
    mine = sockets.of(cast.alice)
    time.sleep(2)

    assert [closed_with(socket, within=0.1) for socket in mine] == [None, None]


def test_who_is_disabled_in_the_admin_and_enabled_again_has_to_sign_in_anew(cast: Cast) -> None:
    admin, alice = Client(), Client()
    User.objects.filter(id=cast.oscar.id).update(is_staff=True, is_superuser=True)
    admin.force_login(cast.oscar)
    alice.force_login(cast.alice)
    page = f"/admin/auth/user/{cast.alice.id}/change/"
    form = admin.get(page).context["adminform"].form
    fields = {name: value for name, value in form.initial.items() if value not in (None, False, "")}
    groups = [group.pk for group in form.initial["groups"]]
    typed = {
        **fields,
        "groups": groups,
        "user_permissions": [],
        "date_joined_0": "2026-01-01",
        "date_joined_1": "00:00",
    }
    assert alice.get("/queue/").status_code == 200

    for is_active in ({}, {"is_active": "on"}):
        saved = admin.post(page, {**{k: v for k, v in typed.items() if k != "is_active"}, **is_active})
        assert saved.status_code == 302, saved.context["errors"]
    assert User.objects.get(id=cast.alice.id).is_active
    assert alice.get("/queue/").status_code == 302


def test_an_open_page_goes_to_the_sign_in_page_by_itself(page_for: OpenPageFor, cast: Cast) -> None:
    visitor = page_for("alice", password=PASSWORD, path="/queue/")
    expect(visitor.page.get_by_text("Live").first).to_be_attached()
    disable(cast.alice)

    visitor.page.wait_for_url("**/accounts/login/**", timeout=10_000)


@pytest.mark.parametrize("spoil", [disable, end_sessions])
def test_an_ended_session_opens_no_socket(sockets: Sockets, cast: Cast, spoil: Callable[[User], None]) -> None:
    headers = headers_of(cast.alice)
    spoil(cast.alice)
    address = sockets.url.replace("http", "ws") + sockets.paths[1]
    with connect(address, additional_headers=headers, origin=Origin(sockets.url)) as socket:
        assert closed_with(socket, within=3) == SIGNED_OUT
