"""Whether two values are the same in everything a graph can tell apart: 1 is not 1.0, a tuple not a list."""

from collections import deque
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from pydantic import BaseModel


def same(one: Any, other: Any) -> bool:
    """Meant for what chains.jsonable shows whole. Raises whatever a foreign __eq__ raises."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return _typed(one) == _typed(other) and all(same(part, other[key]) for key, part in dict.items(one))
    if isinstance(one, list | tuple | deque):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, set | frozenset):
        return _typed(one) == _typed(other)
    if isinstance(one, BaseModel) or is_dataclass(one):
        return same(_inside(one), _inside(other))
    if isinstance(one, float | Decimal):  # NaN is itself, 0.0 is not -0.0, 1.0 is not 1.00
        return repr(one) == repr(other)
    if isinstance(one, datetime | time):  # at the same hour of the same zone, not only at the same moment
        return bool(one.isoformat() == other.isoformat())
    return bool(one == other)


def _typed(names: Iterable[Any]) -> set[tuple[type, Any]]:
    return {(type(name), name) for name in names}


def _inside(value: Any) -> list[Any]:
    """What it holds, private parts and such as are in no schema included."""
    if isinstance(value, BaseModel):
        return [vars(value), value.__pydantic_extra__, value.__pydantic_private__]
    return [[getattr(value, one.name) for one in fields(value)], getattr(value, "__dict__", None)]
