"""A held thread: the right to write its checkpoints, for as long as one database connection lives."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver


class ThreadBusy(Exception):
    """Another worker holds this thread."""


@dataclass(frozen=True)
class Backend:
    """The database connection that holds the lock. `started` tells it from a later one with the same number."""

    pid: int
    started: str

    def as_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "started": self.started}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Backend":
        return cls(pid=int(value["pid"]), started=str(value["started"]))


@dataclass(frozen=True)
class Held:
    """The saver writes through the very connection that holds the lock: cut it, and nothing more is written."""

    saver: BaseCheckpointSaver[Any]
    backend: Backend
    # Runs one statement on that very connection, between the saver's; gives its first row.
    write: Callable[..., dict[str, Any] | None]
    # Graphs compiled on this saver, by chain; kept with the connection, since compiling costs more than a query.
    graphs: dict[str, Any]
