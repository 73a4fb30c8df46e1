"""Async nodes, routers and tools, made callable from the plain threads that drive graphs.

They run on one event loop of this process, so that clients they share between calls stay on the loop they began on.
"""

import asyncio
import functools
import os
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextvars import copy_context
from typing import Any

from langgraph.prebuilt import ToolNode

_starting = threading.Lock()
_loops: dict[int, asyncio.AbstractEventLoop] = {}


def make_callable(graph: Any) -> None:
    """Give whatever of a compiled graph is only async a plain function that waits for it. Twice is harmless."""
    for part in _runnables(graph):
        if getattr(part, "afunc", None) is not None and getattr(part, "func", None) is None:
            part.func = waiting_for(part.afunc)
        if isinstance(part, ToolNode):
            for tool in part.tools_by_name.values():
                if getattr(tool, "coroutine", None) is not None and getattr(tool, "func", None) is None:
                    tool.func = waiting_for(tool.coroutine)  # type: ignore[attr-defined]


def waiting_for(function: Callable[..., Coroutine[Any, Any, Any]]) -> Callable[..., Any]:
    """Runs it on the loop, in the caller's context, where LangGraph keeps which node is running."""

    @functools.wraps(function)
    def call(*arguments: Any, **options: Any) -> Any:
        done: Future[Any] = Future()
        context = copy_context()

        def start() -> None:
            work = loop.create_task(function(*arguments, **options), context=context)
            work.add_done_callback(functools.partial(_hand_over, done))

        loop = _loop()
        loop.call_soon_threadsafe(start)
        return done.result()

    return call


def _hand_over(done: "Future[Any]", work: "asyncio.Task[Any]") -> None:
    if work.cancelled():
        done.set_exception(RuntimeError("The async node was cancelled."))
    elif (error := work.exception()) is not None:
        done.set_exception(error)
    else:
        done.set_result(work.result())


def _loop() -> asyncio.AbstractEventLoop:
    """This process's own: neither a loop nor its thread survives a fork."""
    with _starting:
        if os.getpid() not in _loops:
            loop = asyncio.new_event_loop()
            threading.Thread(target=loop.run_forever, name="async nodes", daemon=True).start()
            _loops[os.getpid()] = loop
        return _loops[os.getpid()]


def _runnables(graph: Any) -> Iterator[Any]:
    for node in graph.nodes.values():
        yield node.bound
    builder = getattr(graph, "builder", None)
    for branches in builder.branches.values() if builder else ():
        for branch in branches.values():
            yield branch.path
