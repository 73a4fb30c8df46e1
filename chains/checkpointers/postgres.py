"""Checkpoints in PostgreSQL: in the application's own database, or in one of their own."""

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Any, ClassVar

import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from psycopg import sql
from psycopg_pool import ConnectionPool

from chains.checkpointers.guarded import AWAY, SaverFailed, listening
from chains.checkpointers.held import Backend, Held, Reading
from chains.checkpointers.locked import Checkpointer, Line, first_row
from chains.checkpointers.sealed import postgres_saver

SETUP_LOCK = "SELECT pg_try_advisory_lock(hashtextextended('holdpoint:setup', 0)) AS got"
TABLES_EXIST = """
SELECT to_regclass(quote_ident(current_schema()) || '.checkpoints') IS NOT NULL
AND to_regclass(quote_ident(current_schema()) || '.checkpoint_migrations') IS NOT NULL AS found
"""
NEWEST_VERSION = "SELECT coalesce(max(v), -1) AS newest FROM checkpoint_migrations"
INVALID_INDEXES = """
SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
WHERE NOT i.indisvalid AND t.relname LIKE 'checkpoint%' AND t.relnamespace = current_schema()::regnamespace
"""
SET_UP = "Run manage.py checkpoints setup."


class PostgresCheckpointer(Checkpointer):
    """In the application's own database: the saver writes on the connection that holds the lock, so it is fenced."""

    label: ClassVar[str] = "PostgreSQL"
    is_fenced: ClassVar[bool] = True

    def __init__(
        self,
        dsn: str,
        *,
        schema: str = "",
        readers: int = 8,
        connect_seconds: float = 10,
        statement_seconds: float = 0,
        serde: SerializerProtocol | None = None,
    ) -> None:
        """`schema`: where LangGraph's tables are, if not where the database puts them by itself."""
        super().__init__(dsn, connect_seconds=connect_seconds)
        self._schema = schema
        self._readers = readers
        self._statement_seconds = statement_seconds
        self._serde = serde
        self._pool: ConnectionPool[Line] | None = None

    def set_up(self, *, patience: float = 60.0) -> None:
        """An index that an earlier attempt left unfinished is made anew.

        The lock is tried, not waited for: a waiting statement would deadlock with CREATE INDEX CONCURRENTLY.
        """
        deadline = time.monotonic() + patience
        with self._connect() as connection:
            while not first_row(connection, SETUP_LOCK)["got"]:
                if time.monotonic() > deadline:
                    raise TimeoutError("Another process has been setting up the checkpoint tables for too long.")
                time.sleep(0.1)
            if self._schema:
                connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(self._schema)))
            PostgresSaver(connection).setup()
            for index in _unfinished(connection):
                connection.execute(sql.SQL("REINDEX INDEX CONCURRENTLY {}").format(sql.Identifier(index)))

    def problems(self) -> list[str]:
        with self._connect() as connection:
            if not first_row(connection, TABLES_EXIST)["found"]:
                return [f"The checkpoint tables are missing. {SET_UP}"]
            found = [f"The index {index} was left unfinished. {SET_UP}" for index in _unfinished(connection)]
            if first_row(connection, NEWEST_VERSION)["newest"] < len(PostgresSaver.MIGRATIONS) - 1:
                found.append(f"The checkpoint tables are of an older LangGraph. {SET_UP}")
            return found

    @contextlib.contextmanager
    def read(self) -> Iterator[Reading]:
        """On a pooled connection."""
        with self._opening:
            self._forget_what_a_fork_left()
            self._pool = pool = self._pool or self._open_pool()
        try:
            with pool.connection() as connection:
                yield Reading(connection.saver, connection.graphs)
        except psycopg.OperationalError as error:
            raise SaverFailed(AWAY.format(name=type(error).__name__)) from error

    def close(self) -> None:
        with self._opening:
            if self._pool is not None:
                self._pool.close()
            self._pool = None
        super().close()

    def _saver_of(self, line: Line) -> BaseCheckpointSaver[Any]:
        """A connection that is gone says so itself, in `hold`; here it is about one that refused a statement."""
        saver = postgres_saver(line, self._serde)
        return listening(saver, lambda error: isinstance(error, psycopg.OperationalError) and not line.closed)

    def _forget_what_a_fork_left(self) -> None:
        if self._process != os.getpid():
            self._pool = None
        super()._forget_what_a_fork_left()

    def _connection_options(self, name: str) -> dict[str, Any]:
        asked = [f"-c search_path={self._schema},public"] if self._schema else []
        if self._statement_seconds:
            asked.append(f"-c statement_timeout={self._statement_seconds * 1000:.0f}")
        found = super()._connection_options(name)
        return {**found, "options": " ".join(asked)} if asked else found

    def _open_pool(self) -> "ConnectionPool[Line]":
        return ConnectionPool(
            self._dsn,
            connection_class=Line,
            kwargs=self._connection_options("holdpoint pages"),
            configure=self._give_saver,
            min_size=1,
            max_size=self._readers,
            timeout=max(2.0, self._connect_seconds),
            check=ConnectionPool.check_connection,
            open=True,
        )

    def _give_saver(self, line: Line) -> None:
        line.saver = self._saver_of(line)


class PostgresElsewhere(PostgresCheckpointer):
    """In a database of their own. The thread is locked in both, so that a cut connection writes to neither."""

    label: ClassVar[str] = "PostgreSQL, a database of its own"
    space: ClassVar[str] = "checkpoints of thread:"

    def __init__(self, dsn: str, *, lock_dsn: str, **options: Any) -> None:
        super().__init__(dsn, **options)
        self._app = PostgresCheckpointer(lock_dsn, connect_seconds=self._connect_seconds)

    @contextlib.contextmanager
    def hold(self, thread_id: str) -> Iterator[Held]:
        with self._app.hold(thread_id) as first, super().hold(thread_id) as second:
            backend = Backend(first.backend.pid, first.backend.started, beyond=second.backend)
            yield Held(second.saver, backend, first.write, second.graphs)

    def terminate(self, backend: Backend) -> bool:
        gone = self._app.terminate(backend)
        return (super().terminate(backend.beyond) if backend.beyond else False) or gone

    def terminate_silent(self, thread_id: str, *, seconds: float) -> bool:
        gone = self._app.terminate_silent(thread_id, seconds=seconds)
        return super().terminate_silent(thread_id, seconds=seconds) or gone

    def lock_holds(self) -> bool:
        return self._app.lock_holds() and super().lock_holds()

    def close(self) -> None:
        self._app.close()
        super().close()


def _unfinished(connection: psycopg.Connection[dict[str, Any]]) -> list[str]:
    return [row["relname"] for row in connection.execute(INVALID_INDEXES).fetchall()]
