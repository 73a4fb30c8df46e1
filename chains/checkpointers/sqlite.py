"""Checkpoints in one SQLite file, for one host: write-ahead log, one worker process, any number of threads in it."""

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite import SqliteSaver

from chains.checkpointers.guarded import guarded
from chains.checkpointers.held import Reading
from chains.checkpointers.locked import Checkpointer, Line


class AnotherWorker(RuntimeError):
    """A worker process already writes to this SQLite file, which is for one alone. Stop it, or use PostgreSQL."""


class SqliteCheckpointer(Checkpointer):
    """Every lock has a connection to the file of its own: SQLite lets one write at a time, and the others wait."""

    label: ClassVar[str] = "SQLite"

    def __init__(
        self,
        path: Path,
        *,
        lock_dsn: str,
        busy_seconds: float = 30,
        connect_seconds: float = 10,
        serde: SerializerProtocol | None = None,
    ) -> None:
        """`busy_seconds`: how long a write waits for its turn."""
        super().__init__(lock_dsn, connect_seconds=connect_seconds)
        self._path = path
        self._busy_seconds = busy_seconds
        self._serde = serde
        self._readers = threading.local()
        self._claim: IO[bytes] | None = None

    def set_up(self, *, patience: float = 60.0) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.closing(self._open()) as connection:
            SqliteSaver(connection).setup()

    def problems(self) -> list[str]:
        if not self._path.exists():
            return [f"There is no file {self._path.name} yet. Run manage.py checkpoints setup."]
        if not os.access(self._path, os.W_OK) or not os.access(self._path.parent, os.W_OK):
            return [f"{self._path.name}, or the directory it is in, cannot be written. Give this account the right to."]
        with contextlib.closing(self._open()) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
        return [] if found == ["ok"] else [f"{self._path.name} is damaged: {found[0]}. Restore a backup."]

    def claim(self) -> None:
        """Be the one worker process, for as long as this one lives. Raises AnotherWorker."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        claim = open(self._path.with_name(f"{self._path.name}.worker"), "ab")  # noqa: SIM115  (open until the process ends)
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            claim.close()
            raise AnotherWorker(AnotherWorker.__doc__) from None
        self._claim = claim

    @contextlib.contextmanager
    def read(self) -> Iterator[Reading]:
        """One connection for each thread that asks."""
        known = getattr(self._readers, "known", None)
        if known is None or known[0] != os.getpid():
            known = self._readers.known = (os.getpid(), Reading(SqliteSaver(self._open(), serde=self._serde), {}))
        yield known[1]

    def close(self) -> None:
        self._readers = threading.local()
        super().close()

    def _saver_of(self, line: Line) -> BaseCheckpointSaver[Any]:
        return guarded(SqliteSaver(self._open(), serde=self._serde), lambda: line.execute("SELECT 1"))

    def _drop(self, connection: Line) -> None:
        super()._drop(connection)
        saver = connection.saver
        if isinstance(saver, SqliteSaver):
            saver.conn.close()

    def _open(self) -> sqlite3.Connection:
        """The saver has a lock of its own, so the connection may go from thread to thread."""
        connection = sqlite3.connect(self._path, timeout=self._busy_seconds, check_same_thread=False)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        return connection
