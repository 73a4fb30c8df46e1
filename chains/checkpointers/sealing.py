"""Sealing what checkpoints hold: AES-256-GCM-SIV under one of several keys, of which the first seals and all open.

What is stored is a nonce of 12 random bytes and the sealed bytes, under the type `seal1:` and the key's id, which is
authenticated with them. Sealed are 16 bytes that stand for the thread, LangGraph's own type, the value, and zeros up to
a whole number of blocks, so that a yes is as long as a no. Why this cipher: docs/decisions/0017.
"""

import copy
import hashlib
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from cryptography.exceptions import InvalidTag
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from chains.checkpointers.seal_keys import ID, NAME, BadKeys, Keys
from chains.strict import CannotRead

__all__ = [
    "BadKeys",
    "Keys",
    "NotSealed",
    "Plain",
    "SealBroken",
    "SealError",
    "Sealed",
    "UnknownKey",
    "in_thread",
    "key_of",
]

MARK = "seal1:"
CONTEXT = b"holdpoint checkpoint\x00"
BLOCK = 64
NONCE = 12
PLACE = 16
# Stands for the thread in what a saver sealed that does not say which: it belongs to any.
NOWHERE = bytes(PLACE)
HEADER = PLACE + 2
# What chains.snapshots.lean puts where it leaves a long value out.
LEFT_OUT = ("null", b"")


class SealError(CannotRead):
    """Something saved cannot be opened."""


class NotSealed(SealError):
    """Something saved is not sealed, though sealing is on."""

    def __init__(self) -> None:
        super().__init__(
            f"Part of what is saved is not sealed, though {NAME} is set. If it was saved before that was set, seal it "
            "with manage.py checkpoints reseal. If not, somebody put it there: restore it, or stop this."
        )


class UnknownKey(SealError):
    """Sealed with a key that this process has not."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"Part of what is saved is sealed with the key {key_id!r}, which {NAME} does not name. "
            "Add that key behind the first, then retry."
        )


class SealBroken(SealError):
    """The bytes are not those that were sealed, or not for this thread, or not with this key."""

    def __init__(self) -> None:
        super().__init__(
            "The seal on part of what is saved is broken: it was changed, belongs to another thread, or was sealed "
            "with another key of the same id. Restore it, or stop this."
        )


class Plain:
    """Wraps a value on its way to a serializer, so that a saver does not keep it as readable JSON."""

    def __init__(self, value: Any) -> None:
        self.value = value


_thread: ContextVar[str | None] = ContextVar("holdpoint_sealed_thread", default=None)


@contextmanager
def in_thread(thread_id: str) -> Iterator[None]:
    """What is sealed inside belongs to this thread; what is opened inside must."""
    token = _thread.set(thread_id)
    try:
        yield
    finally:
        _thread.reset(token)


class Sealed(JsonPlusSerializer):
    """Seals what another serializer gives. It is a JsonPlusSerializer because LangGraph hands a graph's list of allowed
    types to nothing else: with any other class, types off that list would be loaded with a mere warning.
    """

    def __init__(self, inner: JsonPlusSerializer, keys: Keys) -> None:
        super().__init__()
        if not isinstance(inner, JsonPlusSerializer):
            raise TypeError("Only a JsonPlusSerializer can be told which types it may load.")
        self._inner = inner
        self._keys = keys
        self.leaves_out = False

    def with_msgpack_allowlist(self, extra_allowlist: Collection[Any]) -> "Sealed":  # type: ignore[override]
        found = copy.copy(self)
        found._inner = self._inner.with_msgpack_allowlist(extra_allowlist)
        return found

    def lean(self) -> "Sealed":
        """For a listing that puts an unsealed nothing where it leaves a long value out; never to resume from."""
        found = copy.copy(self)
        found.leaves_out = True
        return found

    @property
    def tag(self) -> str:
        """The type of what is sealed now."""
        return MARK + self._keys.first

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        return self.seal(*self.plain(obj))

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Raises NotSealed, UnknownKey or SealBroken."""
        if self.leaves_out and tuple(data) == LEFT_OUT:
            return None
        return self._inner.loads_typed(self.open(*data))

    def plain(self, obj: Any) -> tuple[str, bytes]:
        """As the serializer inside gives it, unsealed."""
        kind, data = self._inner.dumps_typed(obj.value if isinstance(obj, Plain) else obj)
        return kind, bytes(data)

    def seal(self, kind: str, data: bytes) -> tuple[str, bytes]:
        """Seal a type and its bytes with the first key."""
        name = kind.encode()
        padding = -(HEADER + len(name) + len(data)) % BLOCK
        sheet = b"".join((_place(), bytes((padding, len(name))), name, data, bytes(padding)))
        nonce = os.urandom(NONCE)
        sealed = self._keys.cipher(self._keys.first).encrypt(nonce, sheet, CONTEXT + self.tag.encode())
        return self.tag, nonce + sealed

    def open(self, tag: str | None, sealed: bytes | None) -> tuple[str, bytes]:
        """The type and bytes that were sealed. Raises NotSealed, UnknownKey or SealBroken."""
        key_id = key_of(tag)
        if key_id is None:
            raise NotSealed
        if key_id not in self._keys:
            raise UnknownKey(key_id)
        blob = bytes(sealed or b"")
        try:
            sheet = self._keys.cipher(key_id).decrypt(blob[:NONCE], blob[NONCE:], CONTEXT + str(tag).encode())
        except (InvalidTag, ValueError):
            raise SealBroken from None
        if _thread.get() is not None and sheet[:PLACE] not in (NOWHERE, _place()):
            raise SealBroken
        padding, length = sheet[PLACE], sheet[PLACE + 1]
        return sheet[HEADER : HEADER + length].decode(), sheet[HEADER + length : len(sheet) - padding]


def key_of(tag: str | None) -> str | None:
    """The id of the key that a stored type names; None when it is not the type of anything sealed."""
    key_id = (tag or "").removeprefix(MARK)
    return key_id if tag == MARK + key_id and ID.fullmatch(key_id) else None


def _place() -> bytes:
    thread_id = _thread.get()
    return NOWHERE if thread_id is None else hashlib.blake2b(thread_id.encode(), digest_size=PLACE).digest()
