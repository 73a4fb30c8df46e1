"""Questions that were asked a while ago, made by hand: no graph is behind them, and no rule has to be put aside."""

import uuid
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction

from approvals.choosing import snapshot
from approvals.models import Asked, Interrupt, Policy, QuestionKind, Thread, ThreadStatus

SHA256 = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


def asked_ago(by: User, seconds: int, **rules: Any) -> Interrupt:
    """Under the default policy with these rules, as if it had been asked that many seconds ago."""
    policy = Policy.objects.get(name="Default")
    for name, value in rules.items():
        setattr(policy, name, value)
    asked = Asked(
        interrupt_id=uuid.uuid4().hex,
        namespace="",
        node="ask",
        checkpoint_id=uuid.uuid4().hex,
        payload=b"{}",
        payload_sha256=SHA256,
        kind=QuestionKind.OPEN,
        title="Which?",
        context="",
        response_schema=None,
    )
    with transaction.atomic():
        thread = Thread.submit(chain="prompt_chain", version="1", title="By hand", values={}, by=by)
        thread.move(ThreadStatus.PAUSED, since=(ThreadStatus.QUEUED,))
        return Interrupt.raise_for(thread, asked, snapshot(policy, thread.now - timedelta(seconds=seconds)))


def director(username: str = "dora") -> User:
    person = User.objects.create(username=username)
    person.groups.add(Group.objects.get_or_create(name="directors")[0])
    return person
