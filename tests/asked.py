"""Open questions on a thread, as a worker would store them, without a graph that asks them."""

import uuid
from typing import Any

from django.utils import timezone

from approvals.choosing import likely, snapshot
from approvals.models import Asked, Interrupt, QuestionKind, Thread, ThreadStatus
from chains.canonical import canonical_bytes, sha256


def ask(thread: Thread, number: int = 1, *, schema: dict[str, Any] | None = None, **fields: Any) -> Interrupt:
    payload = canonical_bytes({"title": f"Question {number}", **fields})
    asked = Asked(
        interrupt_id=uuid.uuid4().hex,
        namespace="",
        node="review",
        checkpoint_id="1",
        payload=payload,
        payload_sha256=sha256(payload),
        kind=QuestionKind.SCHEMA if schema else QuestionKind.OPEN,
        title=str(fields.get("title", f"Question {number}")),
        context="",
        response_schema=schema,
    )
    return Interrupt.raise_for(thread, asked, snapshot(likely(thread.chain), timezone.now()))


def rest(thread: Thread) -> None:
    """The thread as it is while its questions wait: paused, and no worker owes it anything."""
    for run in thread.runs.live():
        run.cancel()
    Thread.objects.filter(id=thread.id).update(status=ThreadStatus.PAUSED)
