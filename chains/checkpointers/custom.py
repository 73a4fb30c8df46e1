"""Checkpoints in any saver of LangGraph's: a factory of your own makes it."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar

from langgraph.checkpoint.base import BaseCheckpointSaver

from chains.checkpointers.guarded import guarded
from chains.checkpointers.held import Reading
from chains.checkpointers.locked import Checkpointer, Line


class BadFactory(ValueError):
    """What HOLDPOINT_CHECKPOINTS names cannot be used; the sentence says why, and what to do."""


Factory = Callable[[Mapping[str, Any]], Any]


class CustomCheckpointer(Checkpointer):
    """One saver for each process, used by all of its threads, made when first needed."""

    label: ClassVar[str] = "custom"

    def __init__(self, factory: str, options: Mapping[str, Any], *, lock_dsn: str, connect_seconds: float = 10) -> None:
        """`factory`: module.function. It takes the options, and gives a saver or a context manager of one."""
        super().__init__(lock_dsn, connect_seconds=connect_seconds)
        self._factory = factory
        self._options = options
        self._kept: BaseCheckpointSaver[Any] | None = None
        self._graphs: dict[str, Any] = {}
        self._entered = contextlib.ExitStack()
        self._made_in = 0
        self._making = threading.Lock()

    def set_up(self, *, patience: float = 60.0) -> None:
        """Calls the saver's own setup(), if it has one."""
        make_ready = getattr(self._saver(), "setup", None)
        if callable(make_ready):
            make_ready()

    def problems(self) -> list[str]:
        try:
            self._saver().get_tuple({"configurable": {"thread_id": "holdpoint-probe", "checkpoint_ns": ""}})
        except BadFactory as error:
            return [str(error)]
        except Exception as error:  # a saver of any make, with errors of its own
            return [
                f"{self._factory} gave a saver that cannot be read: {type(error).__name__}. Check that its server "
                "answers, and run manage.py checkpoints setup."
            ]
        return []

    @contextlib.contextmanager
    def read(self) -> Iterator[Reading]:
        yield Reading(self._saver(), self._graphs)

    def close(self) -> None:
        super().close()
        with self._making:
            self._entered.close()
            self._kept, self._graphs = None, {}

    def _saver_of(self, line: Line) -> BaseCheckpointSaver[Any]:
        return guarded(self._saver(), lambda: line.execute("SELECT 1"))

    def _saver(self) -> BaseCheckpointSaver[Any]:
        with self._making:
            if self._kept is None or self._made_in != os.getpid():
                self._kept, self._graphs, self._made_in = self._make(), {}, os.getpid()
            return self._kept

    def _make(self) -> BaseCheckpointSaver[Any]:
        """Anew after a fork: the parent's connections are the parent's."""
        made = _factory_named(self._factory)(self._options)
        if not isinstance(made, BaseCheckpointSaver) and isinstance(made, contextlib.AbstractContextManager):
            self._entered = contextlib.ExitStack()
            made = self._entered.enter_context(made)
        if not isinstance(made, BaseCheckpointSaver):
            kind = type(made).__name__
            raise BadFactory(f"{self._factory} gave a {kind}. Let it give a BaseCheckpointSaver, or a context manager.")
        return made


def _factory_named(name: str) -> Factory:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadFactory(f"{name} cannot be imported: {error}. Write custom:package.module.function.") from error
    if not callable(found):
        raise BadFactory(f"{name} cannot be called. Name a function that gives a saver.")
    made: Factory = found
    return made
