"""A held thread: the right to write its checkpoints, for as long as one database connection lives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from langgraph.checkpoint.base import BaseCheckpointSaver


class ThreadBusy(Exception):
    """Another worker holds this thread."""


@dataclass(frozen=True)
class Backend:
    """The database connection that holds the lock. `started` tells it from a later one with the same number.

    `beyond` is the second one, where the checkpoints are in a database of their own and locked there too.
    """

    pid: int
    started: str
    beyond: "Backend | None" = None

    def as_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"pid": self.pid, "started": self.started}
        return found if self.beyond is None else {**found, "beyond": self.beyond.as_json()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Backend":
        beyond = cls.from_json(value["beyond"]) if value.get("beyond") else None
        return cls(pid=int(value["pid"]), started=str(value["started"]), beyond=beyond)


@dataclass(frozen=True)
class Held:
    """Where the checkpointer is fenced, the saver writes through the very connection that holds the lock: cut it, and
    nothing more is written.
    """

    saver: BaseCheckpointSaver[Any]
    backend: Backend
    # Runs one statement on the application's own database, on the connection with the lock; gives its first row.
    write: Callable[..., dict[str, Any] | None]
    # Graphs compiled on this saver, by chain; kept with the connection, since compiling costs more than a query.
    graphs: dict[str, Any]


class Reading(NamedTuple):
    """A saver for pages, which only read, and the graphs compiled on it."""

    saver: BaseCheckpointSaver[Any]
    graphs: dict[str, Any]
