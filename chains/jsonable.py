"""Any value of a checkpoint as plain JSON, for showing it: bounded, and running no code of the value.

Not for hashing, not for sending back to a graph. What does not fit is counted, never silently dropped.
"""

import json
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from types import MemberDescriptorType, NoneType
from typing import Any, TypeAlias
from uuid import UUID

from langchain_core.messages import BaseMessage
from pydantic import BaseModel

JSON: TypeAlias = "bool | int | float | str | list[JSON] | dict[str, JSON] | None"

LIMIT = 2_000_000
# Every item of a collection may take this much, so that one long text does not hide its neighbours.
FAIR_SHARE = 1_000
MAX_DEPTH = 40
MAX_INTEGER_BITS = 1_024
BYTES_SHOWN = 32
MARK = "…"


@dataclass(frozen=True)
class Shown:
    """`size` is the UTF-8 bytes of `value` as JSON; `complete` is False when something was shortened."""

    value: JSON
    size: int
    complete: bool


def jsonable(value: object, *, limit: int | None = None) -> JSON:
    """`limit` counts characters of JSON, about; None means LIMIT. Never raises."""
    return shown(value, limit=limit).value


def shown(value: object, *, limit: int | None = None, is_fair: bool = True) -> Shown:
    """Unless it `is_fair`, the first values take all the room they need: nothing is shortened that would fit whole."""
    budget = _Budget(LIMIT if limit is None else limit, is_fair=is_fair)
    plain = _read(value, budget)
    size = len(json.dumps(plain, ensure_ascii=False).encode())
    return Shown(value=plain, size=size, complete=budget.complete)


class _Budget:
    """How many characters are left, and which values are being read, from the outermost in."""

    def __init__(self, room: int, *, is_fair: bool = True) -> None:
        self.room = room
        self.is_fair = is_fair
        self.complete = True
        self.open: list[int] = []

    def shorten(self, text: str) -> str:
        self.complete = False
        self.room -= len(text)
        return text


def _read(value: object, budget: _Budget) -> JSON:
    if id(value) in budget.open:
        return budget.shorten(f"{MARK} the same value again, inside itself")
    if len(budget.open) >= MAX_DEPTH:
        return budget.shorten(f"{MARK} nested deeper than {MAX_DEPTH} levels")
    budget.open.append(id(value))
    try:
        return _reader(type(value))(value, budget)
    except Exception as error:  # values may be broken in any way, the page may not
        return budget.shorten(f"{MARK} {_name(type(value))} cannot be shown: {type(error).__name__}")
    finally:
        budget.open.pop()


