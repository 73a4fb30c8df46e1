"""Reading what was saved without making objects of it, so that it is written elsewhere exactly as it was.

LangGraph loads only types that a graph names; a copy has no graph, so it would get plain dicts for all others.
"""

import contextlib
import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import ormsgpack
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import EXT_DELTA_SNAPSHOT, JsonPlusSerializer
from langgraph.checkpoint.serde.types import _DeltaSnapshot

from chains.checkpointers.sealing import Sealed
from chains.strict import strictly

Saver = BaseCheckpointSaver[Any]
OPTIONS = ormsgpack.OPT_NON_STR_KEYS | ormsgpack.OPT_PASSTHROUGH_TUPLE | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
PLAIN = ("null", "bytes", "bytearray", "msgpack")


class Opaque:
    """A value of some type, in the bytes that LangGraph made of it."""

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: bytes) -> None:
        self.code, self.data = code, bytes(data)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Opaque) and (self.code, self.data) == (other.code, other.data)

    def __hash__(self) -> int:
        return hash((self.code, self.data))


class Typed(NamedTuple):
    """What an older LangGraph, or another serializer, wrote: passed on as it is."""

    kind: str
    data: bytes


class Exact(JsonPlusSerializer):
    """Gives back the very bytes it was given. Never to run a graph on."""

    def __init__(self) -> None:
        super().__init__(__unpack_ext_hook__=_opened)

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        if isinstance(obj, Typed):
            return obj.kind, obj.data
        if obj is None or isinstance(obj, bytes | bytearray):
            return super().dumps_typed(obj)
        return "msgpack", _packed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        return super().loads_typed(data) if data[0] in PLAIN else Typed(data[0], bytes(data[1]))


def exactly(serde: SerializerProtocol | None) -> JsonPlusSerializer:
    """The same serializer, but for the types it would make: it opens and seals with the same keys."""
    if not isinstance(serde, Sealed):
        return Exact()
    found = copy.copy(serde)
    found._inner = Exact()
    return found


@contextlib.contextmanager
def byte_for_byte(*savers: Saver) -> Iterator[list[Saver]]:
    """The same savers, reading bytes for bytes. One with a serializer of its own make can only be given objects; then
    types that LangGraph would quietly make plain dicts of are refused, with CannotRead.
    """
    if all(type(saver.serde) is JsonPlusSerializer or isinstance(saver.serde, Sealed) for saver in savers):
        found = [copy.copy(saver) for saver in savers]
        for saver in found:
            saver.serde = exactly(saver.serde)
        yield found
    else:
        with strictly():
            yield list(savers)


def is_same(one: Any, other: Any) -> bool:
    """A number that is none equals nothing, itself included; its bytes do."""
    try:
        return bool(one == other) or _packed(one) == _packed(other)
    except (TypeError, ormsgpack.MsgpackEncodeError):
        return False


def _opened(code: int, data: bytes) -> Any:
    """A snapshot is told from other values by PostgreSQL's saver, so it has to be one."""
    if code == EXT_DELTA_SNAPSHOT:
        return _DeltaSnapshot(ormsgpack.unpackb(data, ext_hook=_opened, option=ormsgpack.OPT_NON_STR_KEYS))
    return Opaque(code, data)


def _packed(value: Any) -> bytes:
    return ormsgpack.packb(value, default=_closed, option=OPTIONS)


def _closed(value: Any) -> Any:
    if isinstance(value, Opaque):
        return ormsgpack.Ext(value.code, value.data)
    if isinstance(value, _DeltaSnapshot):
        return ormsgpack.Ext(EXT_DELTA_SNAPSHOT, _packed(value.value))
    raise TypeError(f"A {type(value).__name__} cannot be copied exactly.")
