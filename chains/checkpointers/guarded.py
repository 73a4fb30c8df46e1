"""Savers that PostgreSQL cannot fence: each asks, before it writes, whether its lock is still held."""

import copy
from collections.abc import Callable
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver


class Guarding:
    """Comes before the saver's own class, and keeps what that can do.

    A worker that was frozen after the question and before the write still writes when it wakes: that is why such a
    checkpointer is not called fenced.
    """

    _ask: Callable[[], object]

    def put(self, *arguments: Any, **options: Any) -> Any:
        self._ask()
        return super().put(*arguments, **options)  # type: ignore[misc]

    def put_writes(self, *arguments: Any, **options: Any) -> Any:
        self._ask()
        return super().put_writes(*arguments, **options)  # type: ignore[misc]


def guarded(saver: BaseCheckpointSaver[Any], ask: Callable[[], object]) -> BaseCheckpointSaver[Any]:
    """A shallow copy, as LangGraph itself makes them; `ask` raises when the lock is gone."""
    kind = type(saver)
    found = copy.copy(saver)
    found.__class__ = type(f"Guarded{kind.__name__}", (Guarding, kind), {})
    vars(found)["_ask"] = ask
    return found
