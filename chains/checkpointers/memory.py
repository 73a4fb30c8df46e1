"""Checkpoints in this process alone: gone when it ends. For tests and for trying out."""

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.base import SerializerProtocol

from chains.checkpointers.guarded import is_trouble_of_any_make, listening
from chains.checkpointers.held import Reading
from chains.checkpointers.locked import Checkpointer, Line


class MemoryCheckpointer(Checkpointer):
    """Workers and pages must be one process: approvals/together.py."""

    label: ClassVar[str] = "memory"
    outlives_process: ClassVar[bool] = False

    def __init__(self, *, lock_dsn: str, connect_seconds: float = 10, serde: SerializerProtocol | None = None) -> None:
        super().__init__(lock_dsn, connect_seconds=connect_seconds)
        self._kept = InMemorySaver(serde=serde)
        self._graphs: dict[str, Any] = {}

    def set_up(self, *, patience: float = 60.0) -> None:
        """There is nothing to be made."""

    def problems(self) -> list[str]:
        return []

    @contextlib.contextmanager
    def read(self) -> Iterator[Reading]:
        yield Reading(self._kept, self._graphs)

    def _saver_of(self, line: Line) -> BaseCheckpointSaver[Any]:
        return listening(self._kept, is_trouble_of_any_make, ask=lambda: line.execute("SELECT 1"))
