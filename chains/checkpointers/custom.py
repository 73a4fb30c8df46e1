"""Checkpoints in any saver of LangGraph's: a factory of your own makes it."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, ClassVar

from langgraph.checkpoint.base import BaseCheckpointSaver

from chains.checkpointers.guarded import SaverFailed, is_trouble_of_any_make, listening
from chains.checkpointers.held import Reading
from chains.checkpointers.locked import Checkpointer, Line

PROBE = {"configurable": {"thread_id": "holdpoint-probe", "checkpoint_ns": ""}}
CHECK = "Check that its server answers, and run manage.py checkpoints setup."


class BadFactory(SaverFailed):
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
        self._reading: Reading | None = None
        self._entered = contextlib.ExitStack()
        self._made_in = 0
        self._making = threading.Lock()

    def set_up(self, *, patience: float = 60.0) -> None:
        """Calls the saver's own setup(), if it has one."""
        make_ready = getattr(self._saver(), "setup", None)
        if not callable(make_ready):
            return
        try:
            make_ready()
        except Exception as error:  # a saver of any make, with errors of its own
            name = type(error).__name__
            raise SaverFailed(f"setup() of the saver of {self._factory} failed ({name}): {error}") from error

    def problems(self) -> list[str]:
        try:
            self._saver().get_tuple(PROBE)  # type: ignore[arg-type]
        except SaverFailed as error:
            return [str(error)]
        except Exception as error:  # a saver of any make, with errors of its own
            return [f"{self._factory} gave a saver that cannot be read: {type(error).__name__}. {CHECK}"]
        return []

    @contextlib.contextmanager
    def read(self) -> Iterator[Reading]:
        saver = self._saver()
        if self._reading is None:
            self._reading = Reading(listening(saver, is_trouble_of_any_make), {})
        yield self._reading

    def close(self) -> None:
        super().close()
        with self._making:
            if self._made_in == os.getpid():
                self._entered.close()
            self._kept = self._reading = None

    def _saver_of(self, line: Line) -> BaseCheckpointSaver[Any]:
        return listening(self._saver(), is_trouble_of_any_make, ask=lambda: line.execute("SELECT 1"))

    def _saver(self) -> BaseCheckpointSaver[Any]:
        """Made anew after a fork: the parent's connections are the parent's, and not even ours to close."""
        with self._making:
            if self._kept is None or self._made_in != os.getpid():
                _left_by_fork.append((self._entered, self._kept))
                self._entered, self._reading = contextlib.ExitStack(), None
                self._kept, self._made_in = self._make(), os.getpid()
            return self._kept

    def _make(self) -> BaseCheckpointSaver[Any]:
        """Raises SaverFailed: a server that is away is away for the factory first."""
        factory = _factory_named(self._factory)
        try:
            made = factory(self._options)
            if not isinstance(made, BaseCheckpointSaver) and isinstance(made, contextlib.AbstractContextManager):
                made = self._entered.enter_context(made)
        except Exception as error:  # whatever a factory of any make raises; it may hold a password
            raise BadFactory(f"{self._factory} failed: {type(error).__name__}. {CHECK}") from error
        if not isinstance(made, BaseCheckpointSaver):
            kind = type(made).__name__
            raise BadFactory(f"{self._factory} gave a {kind}. Let it give a BaseCheckpointSaver, or a context manager.")
        self._require_serde(made)
        return made

    def _require_serde(self, made: BaseCheckpointSaver[Any]) -> None:
        """Where checkpoints are sealed, a saver that writes them in its own way would write them in clear."""
        serde = self._options.get("serde")
        if serde is not None and made.serde is not serde:
            raise BadFactory(f'{self._factory} does not use the serializer it is given: pass options["serde"] on.')


_left_by_fork: list[object] = []


def _factory_named(name: str) -> Factory:
    module, _, attribute = name.rpartition(".")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # a module of any make: what it does when imported is its own affair
        raise BadFactory(f"{name} cannot be imported: {error}. Write custom:package.module.function.") from error
    if not callable(found):
        raise BadFactory(f"{name} cannot be called. Name a function that gives a saver.")
    made: Factory = found
    return made
