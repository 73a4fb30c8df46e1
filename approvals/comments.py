"""Comments: what people say to each other about a thread. Written once; the record holds the text's digest."""

import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from django.contrib.auth.models import User
from django.db import transaction

from approvals import broadcasts
from approvals.models import Comment, Event, EventKind, IdempotencyKey, Notice, NoticeKind, Thread
from approvals.models.people import name_of
from approvals.policies import Act, may, require
from approvals.schemaforms.values import can_store
from approvals.watching import watchers_of

LONGEST = 4_000
MOST_MENTIONS = 20
_MENTION = re.compile(r"(?<![\w@.+-])@([\w.@+-]{1,150})")
_AT_THE_END = ".@+-"


class BadComment(Exception):
    """Write between 1 and 4,000 ordinary characters."""


@dataclass(frozen=True)
class Said:
    """`unknown` were mentioned and not told: they may not see the thread, or there are no such people."""

    comment: Comment
    unknown: list[str]


def comment(person: User, thread_id: uuid.UUID, text: str, *, key: str = "") -> Said:
    """Raises NotAllowed, BadComment, KeyReused."""
    text = text.replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST or not can_store(text):
        raise BadComment(BadComment.__doc__)
    with transaction.atomic():
        taken, is_new = IdempotencyKey.take(person=person, key=key, body=[str(thread_id), text])
        if not is_new:
            return Said(Comment.objects.get(id=taken.result), [])
        thread = Thread.objects.locked(thread_id)
        author = User.objects.get(id=person.id)
        require(author, Act.COMMENT, thread)
        said = _say(thread, author, text)
        taken.remember(said.comment.id)
    broadcasts.thread_changed(thread)
    return said


def mentions_in(text: str) -> list[str]:
    """Usernames as they were typed, each once."""
    found = dict.fromkeys(name.rstrip(_AT_THE_END) for name in _MENTION.findall(text))
    return [name for name in found if name][:MOST_MENTIONS]


def _say(thread: Thread, author: User, text: str) -> Said:
    names = mentions_in(text)
    mentioned = _who_may_see(thread, names)
    told = [person for person in mentioned.values() if person != author]
    made = Comment.objects.create(
        thread=thread,
        author=author,
        author_name=name_of(author),
        text=text,
        told=[name_of(person) for person in told],
        at=thread.now,
    )
    Event.append(
        thread,
        EventKind.COMMENT_MADE,
        by=author,
        comment=str(made.id),
        text_sha256=sha256(text.encode()).hexdigest(),
        told=made.told,
    )
    Notice.tell(told, NoticeKind.MENTIONED, thread, by=author)
    Notice.tell(_followers(thread, told), NoticeKind.COMMENTED, thread, by=author)
    return Said(made, [name for name in names if name not in mentioned])


def _who_may_see(thread: Thread, names: Iterable[str]) -> dict[str, User]:
    """By the name that was typed. Who may not see it, and who does not exist, are left out alike."""
    people = {person.username: person for person in User.objects.filter(username__in=list(names), is_active=True)}
    return {name: person for name, person in people.items() if may(person, Act.SEE, thread)}


def _followers(thread: Thread, told: list[User]) -> list[User]:
    """Who watches it, and whose request it is; not twice for one comment."""
    requester = User.objects.filter(id=thread.requested_by_id or 0, is_active=True)
    return [person for person in {*watchers_of(thread), *requester} if person not in told]
