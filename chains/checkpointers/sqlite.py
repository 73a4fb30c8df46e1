"""Checkpoints in one SQLite file, for one host: write-ahead log, one worker process, any number of threads in it."""

import contextlib
import fcntl
import os
import sqlite3
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, ClassVar
from urllib.parse import quote

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.sqlite import SqliteSaver

from chains.checkpointers.guarded import AWAY, SaverFailed, listening
from chains.checkpointers.held import Reading
from chains.checkpointers.locked import Checkpointer, Line
from chains.checkpointers.sealed import sqlite_saver

# A value too large for SQLite, or one it does not take, is not the file's fault.
NOT_OF_THE_FILE = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.NotSupportedError)


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
        self._readers: deque[Reading] = deque()
        self._claim: IO[bytes] | None = None
        self._file: tuple[int, int] | None = None

    def set_up(self, *, patience: float = 60.0) -> None:
        """One process at a time: SQLite does not always wait for its turn to turn the write-ahead log on."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._alone(patience), contextlib.closing(self._open(mode="rwc")) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                SqliteSaver(connection).setup()
        except (sqlite3.Error, OSError) as error:
            raise SaverFailed(f"{self._path.name} cannot be made or opened: {error}.") from error

    def problems(self) -> list[str]:
        if not self._path.exists():
            return [f"There is no file {self._path.name} yet. Run manage.py checkpoints setup."]
        if not os.access(self._path, os.W_OK) or not os.access(self._path.parent, os.W_OK):
            return [f"{self._path.name}, or the directory it is in, cannot be written. Give this account the right to."]
        try:
            with contextlib.closing(self._open()) as connection:
                found = [str(row[0]) for row in connection.execute("PRAGMA quick_check(1)")]
                tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            return [f"{self._path.name} is damaged, or no SQLite file: {error}. Restore a backup."]
        if found != ["ok"]:
            return [f"{self._path.name} is damaged: {found[0]}. Restore a backup."]
        missing = {"checkpoints", "writes"} - tables
        return [f"{self._path.name} has no checkpoint tables. Run manage.py checkpoints setup."] if missing else []

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
        """Nobody else has the connection meanwhile; it is kept for the next one who reads."""
        self._forget_what_is_not_ours()
        reading = self._idle_reader() or Reading(self._listening(None), {})
        try:
            yield reading
        finally:
            self._readers.append(reading)

    def close(self) -> None:
        while (reading := self._idle_reader()) is not None:
            _close(reading.saver)
        super().close()

    def _idle_reader(self) -> Reading | None:
        with contextlib.suppress(IndexError):
            return self._readers.pop()
        return None

    def _take(self, thread_id: str) -> Line:
        self._forget_what_is_not_ours()
        return super()._take(thread_id)

    def _forget_what_is_not_ours(self) -> None:
        """Connections that a fork left, and those to a file that another one has taken the place of since."""
        self._forget_what_a_fork_left()
        with self._opening:
            found = _identity(self._path)
            if found != self._file:
                self.close()
                self._file = found

    def _saver_of(self, line: Line) -> BaseCheckpointSaver[Any]:
        return self._listening(line)

    def _listening(self, line: Line | None) -> BaseCheckpointSaver[Any]:
        try:
            saver = sqlite_saver(self._open(), self._serde)
        except sqlite3.Error as error:
            raise SaverFailed(AWAY.format(name=type(error).__name__)) from error
        return listening(saver, _is_trouble, ask=(lambda: line.execute("SELECT 1")) if line else None)

    def _drop(self, connection: Line) -> None:
        super()._drop(connection)
        _close(connection.saver)

    def _forget_what_a_fork_left(self) -> None:
        """SQLite's connections must not be used, and not even closed, in a forked process."""
        if self._process != os.getpid():
            _left_by_fork.append(self._readers)
            self._readers = deque()
        super()._forget_what_a_fork_left()

    def _open(self, *, mode: str = "rw") -> sqlite3.Connection:
        """The saver has a lock of its own, so the connection may go from thread to thread. Only set_up makes a file."""
        address = f"file:{quote(str(self._path))}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, timeout=self._busy_seconds, check_same_thread=False)
        connection.execute("PRAGMA synchronous=FULL")
        return connection

    @contextlib.contextmanager
    def _alone(self, patience: float) -> Iterator[None]:
        """The directory is what is locked: there is no file yet. Raises TimeoutError."""
        deadline = time.monotonic() + patience
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            while not _locked(directory):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Another process has been setting up {self._path.name} for too long.")
                time.sleep(0.05)
            yield
        finally:
            os.close(directory)


_left_by_fork: list[object] = []


def _is_trouble(error: BaseException) -> bool:
    return isinstance(error, sqlite3.Error) and not isinstance(error, NOT_OF_THE_FILE)


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _close(saver: BaseCheckpointSaver[Any]) -> None:
    if isinstance(saver, SqliteSaver):
        saver.conn.close()


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
