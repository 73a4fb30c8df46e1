"""Aside: something done soon, by a thread of its own, so that nobody who waits for an answer waits for it too."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Full, Queue

MOST_WAITING = 1_000


class Aside:
    """Calls `act` for each key, in order. Past MOST_WAITING keys are dropped: use it for what is done later anyway.

    The thread is started when first needed, and anew after a fork, which it does not survive.
    """

    def __init__(self, name: str, act: Callable[[str], object]) -> None:
        self._name = name
        self._act = act
        self._starting = threading.Lock()
        self._process = 0
        self._waiting: Queue[str] = Queue(MOST_WAITING)

    def soon(self, key: str) -> None:
        with suppress(Full):
            self._of_this_process().put_nowait(key)

    def wait(self) -> None:
        """Until everything asked for so far is done."""
        self._of_this_process().join()

    def _of_this_process(self) -> "Queue[str]":
        with self._starting:
            if self._process != os.getpid():
                self._process, self._waiting = os.getpid(), Queue(MOST_WAITING)
                threading.Thread(target=self._run, args=(self._waiting,), name=self._name, daemon=True).start()
            return self._waiting

    def _run(self, waiting: "Queue[str]") -> None:
        while True:
            key = waiting.get()
            try:
                self._act(key)
            finally:
                waiting.task_done()
