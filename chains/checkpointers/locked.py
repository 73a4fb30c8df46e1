"""What every checkpointer shares: each thread is locked, by an advisory lock in the application's PostgreSQL."""

import contextlib
import os
import threading
import time
import uuid
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar, LiteralString

import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from psycopg.rows import dict_row

from chains.checkpointers.held import Backend, Held, Reading, ThreadBusy


class Line(psycopg.Connection[dict[str, Any]]):
    """A connection that remembers its saver, and the graphs compiled on that."""

    saver: BaseCheckpointSaver[Any]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.graphs: dict[str, Any] = {}

    def write(self, query: LiteralString, *arguments: Any) -> dict[str, Any] | None:
        """One statement, between those of the saver, which may have a pipeline open; its first row, if it gives any."""
        with getattr(self.saver, "lock", contextlib.nullcontext()):
            cursor = self.execute(query, arguments)
            return cursor.fetchone() if cursor.description else None


# One key space of its own among PostgreSQL's advisory locks.
LOCK = "SELECT pg_try_advisory_lock(hashtextextended(%s || %s, 0)) AS got"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended(%s || %s, 0))"
WHO_AM_I = "SELECT pid, backend_start::text AS started FROM pg_stat_activity WHERE pid = pg_backend_pid()"
# The start time is compared too: process numbers are used again.
TERMINATE = """
SELECT pg_terminate_backend(pid, %s) AS gone FROM pg_stat_activity
WHERE pid = %s AND backend_start::text = %s AND pid <> pg_backend_pid()
"""
# The holder of a thread's lock, when its connection has been idle for that long.
TERMINATE_SILENT = """
SELECT pg_terminate_backend(activity.pid, %s) AS gone FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objsubid = 1 AND activity.datname = current_database()
AND ((classid::bigint << 32) | objid::bigint) = hashtextextended(%s || %s, 0)
AND activity.state = 'idle' AND activity.state_change < clock_timestamp() - make_interval(secs => %s)
"""
TERMINATE_WAIT_MS = 5_000
# A closed connection's server process takes a moment to notice.
CLOSING_SECONDS = 2.0


class Checkpointer(ABC):
    """Connections are opened when first needed, so it may be made before a fork."""

    # What people call it: PostgreSQL, SQLite...
    label: ClassVar[str]
    # Whether a worker whose lock was taken from it can write no more. Else it is asked before each write, and may
    # still write what it was writing at that moment.
    is_fenced: ClassVar[bool] = False
    # Whether the checkpoints are still there when the process has ended.
    outlives_process: ClassVar[bool] = True
    # Locks taken for one purpose do not exclude those taken for another.
    space: ClassVar[str] = "thread:"

    def __init__(self, lock_dsn: str, *, connect_seconds: float = 10) -> None:
        self._dsn = lock_dsn
        self._connect_seconds = connect_seconds
        self._idle: deque[Line] = deque()
        self._process = os.getpid()
        self._opening = threading.RLock()

    @abstractmethod
    def set_up(self, *, patience: float = 60.0) -> None:
        """Make what the checkpoints need, or wait up to `patience` seconds for the process that is making it."""

    @abstractmethod
    def read(self) -> AbstractContextManager[Reading]:
        """A saver for pages: reads only."""

    @abstractmethod
    def problems(self) -> list[str]:
        """Sentences, for all that must be put right before a worker may start. Raises what the store raises."""

    @abstractmethod
    def _saver_of(self, line: Line) -> BaseCheckpointSaver[Any]:
        """A saver for this one connection with its lock. Raises SaverFailed."""

    @contextlib.contextmanager
    def hold(self, thread_id: str) -> Iterator[Held]:
        """The only right to write this thread. Raises ThreadBusy when another connection has it, and SaverFailed when
        where the checkpoints are kept does not answer.
        """
        connection = self._take(thread_id)
        try:
            who = first_row(connection, WHO_AM_I)
            yield Held(connection.saver, Backend(who["pid"], who["started"]), connection.write, connection.graphs)
        finally:
            self._give_back(connection, thread_id)

    def terminate(self, backend: Backend) -> bool:
        """Cut the connection of a worker that went silent, so that it can write nothing more."""
        with self._connect() as connection:
            row = connection.execute(TERMINATE, (TERMINATE_WAIT_MS, backend.pid, backend.started)).fetchone()
        return bool(row and row["gone"])

    def terminate_silent(self, thread_id: str, *, seconds: float) -> bool:
        """Cut off whoever holds a thread and has done nothing with it for so long. Call when nobody has work on it."""
        arguments = (TERMINATE_WAIT_MS, self.space, thread_id, seconds)
        with self._connect() as connection:
            row = connection.execute(TERMINATE_SILENT, arguments).fetchone()
        return bool(row and row["gone"])

    def lock_holds(self) -> bool:
        """Whether a lock taken on one connection is refused to a second, and free again when the first is gone."""
        probe = f"probe {uuid.uuid4()}"
        with self._connect() as second:
            with self._connect() as first:
                taken = first_row(first, LOCK, self.space, probe)["got"]
                refused = not first_row(second, LOCK, self.space, probe)["got"]
            deadline = time.monotonic() + CLOSING_SECONDS
            while not (freed := first_row(second, LOCK, self.space, probe)["got"]) and time.monotonic() < deadline:
                time.sleep(0.01)
        return bool(taken and refused and freed)

    def close(self) -> None:
        """Close what is open. What is needed later is opened again."""
        while self._idle:
            self._drop(self._idle.pop())

    def _take(self, thread_id: str) -> Line:
        """A connection that holds the lock. An idle one may have died since; a fresh one says so by raising."""
        self._forget_what_a_fork_left()
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(psycopg.OperationalError):
                return self._lock(connection, thread_id)
            self._drop(connection)
        return self._lock(self._connect(), thread_id)

    def _forget_what_a_fork_left(self) -> None:
        """Connections are the parent's: two processes must not speak on one."""
        if self._process != os.getpid():
            self._idle, self._process = deque(), os.getpid()

    def _lock(self, connection: Line, thread_id: str) -> Line:
        if first_row(connection, LOCK, self.space, thread_id)["got"]:
            return connection
        self._idle.append(connection)
        raise ThreadBusy(f"Thread {thread_id} is held by another worker.")

    def _give_back(self, connection: Line, thread_id: str) -> None:
        """Unlock and keep the connection; one that died has lost its lock already."""
        try:
            connection.execute(UNLOCK, (self.space, thread_id))
        except psycopg.Error:
            self._drop(connection)
        else:
            self._idle.append(connection)

    def _drop(self, connection: Line) -> None:
        connection.close()

    def _connect(self) -> Line:
        line = Line.connect(self._dsn, **self._connection_options("holdpoint worker"))
        try:
            line.saver = self._saver_of(line)
        except BaseException:
            line.close()
            raise
        return line

    def _connection_options(self, name: str) -> dict[str, Any]:
        return {
            "autocommit": True,
            "row_factory": dict_row,
            "application_name": name,
            "connect_timeout": max(2, int(self._connect_seconds)),
            **_KEEPALIVE,
        }


# A peer that vanished without a word is noticed within half a minute: by the first three while we wait for its answer,
# by the last (milliseconds; Linux) when it has not even acknowledged what we sent.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def first_row(connection: psycopg.Connection[dict[str, Any]], query: LiteralString, *arguments: Any) -> dict[str, Any]:
    row = connection.execute(query, arguments).fetchone()
    if row is None:
        raise psycopg.OperationalError("The database gave no answer.")
    return row
