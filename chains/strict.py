"""Reading checkpoints strictly: what cannot be read as it was written stops the run instead of changing its type.

LangGraph (checked in 4.3.2 of its checkpoint package) turns a value of a type that is not on the graph's list into a
plain dict and says so only to listeners.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from langgraph.checkpoint.serde.event_hooks import SerdeEvent, register_serde_event_listener

from chains.canonical import NotCanonical

BLOCKED = {"msgpack_blocked", "msgpack_method_blocked"}
# What decoding raises on bytes that are damaged or of a kind nobody may load. A database that is away raises others.
UNREADABLE = (ValueError, TypeError, LookupError, NotImplementedError, AttributeError, EOFError)
DAMAGED = "The saved state cannot be read ({name}). Restore it, or stop this."


class CannotRead(RuntimeError):
    """The saved state cannot be read as it was written; the sentence says why, and what to do."""


_blocked: ContextVar[list[str] | None] = ContextVar("holdpoint_blocked", default=None)


@contextmanager
def strictly() -> Iterator[None]:
    """Raises CannotRead when something read inside is damaged, or of a type the graph does not name."""
    found: list[str] = []
    token = _blocked.set(found)
    try:
        yield
    except NotCanonical:
        raise
    except UNREADABLE as error:
        raise CannotRead(DAMAGED.format(name=type(error).__name__)) from error
    finally:
        _blocked.reset(token)
    if found:
        raise CannotRead(
            f"The saved state holds {', '.join(sorted(set(found)))}, which the graph's state does not name. "
            "Name the type in the state's schema, then retry."
        )


def _listen(event: SerdeEvent) -> None:
    found = _blocked.get()
    if found is not None and event["kind"] in BLOCKED:
        found.append(f"{event['module']}.{event['name']}")


register_serde_event_listener(_listen)
