"""Questions to others that may never answer, asked by threads of their own, so that nobody waits for longer."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import connection

Answer = TypeVar("Answer")


class Probe(Generic[Answer]):
    """Asked by one thread at a time, however often it is wanted; an answer is good for `fresh` seconds."""

    def __init__(self, name: str, ask: Callable[[], Answer], *, fresh: float) -> None:
        self._name = name
        self._ask = ask
        self._fresh = fresh
        self._changing = threading.Lock()
        self._asking: threading.Thread | None = None
        self._answer: tuple[float, Answer] | None = None

    def begin(self) -> None:
        """Ask, unless there is a fresh answer or somebody is asking."""
        with self._changing:
            if self._is_fresh(time.monotonic()) or (self._asking is not None and self._asking.is_alive()):
                return
            self._asking = threading.Thread(target=self._run, name=f"probe {self._name}", daemon=True)
            self._asking.start()

    def answer(self, *, asked: float, until: float) -> Answer | None:
        """None when by `until` there is none that was fresh when it was `asked` for; both on the monotonic clock."""
        asking = self._asking
        if asking is not None:
            asking.join(max(0.0, until - time.monotonic()))
        with self._changing:
            return self._answer[1] if self._answer is not None and self._is_fresh(asked) else None

    def _is_fresh(self, moment: float) -> bool:
        return self._answer is not None and moment - self._answer[0] < self._fresh

    def _run(self) -> None:
        try:
            found = self._ask()
            with self._changing:
                self._answer = (time.monotonic(), found)
        finally:
            connection.close()


def answers(probes: Sequence[Probe[Answer]], *, within: float) -> list[Answer | None]:
    """All asked at once; one that is slow takes nothing from the others."""
    asked = time.monotonic()
    for probe in probes:
        probe.begin()
    return [probe.answer(asked=asked, until=asked + within) for probe in probes]
