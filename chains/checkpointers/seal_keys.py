"""The keys that seal checkpoints: read once, shown to nobody."""

import base64
import re
from collections.abc import Mapping

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

NAME = "HOLDPOINT_CHECKPOINT_KEYS"
# Shorter than a key in base64, so that no message can show a key that stands where its id should.
ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
BYTES = 32
# 32 random bytes have fewer different ones about once in 10**16 keys.
DIFFERENT = 16
HOW = "docs/sealing.md shows how to make a key."


class BadKeys(ValueError):
    """The keys cannot be used; the sentence says what to set and shows none."""


class Keys:
    """Ciphers by key id, the first of which seals. Holds no key as bytes, so none is in a repr or a traceback."""

    __slots__ = ("_ciphers",)

    def __init__(self, ciphers: Mapping[str, AESGCMSIV]) -> None:
        self._ciphers = dict(ciphers)

    @classmethod
    def parse(cls, text: str) -> "Keys":
        """`id:base64,id2:base64`, the first seals. Raises BadKeys."""
        ciphers, problem = _read(text)
        del text  # or a traceback that shows local variables would show it
        if problem:
            raise BadKeys(problem)
        return cls(ciphers)

    @property
    def first(self) -> str:
        return next(iter(self._ciphers))

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(self._ciphers)

    def cipher(self, key_id: str) -> AESGCMSIV:
        return self._ciphers[key_id]

    def __contains__(self, key_id: object) -> bool:
        return key_id in self._ciphers

    def __repr__(self) -> str:
        return f"Keys({', '.join(self._ciphers)})"

    def __reduce__(self) -> str:
        raise TypeError("Keys are not pickled.")


def _read(text: str) -> tuple[dict[str, AESGCMSIV], str]:
    """The ciphers, and what is wrong, if anything: nothing is raised where a key is at hand."""
    ciphers: dict[str, AESGCMSIV] = {}
    seen: set[bytes] = set()
    for number, item in enumerate(filter(None, re.split(r"[,\s]+", text)), start=1):
        key_id, _, written = item.partition(":")
        key = _decoded(written)
        problem = _problem(number, key_id, key)
        if not problem and key_id in ciphers:
            problem = f"{NAME} has the id {key_id!r} twice. Give each key an id of its own."
        if not problem and key in seen:
            problem = f"The key {key_id!r} in {NAME} is another one of it again. Make a new one: {HOW}"
        if problem or key is None:
            return {}, problem
        seen.add(key)
        try:
            ciphers[key_id] = AESGCMSIV(key)
        except UnsupportedAlgorithm:
            return {}, "This OpenSSL has no AES-GCM-SIV. Install the cryptography package that requirements.lock names."
    return ciphers, "" if ciphers else f"{NAME} is empty. Set it to id:key, or unset it. {HOW}"


def _decoded(written: str) -> bytes | None:
    try:
        return base64.b64decode(written, validate=True)
    except ValueError:
        return None


def _problem(number: int, key_id: str, key: bytes | None) -> str:
    if not ID.fullmatch(key_id):
        return (
            f"Item {number} of {NAME} does not begin with an id and a colon. Write it as id:key, the id in 1 to 32 "
            f"letters, digits, - and _. {HOW}"
        )
    if key is None:
        return f"The key {key_id!r} in {NAME} is not base64. {HOW}"
    if len(key) != BYTES:
        return f"The key {key_id!r} in {NAME} has {len(key)} bytes and needs {BYTES}. {HOW}"
    if len(set(key)) < DIFFERENT:
        return f"The key {key_id!r} in {NAME} is not random. {HOW}"
    return ""
