"""Savers that say what they write, how big it was and how long it took, to whoever is told."""

import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from copy import copy
from functools import cache
from inspect import signature
from typing import Any, Protocol, cast

from langgraph.checkpoint.base import BaseCheckpointSaver

CHECKPOINT, WRITES, READ = "checkpoint", "writes", "read"


class Told(Protocol):
    """Called in whichever thread the saver is used; must return at once and raise nothing."""

    def done(self, operation: str, *, size: int, seconds: float) -> None:
        """`size` is what the serializer made of it: bytes, without what a saver stores beside that."""

    def failed(self, operation: str) -> None: ...

    def reached(self, checkpoint_id: str, step: int | None) -> None:
        """The thread's own newest checkpoint, as far as this saver has seen it; not one of a subgraph's."""


_size: ContextVar[list[int] | None] = ContextVar("size", default=None)


def counted(saver: BaseCheckpointSaver[Any], told: Told) -> BaseCheckpointSaver[Any]:
    """The very same saver, counting from now on. Copies, as LangGraph makes them, count too. One whose class cannot be
    changed, for it has slots, works on uncounted.
    """
    with suppress(TypeError):
        if not hasattr(saver, "_counted"):
            kind: Any = type(saver)
            saver.__class__ = _counting(kind)
        vars(saver)["_told"] = told
    return saver


@cache
def _counting(kind: Any) -> Any:
    """Of one base alone, whose layout it keeps: with a second one Python would not let a saver become one."""
    takes_path = "task_path" in signature(kind.put_writes).parameters

    class Counting(kind):  # type: ignore[misc]
        def put(self, config: Any, checkpoint: Any, metadata: Any, *rest: Any, **options: Any) -> Any:
            put = super().put
            found = self._counted(CHECKPOINT, lambda: put(config, checkpoint, metadata, *rest, **options))
            self._reached(config, checkpoint, metadata)
            return found

        def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> Any:
            """LangGraph gives the path only to savers that name it."""
            put_writes, more = super().put_writes, (task_path,) if takes_path else ()
            return self._counted(WRITES, lambda: put_writes(config, writes, task_id, *more))

        def get_tuple(self, config: Any) -> Any:
            get_tuple = super().get_tuple
            found = self._counted(READ, lambda: get_tuple(config))
            if found is not None:
                self._reached(config, found.checkpoint, found.metadata)
            return found

        def _reached(self, config: Any, checkpoint: Any, metadata: Any) -> None:
            if not config["configurable"].get("checkpoint_ns"):
                self._told.reached(str(checkpoint["id"]), (metadata or {}).get("step"))

        def _counted(self, operation: str, act: Callable[[], Any]) -> Any:
            return _count(self, operation, act)

    return Counting


def _count(saver: Any, operation: str, act: Callable[[], Any]) -> Any:
    if not hasattr(saver.serde, "_measured"):
        with suppress(TypeError):
            saver.serde = _measured(saver.serde)
    tally, begun = [0], time.perf_counter()
    token = _size.set(tally)
    try:
        found = act()
    except Exception:
        saver._told.failed(operation)
        raise
    finally:
        _size.reset(token)
    saver._told.done(operation, size=tally[0], seconds=time.perf_counter() - begun)
    return found


def _measured(serde: Any) -> Any:
    """A copy: LangGraph gives all savers without a serializer of their own the same one."""
    found, kind = copy(serde), cast(Any, type(serde))
    found.__class__ = _measuring(kind)
    return found


@cache
def _measuring(kind: Any) -> Any:
    class Measuring(kind):  # type: ignore[misc]
        _measured = True

        def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
            found: tuple[str, bytes] = super().dumps_typed(obj)
            tally = _size.get()
            if tally is not None:
                tally[0] += len(found[1])
            return found

    return Measuring
