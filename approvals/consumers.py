"""The sockets. One says what changed to those who may know, and carries nothing from the browser but what to watch;
the other shows what a run does to those who may see its thread, and carries nothing from the browser.
"""

import asyncio
import json
import time
from collections import deque
from contextlib import suppress
from typing import Any, cast
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.db import SessionStore
from django.db import DatabaseError

from approvals import broadcasts
from approvals.policies import Act, may, visible_threads
from approvals.signing_in.presence import PRESENCE
from approvals.watch.counters import CHANGES, PROGRESS, count_socket, uncount_socket

UNAUTHORISED = 4401
NOT_ALLOWED = 4403
TRY_AGAIN_LATER = 1013  # as registered for WebSockets; the page connects anew
MOST_THREADS_WATCHED = 50
# Batches kept for a browser that reads slowly; the oldest goes first, and the page waits for the next whole one.
MOST_BATCHES_KEPT = 8
# Somebody who loses the right to see a thread sees no text of it after this.
CHECKED_EVERY = 2.0


class ChangesConsumer(AsyncJsonWebsocketConsumer):
    """Joins the groups this person may hear: their own requests, the queue, and the threads their page shows.

    It says when it listens: what changed between drawing the page and that moment, the page fetches again.
    """

    is_open = False

    async def connect(self) -> None:
        self.person = cast(User | AnonymousUser, self.scope["user"])
        self.watched: set[str] = set()
        if not isinstance(self.person, User) or not await PRESENCE.join(self, self.person, self.scope["session"]):
            await self.close(UNAUTHORISED)
            return
        await self.accept()
        self.is_open = count_socket(CHANGES)
        await self.channel_layer.group_add(broadcasts.person_group(self.person.id), self.channel_name)
        if await _may_see_queue(self.person.id):
            await self.channel_layer.group_add(broadcasts.QUEUE, self.channel_name)
        await self.send_json({"listening": "lists"})

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        """What is not JSON is nothing, rather than the end of the socket."""
        try:
            return json.loads(text_data)
        except ValueError:
            return None

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        """`{"watch": "<thread id>"}`; anything else is ignored."""
        thread_id = _thread_id(content)
        if thread_id is None or len(self.watched) >= MOST_THREADS_WATCHED or not isinstance(self.person, User):
            return
        if await _may_see(self.person, thread_id):
            self.watched.add(str(thread_id))
            await self.channel_layer.group_add(broadcasts.thread_group(thread_id), self.channel_name)
            await self.send_json({"listening": str(thread_id)})

    async def signed_out(self) -> None:
        await self.close(UNAUTHORISED)

    async def rights_changed(self) -> None:
        """The queue is heard as a group; what comes through it is still checked one by one."""
        sees_queue = isinstance(self.person, User) and await _may_see_queue(self.person.id)
        change = self.channel_layer.group_add if sees_queue else self.channel_layer.group_discard
        await change(broadcasts.QUEUE, self.channel_name)

    async def disconnect(self, code: int) -> None:
        PRESENCE.leave(self)
        self.is_open = self.is_open and uncount_socket(CHANGES)
        if not isinstance(self.person, User):
            return
        groups = [broadcasts.QUEUE, broadcasts.person_group(self.person.id)]
        for group in groups + [broadcasts.thread_group(thread_id) for thread_id in self.watched]:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def changed(self, message: dict[str, str]) -> None:
        """Checked again for each message: a person removed since they connected hears nothing more."""
        if isinstance(self.person, User) and await _may_see(self.person, UUID(message["thread"])):
            await self.send_json({key: value for key, value in message.items() if key != "type"})


class ProgressConsumer(AsyncJsonWebsocketConsumer):
    """Of one thread. A browser that does not read holds up its own socket alone, and a bounded part of this process:
    the server closes it when it does not answer pings either.
    """

    is_open = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.batches: deque[dict[str, Any]] = deque(maxlen=MOST_BATCHES_KEPT)
        self.has_batches = asyncio.Event()
        self.sending: asyncio.Task[None] | None = None
        self.checked_at = 0.0

    async def connect(self) -> None:
        self.person = cast(User | AnonymousUser, self.scope["user"])
        self.thread_id = cast(UUID, self.scope["url_route"]["kwargs"]["thread_id"])
        await self.accept()  # first, for a browser is not told why it was not
        self.is_open = count_socket(PROGRESS)
        if not isinstance(self.person, User) or not await PRESENCE.join(self, self.person, self.scope["session"]):
            await self.close(UNAUTHORISED)
        elif not await self._may_follow():
            await self.close(NOT_ALLOWED)
        else:
            self.checked_at = time.monotonic()
            self.sending = asyncio.create_task(self._send_batches())
            await self.channel_layer.group_add(broadcasts.progress_group(self.thread_id), self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None, **kwargs: Any) -> None:
        """Whatever it is, it is not for us."""

    async def signed_out(self) -> None:
        await self._end(UNAUTHORISED)

    async def rights_changed(self) -> None:
        if not await self._may_follow():
            await self._end(NOT_ALLOWED)

    async def _end(self, code: int) -> None:
        """Nothing more of what waits to be sent."""
        self.batches.clear()
        await self.close(code)

    async def disconnect(self, code: int) -> None:
        PRESENCE.leave(self)
        self.is_open = self.is_open and uncount_socket(PROGRESS)
        if self.sending is not None:
            self.sending.cancel()
            await self.channel_layer.group_discard(broadcasts.progress_group(self.thread_id), self.channel_name)

    async def progress(self, message: dict[str, Any]) -> None:
        """Never waits for the browser: what the channel layer hands over piles up without bound if nobody takes it."""
        self.batches.append({key: value for key, value in message.items() if key != "type"})
        self.has_batches.set()

    async def _send_batches(self) -> None:
        try:
            while await self.has_batches.wait():
                self.has_batches.clear()
                while self.batches:
                    if not await self._still_may_follow():
                        await self.close(NOT_ALLOWED)
                        return
                    await self._send_oldest()
        except DatabaseError:
            await self.close(TRY_AGAIN_LATER)

    async def _still_may_follow(self) -> bool:
        if time.monotonic() - self.checked_at < CHECKED_EVERY:
            return True
        self.checked_at = time.monotonic()
        return await self._may_follow()

    async def _send_oldest(self) -> None:
        """A browser that is gone is found out by the server, which then calls disconnect()."""
        with suppress(OSError):
            await self.send_json(self.batches.popleft())

    async def _may_follow(self) -> bool:
        session_key = self.scope["session"].session_key or ""
        return await _is_signed_in(session_key) and await _may_see(cast(User, self.person), self.thread_id)


def _thread_id(content: Any) -> UUID | None:
    try:
        return UUID(str(content["watch"])) if isinstance(content, dict) else None
    except (KeyError, ValueError):
        return None


@database_sync_to_async
def _may_see_queue(person_id: int) -> bool:
    """The account is read again, for its groups may have changed."""
    now = User.objects.filter(id=person_id, is_active=True).first()
    return now is not None and bool(may(now, Act.SEE_QUEUE))


@database_sync_to_async
def _is_signed_in(session_key: str) -> bool:
    """Signing out ends the session's row."""
    return SessionStore().exists(session_key)


@database_sync_to_async
def _may_see(person: User, thread_id: UUID) -> bool:
    """The account is read again: one that was disabled since sees nothing."""
    now = User.objects.filter(id=person.id, is_active=True).first()
    return now is not None and visible_threads(now).filter(id=thread_id).exists()
