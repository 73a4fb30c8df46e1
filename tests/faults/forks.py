"""Forked: a copy of this process that does one thing, and is killed or stopped at a chosen point of it.

A point is each statement on any database connection, each end of a pipeline, both sides of each commit, each doorbell
and each broadcast. Everything is imported before the fork, so that a trial costs milliseconds.
"""

import functools
import gc
import mmap
import os
import pickle
import select
import signal
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import psycopg
from django.db import connection

from approvals import broadcasts, tasks
from approvals.embedded.processes import binding

NAME_AT = 8
LONGEST_NAME = 160


@dataclass(frozen=True)
class Ended:
    """`points` reached, the `last` of them; `result` is what it returned, `error` the traceback it ended with."""

    killed: bool
    points: int
    last: str
    result: Any = None
    error: str = ""


class Points:
    """Counted in memory that the parent sees, since the process that counts does not live to tell."""

    def __init__(self, halt_at: int, with_signal: signal.Signals) -> None:
        self._memory = mmap.mmap(-1, NAME_AT + LONGEST_NAME)
        self._lock = threading.Lock()
        self._halt_at = halt_at
        self._signal = with_signal

    def reached(self, name: str) -> None:
        with self._lock:
            count = self.count + 1
            self._memory[:NAME_AT] = count.to_bytes(NAME_AT, "little")
            self._memory[NAME_AT:] = " ".join(name.split()).encode()[:LONGEST_NAME].ljust(LONGEST_NAME)
            if count == self._halt_at:
                os.kill(os.getpid(), self._signal)

    @property
    def count(self) -> int:
        return int.from_bytes(self._memory[:NAME_AT], "little")

    @property
    def last(self) -> str:
        return self._memory[NAME_AT:].decode(errors="replace").strip(" \x00")


class Forked:
    """Runs `act` in a fork. `halt_at` counts from 1; 0 lets it come to its end."""

    def __init__(
        self, act: Callable[[], Any], *, halt_at: int = 0, with_signal: signal.Signals = signal.SIGKILL
    ) -> None:
        self.points = Points(halt_at, with_signal)
        self._from_child, to_parent = os.pipe()
        bind = binding(signal.SIGKILL)
        self._pid = os.fork()
        if self._pid == 0:
            if bind is not None:
                bind()
            os.close(self._from_child)
            _be_child(act, self.points, to_parent)
        os.close(to_parent)

    def stopped(self) -> bool:
        """Wait until it stands still at its point. False: it came to its end before that."""
        while True:
            found = os.waitid(os.P_PID, self._pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
            if found is not None:
                return bool(found.si_code == os.CLD_STOPPED)

    def go_on(self) -> None:
        os.kill(self._pid, signal.SIGCONT)

    def settles(self, *, within: float) -> bool:
        """Whether it comes to its end so soon."""
        return bool(select.select([self._from_child], [], [], within)[0])

    def ended(self, *, within: float = 60) -> Ended:
        """Wait for its end; one that takes too long is killed and says so."""
        with os.fdopen(self._from_child, "rb") as pipe:
            if not select.select([pipe], [], [], within)[0]:
                os.kill(self._pid, signal.SIGKILL)
            told = pipe.read()
        _, status = os.waitpid(self._pid, 0)
        result, error = pickle.loads(told) if told else (None, "")
        return Ended(os.WIFSIGNALED(status), self.points.count, self.points.last, result, error)


def forked(act: Callable[[], Any], *, kill_at: int = 0) -> Ended:
    """Run it and wait for its end."""
    ended = Forked(act, halt_at=kill_at).ended()
    if ended.killed and ended.points < (kill_at or ended.points + 1):
        return replace(ended, error=f"Killed at point {ended.points}, {ended.last}: it took too long.")
    return ended


def _be_child(act: Callable[[], Any], points: Points, to_parent: int) -> None:
    """Never returns: what the parent had to clean up is not this process's."""
    gc.disable()
    try:
        forget_connection()
        watch(points.reached)
        told = pickle.dumps((act(), ""))
    except BaseException:  # whatever it was, the parent reports it
        told = pickle.dumps((None, traceback.format_exc()))
    try:
        with os.fdopen(to_parent, "wb") as pipe:
            pipe.write(told)
    finally:
        os._exit(0)


def forget_connection() -> None:
    """The parent's: not closed, for the parent still speaks on it."""
    connection.connection = None


def watch(reached: Callable[[str], None]) -> None:
    """Call `reached` at each point from now on. Nobody is rung and nobody is told: the trial stands for both."""
    _before(psycopg.Cursor, "execute", reached)
    _before(psycopg.Cursor, "executemany", reached)
    _before(psycopg.Connection, "commit", reached)
    _after(psycopg.Connection, "commit", reached)
    _before(psycopg.Pipeline, "__exit__", reached)
    _after(psycopg.Pipeline, "__exit__", reached)
    setattr(tasks, "ring", lambda run_id: reached("ring"))  # noqa: B010
    for name in ("thread_changed", "step_began"):
        setattr(broadcasts, name, lambda *arguments: reached("broadcast"))


def _before(owner: Any, name: str, reached: Callable[[str], None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(self: Any, *arguments: Any, **options: Any) -> Any:
        reached(f"before {name} {arguments[0] if arguments else ''}")
        return original(self, *arguments, **options)

    setattr(owner, name, watched)


def _after(owner: Any, name: str, reached: Callable[[str], None]) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def watched(self: Any, *arguments: Any, **options: Any) -> Any:
        result = original(self, *arguments, **options)
        reached(f"after {name}")
        return result

    setattr(owner, name, watched)
