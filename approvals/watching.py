"""Who watches a thread, and that they are told when something is decided, done or has failed."""

import uuid

from django.contrib.auth.models import User
from django.db import transaction

from approvals.models import Notice, NoticeKind, Thread, Watch
from approvals.policies import Act, may, require


def watch(person: User, thread_id: uuid.UUID) -> None:
    """Raises NotAllowed for what this person may not see."""
    with transaction.atomic():
        thread = Thread.objects.locked(thread_id)
        watcher = User.objects.get(id=person.id)
        require(watcher, Act.SEE, thread)
        Watch.objects.get_or_create(person=watcher, thread=thread)


def unwatch(person: User, thread_id: uuid.UUID) -> None:
    Watch.objects.filter(person=person, thread_id=thread_id).delete()


def watchers_of(thread: Thread) -> list[User]:
    """Those who may see it still."""
    watches = Watch.objects.filter(thread=thread).select_related("person")
    return [one.person for one in watches if may(one.person, Act.SEE, thread)]


def tell_watchers(thread: Thread, *, by: User | None = None) -> None:
    """Of a decision, an end or a failure. Call inside the transaction of the change."""
    Notice.tell(watchers_of(thread), NoticeKind.CHANGED, thread, by=by)
