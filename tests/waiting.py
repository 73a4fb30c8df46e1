"""Waiting for other processes: until something is so, or saying plainly that it never was."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from approvals.models import Thread

Result = TypeVar("Result")


def eventually(is_so: Callable[[], object], *, within: float = 30, what: str = "it") -> float:
    """Seconds it took."""
    begun = time.monotonic()
    while not is_so():
        assert time.monotonic() - begun < within, f"{what} was not so within {within} s"
        time.sleep(0.05)
    return time.monotonic() - begun


def until_status(thread: Thread, status: str, *, within: float = 30) -> float:
    def is_so() -> bool:
        thread.refresh_from_db()
        return thread.status == status

    return eventually(is_so, within=within, what=f"status {status}")


def run_apart(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on a loop of a thread of its own: a browser that was started keeps one in this thread."""
    with ThreadPoolExecutor(1) as apart:
        return apart.submit(asyncio.run, work).result()
