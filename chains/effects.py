"""effect(): an outside call that a node makes once, though its body may run again.

A node runs again from its top on every resume, and after a worker died. A ledger remembers what was begun and what was
done. Nothing can know what became of a call whose worker died in the middle: such a call is never repeated by itself.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from langgraph.config import get_config
from langgraph.errors import GraphBubbleUp
from langgraph.runtime import get_runtime

from chains.canonical import digest


class EntryStatus(StrEnum):
    NEW = "new"
    DONE = "done"
    IN_DOUBT = "in_doubt"


@dataclass(frozen=True)
class Entry:
    """What the ledger knew of a call when it was asked for it; `result` is what a call that is done gave."""

    status: EntryStatus
    result: Any = None


class Ledger(Protocol):
    """Writes at once, in no transaction of the caller's: what it has said must survive the process."""

    def begin(self, key: str, *, name: str, node: str, idempotent: bool) -> Entry: ...
    def finish(self, key: str, result: Any) -> None: ...
    def forget(self, key: str) -> None: ...


class InDoubt(RuntimeError):
    """The call was begun and nobody knows whether it happened."""

    # Whatever it was raised from, trying again by itself cannot help (chains.retrying asks).
    never_passes = True


class NotDone(Exception):
    """Raise it inside a call that certainly did not happen: the ledger forgets it, and it may be made again."""


class NotJson(TypeError):
    """The call gave something that cannot be kept as JSON."""


IN_DOUBT = "Nobody knows whether “{name}” happened. Find out, and say so on the page of this request."

_ledger: ContextVar[Ledger | None] = ContextVar("holdpoint_ledger", default=None)


@contextmanager
def written_to(ledger: Ledger | None) -> Iterator[None]:
    """Whatever runs inside, in threads that LangGraph starts too, has its effects in this ledger."""
    token = _ledger.set(ledger)
    try:
        yield
    finally:
        _ledger.reset(token)


def effect(name: str, call: Callable[[str], Any], *, idempotent: bool = False) -> Any:
    """Make an outside call once, and give what it gave, as JSON values, whenever the node runs again.

    `call(key)` gets a key that stays the same however often the node is run for the same step: hand it on as the
    callee's idempotency key. Say `idempotent=True` only when the callee honours it; then a call in doubt is made again.
    `name` tells this call from others of the node. Raises InDoubt when an earlier call is in doubt, or this one raised
    anything but NotDone; an idempotent call's own error is raised as it is. Without a ledger, outside Holdpoint, the
    call is simply made.
    """
    key = _key(name)
    ledger = _ledger.get()
    if ledger is None:
        return call(key)
    entry = ledger.begin(key, name=name, node=_node(), idempotent=idempotent)
    if entry.status is EntryStatus.DONE:
        return entry.result
    if entry.status is EntryStatus.IN_DOUBT:
        raise InDoubt(IN_DOUBT.format(name=name))
    return _made(ledger, key, name, call, idempotent=idempotent)


def _made(ledger: Ledger, key: str, name: str, call: Callable[[str], Any], *, idempotent: bool) -> Any:
    try:
        result = call(key)
    except (NotDone, GraphBubbleUp):  # the latter is how LangGraph pauses
        ledger.forget(key)
        raise
    except Exception as error:
        if idempotent:
            raise
        raise InDoubt(f"{IN_DOUBT.format(name=name)} It ended with {type(error).__name__}.") from error
    try:
        kept = json.loads(json.dumps(result, allow_nan=False))
    except (TypeError, ValueError) as error:
        ledger.finish(key, None)
        raise NotJson(
            f"“{name}” happened, but what it gave is not plain JSON: {error}. Return ids and text."
        ) from error
    ledger.finish(key, kept)
    return kept


def _key(name: str) -> str:
    """The same for every run of the same step: LangGraph derives the task's id from its checkpoint and node."""
    info = get_runtime().execution_info
    if info is None:
        raise RuntimeError("Call effect() inside a node of a running graph.")
    return digest([str(info.thread_id), info.task_id, name])


def _node() -> str:
    return str(get_config().get("metadata", {}).get("langgraph_node", ""))
