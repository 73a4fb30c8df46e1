"""One byte string for one JSON value, so that a hash of it names exactly what a person saw."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from typing import Any

from pydantic import BaseModel

# Deeper values are refused rather than risking the recursion limit in a worker.
MAX_DEPTH = 100


class NotCanonical(ValueError):
    """The value cannot be written as canonical JSON, so it cannot be shown, hashed or approved."""


def canonical_bytes(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and no white space. The value that runs is parsed from these same bytes.

    Raises NotCanonical for NaN, infinities, lone surrogates, keys that are not text, and types JSON has no word for.
    """
    plain = _plain(value, depth=0)
    try:
        text = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
        return text.encode("utf-8")
    except (ValueError, UnicodeEncodeError) as error:
        raise NotCanonical(f"The value cannot be written as JSON: {error}.") from error


def sha256(data: bytes) -> str:
    """64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    return sha256(canonical_bytes(value))


def _plain(value: Any, *, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise NotCanonical(f"The value is nested more than {MAX_DEPTH} levels deep.")
    if isinstance(value, Enum):
        return _plain(value.value, depth=depth + 1)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, BaseModel):
        return _plain(value.model_dump(mode="json"), depth=depth + 1)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain({f.name: getattr(value, f.name) for f in dataclasses.fields(value)}, depth=depth + 1)
    if isinstance(value, Mapping):
        return {_key(key): _plain(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth=depth + 1) for item in value]
    raise NotCanonical(f"A value of type {type(value).__name__} cannot be written as JSON.")


def _key(key: Any) -> str:
    if not isinstance(key, str):
        raise NotCanonical(f"The key {key!r} is not text.")
    return key
