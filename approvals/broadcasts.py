"""Who is told that what changed. Never the content: pages fetch that, with their own permission checks."""

import uuid

import structlog
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from approvals.models import Thread

log = structlog.get_logger(__name__)

QUEUE = "queue"


def thread_group(thread_id: uuid.UUID | str) -> str:
    return f"thread.{thread_id}"


def person_group(person_id: int) -> str:
    return f"person.{person_id}"


def thread_changed(thread: Thread) -> None:
    """Tell the thread's pages, its requester's list and the queue."""
    groups = [thread_group(thread.id), QUEUE]
    if thread.requested_by_id is not None:
        groups.append(person_group(thread.requested_by_id))
    _send(groups, {"type": "changed", "thread": str(thread.id)})


def step_changed(thread: Thread, node: str) -> None:
    """Progress of a run, to the people who have its page open."""
    _send([thread_group(thread.id)], {"type": "changed", "thread": str(thread.id), "node": node})


def _send(groups: list[str], message: dict[str, str]) -> None:
    """Lost when Redis is away: pages look again when they reconnect."""
    try:
        async_to_sync(_send_all)(groups, message)
    except (RedisError, OSError, TimeoutError):
        log.warning("broadcast lost", thread_id=message["thread"])


async def _send_all(groups: list[str], message: dict[str, str]) -> None:
    layer = get_channel_layer()
    if layer is None:
        return
    for group in groups:
        await layer.group_send(group, message)
