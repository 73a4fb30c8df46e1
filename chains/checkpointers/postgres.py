"""Checkpoints in PostgreSQL, each thread fenced by an advisory lock on the connection that writes it."""

import contextlib
import os
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

from chains.checkpointers.held import Backend, Held, ThreadBusy


class Line(psycopg.Connection[dict[str, Any]]):
    """A connection that remembers its saver, and the graphs compiled on that."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.saver = PostgresSaver(self)
        self.graphs: dict[str, Any] = {}

    def write(self, query: LiteralString, *arguments: Any) -> dict[str, Any] | None:
        """One statement, between those of the saver, which may have a pipeline open; its first row, if it gives any."""
        with self.saver.lock:
            cursor = self.execute(query, arguments)
            return cursor.fetchone() if cursor.description else None


# One key space of its own among PostgreSQL's advisory locks.
LOCK = "SELECT pg_try_advisory_lock(hashtextextended('thread:' || %s, 0)) AS got"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('thread:' || %s, 0))"
SETUP_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('holdpoint:setup', 0)) AS got"
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
AND ((classid::bigint << 32) | objid::bigint) = hashtextextended('thread:' || %s, 0)
AND activity.state = 'idle' AND activity.state_change < clock_timestamp() - make_interval(secs => %s)
"""
TERMINATE_WAIT_MS = 5_000
# A closed connection's server process takes a moment to notice.
CLOSING_SECONDS = 2.0


class PostgresCheckpointer:
    """Savers on one database. Connections are opened when first needed, so it may be made before a fork."""

    def __init__(self, dsn: str, *, readers: int = 8) -> None:
        self._dsn = dsn
        self._readers = readers
        self._idle: deque[Line] = deque()
        self._pool: ConnectionPool[Line] | None = None
        self._process = os.getpid()
        self._opening = threading.Lock()

    def set_up(self, *, patience: float = 60.0) -> None:
        """Make the tables, or wait up to `patience` seconds for the process that is making them.

        The lock is tried, not waited for: a waiting statement would deadlock with CREATE INDEX CONCURRENTLY.
        """
        deadline = time.monotonic() + patience
        with self._connect() as connection:
            while not _first(connection, SETUP_LOCK)["got"]:
                if time.monotonic() > deadline:
                    raise TimeoutError("Another process has been setting up the checkpoint tables for too long.")
                time.sleep(0.1)
            PostgresSaver(connection).setup()

    @contextlib.contextmanager
    def hold(self, thread_id: str) -> Iterator[Held]:
        """The only right to write this thread. Raises ThreadBusy when another connection has it."""
        connection = self._take(thread_id)
        try:
            who = _first(connection, WHO_AM_I)
            yield Held(connection.saver, Backend(who["pid"], who["started"]), connection.write, connection.graphs)
        finally:
            self._give_back(connection, thread_id)

    @contextlib.contextmanager
    def read(self) -> Iterator[Line]:
        """A saver for pages, and the graphs compiled on it: reads only, on a pooled connection."""
        with self._opening:
            self._forget_what_a_fork_left()
            self._pool = pool = self._pool or self._open_pool()
        with pool.connection() as connection:
            yield connection

    def terminate(self, backend: Backend) -> bool:
        """Cut the connection of a worker that went silent, so that it can write nothing more."""
        with self._connect() as connection:
            row = connection.execute(TERMINATE, (TERMINATE_WAIT_MS, backend.pid, backend.started)).fetchone()
        return bool(row and row["gone"])

    def terminate_silent(self, thread_id: str, *, seconds: float) -> bool:
        """Cut off whoever holds a thread and has done nothing with it for so long. Call when nobody has work on it."""
        with self._connect() as connection:
            row = connection.execute(TERMINATE_SILENT, (TERMINATE_WAIT_MS, thread_id, seconds)).fetchone()
        return bool(row and row["gone"])

    def lock_holds(self) -> bool:
        """Whether a lock taken on one connection is refused to a second, and free again when the first is gone."""
        probe = f"probe {uuid.uuid4()}"
        with self._connect() as second:
            with self._connect() as first:
                taken = _first(first, LOCK, probe)["got"]
                refused = not _first(second, LOCK, probe)["got"]
            deadline = time.monotonic() + CLOSING_SECONDS
            while not (freed := _first(second, LOCK, probe)["got"]) and time.monotonic() < deadline:
                time.sleep(0.01)
        return bool(taken and refused and freed)

    def close(self) -> None:
        """Close what is open. What is needed later is opened again."""
        with self._opening:
            if self._pool is not None:
                self._pool.close()
            self._pool = None
        while self._idle:
            self._idle.pop().close()

    def _take(self, thread_id: str) -> Line:
        """A connection that holds the lock. An idle one may have died since; a fresh one says so by raising."""
        self._forget_what_a_fork_left()
        while self._idle:
            connection = self._idle.pop()
            with contextlib.suppress(psycopg.OperationalError):
                return self._lock(connection, thread_id)
            connection.close()
        return self._lock(self._connect(), thread_id)

    def _forget_what_a_fork_left(self) -> None:
        """Connections are the parent's: two processes must not speak on one."""
        if self._process != os.getpid():
            self._idle, self._pool, self._process = deque(), None, os.getpid()

    def _lock(self, connection: Line, thread_id: str) -> Line:
        if _first(connection, LOCK, thread_id)["got"]:
            return connection
        self._idle.append(connection)
        raise ThreadBusy(f"Thread {thread_id} is held by another worker.")

    def _give_back(self, connection: Line, thread_id: str) -> None:
        """Unlock and keep the connection; one that died has lost its lock already."""
        try:
            connection.execute(UNLOCK, (thread_id,))
        except psycopg.Error:
            connection.close()
        else:
            self._idle.append(connection)

    def _connect(self) -> Line:
        return Line.connect(
            self._dsn,
            autocommit=True,
            row_factory=dict_row,
            application_name="holdpoint worker",
            **_KEEPALIVE,
        )

    def _open_pool(self) -> "ConnectionPool[Line]":
        arguments = {
            "autocommit": True,
            "row_factory": dict_row,
            "application_name": "holdpoint pages",
            **_KEEPALIVE,
        }
        return ConnectionPool(
            self._dsn,
            connection_class=Line,
            kwargs=arguments,
            min_size=1,
            max_size=self._readers,
            check=ConnectionPool.check_connection,
            open=True,
        )


# A peer that vanished without a word is noticed within half a minute: by the first three while we wait for its answer,
# by the last (milliseconds; Linux) when it has not even acknowledged what we sent.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}


def _first(connection: Line, query: str, *arguments: Any) -> dict[str, Any]:
    row = connection.execute(query, arguments).fetchone()
    if row is None:
        raise psycopg.OperationalError("The database gave no answer.")
    return row
