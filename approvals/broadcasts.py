"""Who is told that what changed. Never the content: pages fetch that, with their own permission checks.

What a run shows while it works is the one content, and goes to a group of its own.
"""

import asyncio
import os
import threading
import uuid
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from approvals.models import Thread

log = structlog.get_logger(__name__)

QUEUE = "queue"
# More than this on their way means that Redis is slow or gone: pages look again by themselves, so drop the rest.
MOST_ON_THEIR_WAY = 1_000
# A Redis that takes connections and never answers must not keep what waits for it.
SENDING_SECONDS = 5.0


def thread_group(thread_id: uuid.UUID | str) -> str:
    return f"thread.{thread_id}"


def progress_group(thread_id: uuid.UUID | str) -> str:
    return f"progress.{thread_id}"


def person_group(person_id: int) -> str:
    return f"person.{person_id}"


def thread_changed(thread: Thread) -> None:
    """Tell the thread's pages, its requester's list and the queue. Returns at once."""
    groups = [thread_group(thread.id), QUEUE]
    if thread.requested_by_id is not None:
        groups.append(person_group(thread.requested_by_id))
    _sender().send(groups, {"type": "changed", "thread": str(thread.id)})


def step_began(thread: Thread, node: str) -> None:
    """Progress of a run, to the people who have its page open. Returns at once."""
    _sender().send([thread_group(thread.id)], {"type": "changed", "thread": str(thread.id), "node": node})


def run_beside(flow: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.AbstractEventLoop:
    """Run it in the loop that sends, and return that loop."""
    return _sender().run(flow)


async def send(groups: list[str], message: Mapping[str, Any]) -> None:
    """Lost when Redis is away: pages look again when they reconnect."""
    layer = get_channel_layer()
    if layer is None:
        return
    try:
        async with asyncio.timeout(SENDING_SECONDS):
            for group in groups:
                await layer.group_send(group, dict(message))
    except (RedisError, OSError, TimeoutError):
        log.warning("broadcast lost", thread_id=message["thread"])


class Sender:
    """One event loop in a thread of its own, so that nobody who changes something waits for Redis."""

    def __init__(self) -> None:
        self.process = os.getpid()
        self._on_their_way = 0
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, name="broadcasts", daemon=True).start()

    def send(self, groups: list[str], message: dict[str, str]) -> None:
        if self._on_their_way < MOST_ON_THEIR_WAY:
            self._on_their_way += 1
            asyncio.run_coroutine_threadsafe(self._counted(send(groups, message)), self._loop)

    def run(self, flow: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.AbstractEventLoop:
        asyncio.run_coroutine_threadsafe(_watched(flow()), self._loop)
        return self._loop

    async def _counted(self, sending: Coroutine[Any, Any, None]) -> None:
        try:
            await sending
        finally:
            self._on_their_way -= 1


async def _watched(flow: Coroutine[Any, Any, None]) -> None:
    """Nobody asks for what it gave, so nobody else would see it fail."""
    try:
        await flow
    except Exception:
        log.exception("progress ended early")


_senders: list[Sender] = []
_making = threading.Lock()


def _sender() -> Sender:
    """This process's own: a loop does not live on after a fork."""
    with _making:
        if not _senders or _senders[-1].process != os.getpid():
            _senders[:] = [Sender()]
        return _senders[-1]
