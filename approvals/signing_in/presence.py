"""Whether the people behind this process's sockets are still signed in: asked for all of them together, all the time.

A disabled account, a changed password, a session that ended and a group that somebody left are seen wherever they
were made: on a page, in the admin, in a shell, by another process.
"""

import asyncio
from collections.abc import Collection, Coroutine, Hashable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog
from channels.db import database_sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import DatabaseError
from django.utils import timezone

from approvals.signing_in.required import is_missing

log = structlog.get_logger(__name__)

# Seconds. Three small queries each time, however many sockets there are; none while there is no socket.
ASKED_EVERY: Final = 0.4
# A browser that does not read must not hold up what others are told.
TELLING_SECONDS: Final = 10.0


class Follower(Protocol, Hashable):
    """A socket. Both are called once for each change, and may take their time."""

    async def signed_out(self) -> None: ...

    async def rights_changed(self) -> None: ...


@dataclass(frozen=True)
class Seat:
    person_id: int
    session_key: str


@dataclass(frozen=True)
class Standing:
    password: str
    is_superuser: bool
    groups: frozenset[int]


class Presence:
    def __init__(self) -> None:
        self._seats: dict[Follower, tuple[Seat, Standing]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._telling: set[asyncio.Task[None]] = set()

    async def join(self, follower: Follower, person: User, session: SessionBase) -> bool:
        """False for somebody who is not signed in, or not all the way. Raises DatabaseError."""
        seat = Seat(person.pk, session.session_key or "")
        if await _is_held_up(person, session):
            return False
        standing = (await _standings([seat])).get(seat)
        if standing is None or standing.password != person.password:
            return False
        self._seats[follower] = (seat, standing)
        if self._asking is None or self._asking.done() or self._asking.get_loop() is not asyncio.get_running_loop():
            self._asking = asyncio.create_task(self._keep_asking())
        return True

    def leave(self, follower: Follower) -> None:
        self._seats.pop(follower, None)

    async def _keep_asking(self) -> None:
        while self._seats:
            await asyncio.sleep(ASKED_EVERY)
            asked = {seat for seat, _ in self._seats.values()}
            try:
                self._compare(asked, await _standings(asked))
            except DatabaseError:
                # Nobody hears anything meanwhile: each message is checked against the database, too.
                log.warning("cannot ask who is signed in")

    def _compare(self, asked: set[Seat], now: dict[Seat, Standing]) -> None:
        """Whoever joined while the database was asked is asked about next time."""
        for follower, (seat, before) in list(self._seats.items()):
            standing = now.get(seat)
            if seat not in asked:
                continue
            if standing is None or standing.password != before.password:
                self.leave(follower)
                self._tell(follower.signed_out())
            elif standing != before:
                self._seats[follower] = (seat, standing)
                self._tell(follower.rights_changed())

    def _tell(self, telling: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_in_time(telling))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)


async def _in_time(telling: Coroutine[Any, Any, None]) -> None:
    """Nobody asks for what it gave, so nobody else would see it fail: the browser may be gone, or Redis."""
    try:
        await asyncio.wait_for(telling, TELLING_SECONDS)
    except Exception:
        log.warning("a socket could not be told", exc_info=True)


def _read_standings(seats: Collection[Seat]) -> dict[Seat, Standing]:
    """Of those who are signed in now."""
    keys, people = {seat.session_key for seat in seats}, {seat.person_id for seat in seats}
    sessions = Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    alive = set(sessions.values_list("session_key", flat=True))
    groups: dict[int, set[int]] = {person: set() for person in people}
    for person, group in User.groups.through.objects.filter(user_id__in=people).values_list("user_id", "group_id"):
        groups[person].add(group)
    active = User.objects.filter(id__in=people, is_active=True).values_list("id", "password", "is_superuser")
    found = {person: Standing(password, is_super, frozenset(groups[person])) for person, password, is_super in active}
    return {seat: found[seat.person_id] for seat in seats if seat.session_key in alive and seat.person_id in found}


# Not in the thread where pages wait for each other: the answer is wanted within the second.
_standings = database_sync_to_async(_read_standings, thread_sensitive=False)


@database_sync_to_async
def _is_held_up(person: User, session: SessionBase) -> bool:
    return bool(is_missing(person, session))


PRESENCE: Final = Presence()
