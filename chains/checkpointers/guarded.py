"""Savers that are listened to: what goes wrong with where checkpoints are kept is told apart from a node's failure.

Those that PostgreSQL cannot fence ask, before each write, whether their lock is still held.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator
from inspect import signature
from typing import Any, cast

from langgraph.checkpoint.base import BaseCheckpointSaver

from chains.strict import DAMAGED, UNREADABLE, CannotRead

IsTrouble = Callable[[BaseException], bool]
AWAY = "Where checkpoints are kept did not do what it was asked ({name}). Nothing is lost: it is tried again."


class SaverFailed(RuntimeError):
    """The store of the checkpoints could not be reached, or did not do what it was asked; the cause says more. It may
    hold an address with a password, so that is for the log alone.
    """


class LockLost(RuntimeError):
    """The connection that holds the thread is gone, so nothing more may be written."""


class Listening:
    """Comes before the saver's own class, and keeps what that can do. A copy, as LangGraph makes them, shares
    `_failures`: errors of writes that ran beside an interrupt are swallowed otherwise.
    """

    _is_trouble: IsTrouble
    _ask: Callable[[], object] | None
    _failures: list[SaverFailed | LockLost]

    def put(self, *arguments: Any, **options: Any) -> Any:
        self._require_lock()
        with self._heard():
            return super().put(*arguments, **options)  # type: ignore[misc]

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> Any:
        """LangGraph passes `task_path`, by which writes are put in order, only to savers that name it."""
        self._require_lock()
        put_writes, kind = super().put_writes, cast(Any, type(self))  # type: ignore[misc]
        more = (task_path,) if _takes_path(kind) else ()
        with self._heard():
            return put_writes(config, writes, task_id, *more)

    def get_tuple(self, config: Any) -> Any:
        with self._heard(), _decoded():
            return super().get_tuple(config)  # type: ignore[misc]

    def list(self, *arguments: Any, **options: Any) -> Iterator[Any]:
        with self._heard(), _decoded():
            yield from super().list(*arguments, **options)  # type: ignore[misc]

    def _require_lock(self) -> None:
        if self._ask is None:
            return
        try:
            self._ask()
        except Exception as error:
            lost = LockLost(LockLost.__doc__)
            self._failures.append(lost)
            raise lost from error

    @contextlib.contextmanager
    def _heard(self) -> Iterator[None]:
        try:
            yield
        except SaverFailed:
            raise
        except Exception as error:
            if not self._is_trouble(error):
                raise
            failure = SaverFailed(AWAY.format(name=type(error).__name__))
            self._failures.append(failure)
            raise failure from error


def listening(
    saver: BaseCheckpointSaver[Any], is_trouble: IsTrouble, *, ask: Callable[[], object] | None = None
) -> BaseCheckpointSaver[Any]:
    """A shallow copy. Errors that `is_trouble` are raised as SaverFailed; `ask` raises when the lock is gone, and then
    the copy raises LockLost.

    A worker that was frozen after the question and before the write still writes when it wakes: that is why a
    checkpointer with such savers is not called fenced.
    """
    found: BaseCheckpointSaver[Any] = object.__new__(_listening(cast(Any, type(saver))))
    vars(found).update(vars(saver), _is_trouble=is_trouble, _ask=ask, _failures=[])
    return found


@contextlib.contextmanager
def attentive(saver: Any) -> Iterator[None]:
    """Raises SaverFailed or LockLost at the end when anything that was asked of the saver inside went wrong, whoever
    swallowed that. For one thread at a time.
    """
    failures = getattr(saver, "_failures", [])
    failures.clear()
    yield
    if failures:
        raise failures[0]


def is_trouble_of_any_make(error: BaseException) -> bool:
    """Of a saver with errors of its own: all but what values that cannot be written or read raise."""
    return not isinstance(error, (*UNREADABLE, CannotRead))


@contextlib.contextmanager
def _decoded() -> Iterator[None]:
    """Raises CannotRead for bytes that are damaged, so that pages say so as well."""
    try:
        yield
    except UNREADABLE as error:
        raise CannotRead(DAMAGED.format(name=type(error).__name__)) from error


@functools.cache
def _listening(kind: Any) -> type:
    return type(f"Listening{kind.__name__}", (Listening, kind), {})


@functools.cache
def _takes_path(kind: Any) -> bool:
    behind = kind.__mro__[kind.__mro__.index(Listening) + 1 :]
    own = next(vars(base)["put_writes"] for base in behind if "put_writes" in vars(base))
    return "task_path" in signature(own).parameters
