"""Factories of savers, as somebody would write them for HOLDPOINT_CHECKPOINTS=custom:..., and some that go wrong."""

import contextlib
import itertools
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

Options = Mapping[str, Any]


def file_saver(options: Options) -> BaseCheckpointSaver[Any]:
    """One that several processes share."""
    connection = sqlite3.connect(options["path"], check_same_thread=False, timeout=20)
    return SqliteSaver(connection, serde=options["serde"])


@contextlib.contextmanager
def memory_in_context(options: Options) -> Iterator[BaseCheckpointSaver[Any]]:
    yield InMemorySaver(serde=options["serde"])


class Flaky(InMemorySaver):
    """Loses its line at every n-th write, and for as long as the file `away` is there."""

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.every, self.away = int(options.get("every", 0)), Path(options.get("away", "/nowhere"))
        self.wrote = itertools.count(1)

    def put(self, *arguments: Any, **named: Any) -> Any:
        self._write()
        return super().put(*arguments, **named)

    def put_writes(self, *arguments: Any, **named: Any) -> None:
        self._write()
        super().put_writes(*arguments, **named)

    def get_tuple(self, *arguments: Any, **named: Any) -> Any:
        if self.away.exists():
            raise ConnectionError("redis://user:the-password@host is away")
        return super().get_tuple(*arguments, **named)

    def _write(self) -> None:
        if self.away.exists() or (self.every and next(self.wrote) % self.every == 0):
            raise ConnectionError("redis://user:the-password@host is away")


class Forgetful(InMemorySaver):
    """Keeps no writes while `forgets`; while `dies`, its process is ended at the third checkpoint."""

    forgets = dies = False

    def put(self, *arguments: Any, **named: Any) -> Any:
        if Forgetful.dies and sum(len(kept) for one in self.storage.values() for kept in one.values()) > 1:
            raise KeyboardInterrupt
        return super().put(*arguments, **named)

    def put_writes(self, *arguments: Any, **named: Any) -> None:
        if not Forgetful.forgets:
            super().put_writes(*arguments, **named)


def forgetful(options: Options) -> BaseCheckpointSaver[Any]:
    return Forgetful(serde=options["serde"])


def flaky(options: Options) -> BaseCheckpointSaver[Any]:
    return Flaky(options)


def away(options: Options) -> BaseCheckpointSaver[Any]:
    raise ConnectionError("redis://user:the-password@host is away")


def no_saver(options: Options) -> object:
    return object()


def deaf(options: Options) -> BaseCheckpointSaver[Any]:
    """Writes in its own way, whatever serializer it is given."""
    return InMemorySaver()


not_callable = 5
