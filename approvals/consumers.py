"""The socket: it says what changed to those who may know, and carries nothing from the browser but what to watch."""

import json
from typing import Any, cast
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.contrib.auth.models import AnonymousUser, User

from approvals import broadcasts
from approvals.policies import Act, may, visible_threads

UNAUTHORISED = 4401
MOST_THREADS_WATCHED = 50


class ChangesConsumer(AsyncJsonWebsocketConsumer):
    """Joins the groups this person may hear: their own requests, the queue, and the threads their page shows.

    It says when it listens: what changed between drawing the page and that moment, the page fetches again.
    """

    async def connect(self) -> None:
        self.person = cast(User | AnonymousUser, self.scope["user"])
        self.watched: set[str] = set()
        if not isinstance(self.person, User):
            await self.close(UNAUTHORISED)
            return
        await self.accept()
        await self.channel_layer.group_add(broadcasts.person_group(self.person.id), self.channel_name)
        if await _may_see_queue(self.person):
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

    async def disconnect(self, code: int) -> None:
        if not isinstance(self.person, User):
            return
        groups = [broadcasts.QUEUE, broadcasts.person_group(self.person.id)]
        for group in groups + [broadcasts.thread_group(thread_id) for thread_id in self.watched]:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def changed(self, message: dict[str, str]) -> None:
        """Checked again for each message: a person removed since they connected hears nothing more."""
        if isinstance(self.person, User) and await _may_see(self.person, UUID(message["thread"])):
            await self.send_json({key: value for key, value in message.items() if key != "type"})


def _thread_id(content: Any) -> UUID | None:
    try:
        return UUID(str(content["watch"])) if isinstance(content, dict) else None
    except (KeyError, ValueError):
        return None


@database_sync_to_async
def _may_see_queue(person: User) -> bool:
    return bool(may(person, Act.SEE_QUEUE))


@database_sync_to_async
def _may_see(person: User, thread_id: UUID) -> bool:
    """The account is read again: one that was disabled since sees nothing."""
    now = User.objects.filter(id=person.id, is_active=True).first()
    return now is not None and visible_threads(now).filter(id=thread_id).exists()