def _read_share(value: object, budget: _Budget, *, waiting: int) -> JSON:
    """Read one of `waiting` values that have to share the room that is left."""
    if not budget.is_fair:
        return _read(value, budget)
    share = min(budget.room, max(budget.room // waiting, FAIR_SHARE))
    kept_back = budget.room - share
    budget.room = share
    plain = _read(value, budget)
    budget.room += kept_back
    return plain


def _constant(value: Any, budget: _Budget) -> JSON:
    budget.room -= 5
    return None if value is None else value is True


def _integer(value: int, budget: _Budget) -> JSON:
    bits = int.bit_length(value)
    if bits > MAX_INTEGER_BITS:  # Python refuses to write out very long numbers
        return budget.shorten(f"{MARK} a whole number of {bits:,} bits")
    budget.room -= 1 + bits // 3
    return int.__int__(value)


def _float(value: float, budget: _Budget) -> JSON:
    plain = float.__float__(value)
    budget.room -= 8
    return plain if math.isfinite(plain) else str(plain)


def _text(value: str, budget: _Budget) -> JSON:
    text = str.__str__(value)
    kept = text[: max(budget.room, 0)]
    rest = len(text) - len(kept)
    budget.room -= len(kept) + 2
    plain = kept.encode("utf-8", "backslashreplace").decode()  # lone surrogates as escapes
    return plain + budget.shorten(f"{MARK} {rest:,} more characters") if rest else plain


def _bytes(value: bytes | bytearray, budget: _Budget) -> JSON:
    size = len(memoryview(value))
    text = f"{size:,} bytes: {memoryview(value)[:BYTES_SHOWN].hex(' ')}"
    return budget.shorten(f"{text} {MARK}") if size > BYTES_SHOWN else _text(text, budget)


def _items(iterate: Callable[[Any], Iterator[object]]) -> "Reader":
    return lambda value, budget: _item_list(list(iterate(value)), budget)


def _set(iterate: Callable[[Any], Iterator[object]]) -> "Reader":
    return lambda value, budget: sorted(_item_list(list(iterate(value)), budget), key=json.dumps)


def _item_list(items: list[object], budget: _Budget) -> list[JSON]:
    plain: list[JSON] = []
    budget.room -= 2
    for index, item in enumerate(items):
        if budget.room <= 0:
            plain.append(budget.shorten(f"{MARK} {len(items) - index:,} more items"))
            break
        plain.append(_read_share(item, budget, waiting=len(items) - index))
    return plain


def _mapping(value: dict[Any, object], budget: _Budget) -> dict[str, JSON]:
    plain: dict[str, JSON] = {}
    budget.room -= 2
    for index, (key, item) in enumerate(dict.items(value)):
        waiting = dict.__len__(value) - index
        if budget.room <= 0:
            plain[_unused(MARK, plain)] = budget.shorten(f"{waiting:,} more keys")
            break
        name = _unused(_key(key), plain)
        budget.room -= len(name) + 4
        plain[name] = _read_share(item, budget, waiting=waiting)
    return plain


def _key(key: object) -> str:
    plain = _read(key, _Budget(FAIR_SHARE))
    return plain if isinstance(plain, str) else json.dumps(plain, ensure_ascii=False)


def _unused(name: str, taken: Iterable[str]) -> str:
    """Two keys that look the same, such as 1 and "1", must both be seen."""
    while name in taken:
        name += "'"
    return name


def _model(value: BaseModel, budget: _Budget) -> dict[str, JSON]:
    extra = MemberDescriptorType.__get__(BaseModel.__dict__["__pydantic_extra__"], value)
    return _mapping(_stored(value) | (extra or {}), budget)


def _message(value: BaseMessage, budget: _Budget) -> JSON:
    """Without the fields that hold nothing: most of a message's fields are empty most of the time."""
    fields = _model(value, budget).items()
    return {key: item for key, item in fields if key == "content" or item not in (None, "", [], {})}


def _dataclass(value: Any, budget: _Budget) -> JSON:
    fields = type(value).__dataclass_fields__
    return _mapping({key: item for key, item in _stored(value).items() if key in fields}, budget)


def _exception(value: BaseException, budget: _Budget) -> JSON:
    args = BaseException.__dict__["args"].__get__(value)
    return _mapping({"error": _name(type(value)), "args": args}, budget)


def _written(write: Callable[[Any], str]) -> "Reader":
    return lambda value, budget: _text(write(value), budget)


def _unknown(value: object, budget: _Budget) -> JSON:
    """The name only: an object nobody declared may hold a client and its password."""
    return budget.shorten(f"{MARK} {_name(type(value))} object")


def _stored(value: object) -> dict[str, object]:
    """What the object itself holds, in its slots and its dict: no property and no __getattr__ is asked."""
    held: dict[str, object] = {}
    for base in reversed(type(value).__mro__):
        for name, slot in vars(base).items():
            if isinstance(slot, MemberDescriptorType) and not name.startswith("__"):
                with suppress(AttributeError):  # a slot that was never filled
                    held[name] = slot.__get__(value)
    with suppress(AttributeError):  # nothing but slots
        held.update(object.__getattribute__(value, "__dict__"))
    return held


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}".removeprefix("builtins.")


Reader: TypeAlias = Callable[[Any, _Budget], JSON]

# Looked up along the type's own ancestors, so bool is found before int and datetime before date.
READERS: dict[type, Reader] = {
    NoneType: _constant,
    bool: _constant,
    int: _integer,
    float: _float,
    str: _text,
    bytes: _bytes,
    bytearray: _bytes,
    dict: _mapping,
    BaseMessage: _message,
    BaseModel: _model,
    Enum: lambda value, budget: _read(_stored(value)["_value_"], budget),
    BaseException: _exception,
    **{kind: _items(kind.__iter__) for kind in (list, tuple, deque)},
    **{kind: _set(kind.__iter__) for kind in (set, frozenset)},
    **{kind: _written(kind.isoformat) for kind in (datetime, date, time)},
    **{kind: _written(kind.__str__) for kind in (timedelta, Decimal, UUID, PurePath)},
}


def _reader(kind: type) -> Reader:
    for base in kind.__mro__:
        if base in READERS:
            return READERS[base]
        if "__dataclass_fields__" in vars(base):
            return _dataclass
    return _unknown
