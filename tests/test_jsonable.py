"""Values of checkpoints as plain JSON: never an exception, never code of the value, never a silent loss."""

import enum
import json
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage
from pydantic import BaseModel, ConfigDict, SecretStr

from chains.jsonable import jsonable, shown


class Colour(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


@dataclass
class Point:
    x: int
    y: object = None


@dataclass(slots=True)
class Slotted:
    x: int


class Model(BaseModel):
    model_config = ConfigDict(extra="allow")

    amount: Decimal
    _hidden: str = "not a field"


class Client:
    def __init__(self) -> None:
        self.password = "hunter2"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        (3, 3),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        ("ä€", "ä€"),
        ("a\ud800b", "a\\ud800b"),
        (b"abc", "3 bytes: 61 62 63"),
        ((1, (2,)), [1, [2]]),
        ({3, 1, 2}, [1, 2, 3]),
        (frozenset({"b", "a"}), ["a", "b"]),
        (deque([1]), [1]),
        (OrderedDict(a=1), {"a": 1}),
        ({1: "a", None: "b", (1, 2): "c"}, {"1": "a", "null": "b", "[1, 2]": "c"}),
        (datetime(2026, 1, 2, 3, 4, tzinfo=UTC), "2026-01-02T03:04:00+00:00"),
        (date(2026, 1, 2), "2026-01-02"),
        (timedelta(seconds=90), "0:01:30"),
        (Decimal("12.50"), "12.50"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (PurePosixPath("/a/b"), "/a/b"),
        (Colour.RED, "red"),
        (Level.HIGH, 3),
        (Point(1, Point(2)), {"x": 1, "y": {"x": 2, "y": None}}),
        (Slotted(1), {"x": 1}),
        (Model(amount=Decimal("1.0"), note="extra"), {"amount": "1.0", "note": "extra"}),
        (ValueError("no", 3), {"error": "ValueError", "args": ["no", 3]}),
        (HumanMessage("hi", id="m1"), {"content": "hi", "type": "human", "id": "m1"}),
    ],
)
def test_a_value_is_shown_as(value: object, plain: object) -> None:
    assert jsonable(value) == plain
    assert shown(value).complete


def test_a_message_keeps_its_tool_calls() -> None:
    message = AIMessage("", tool_calls=[{"name": "refund", "args": {"amount": 40}, "id": "c1"}])

    assert jsonable(message) == {
        "content": "",
        "type": "ai",
        "tool_calls": [{"name": "refund", "args": {"amount": 40}, "id": "c1", "type": "tool_call"}],
    }


@pytest.mark.parametrize("value", [Client(), SecretStr("hunter2"), [Client()], {"key": SecretStr("hunter2")}])
def test_an_object_nobody_declared_shows_its_name_only(value: object) -> None:
    seen = shown(value)

    assert "hunter2" not in json.dumps(seen.value)
    assert "Client object" in json.dumps(seen.value) or "SecretStr object" in json.dumps(seen.value)
    assert not seen.complete


def refuse(*args: Any, **options: Any) -> Any:
    raise SystemExit("code of the value was run")


class Hostile:
    __getattribute__ = __repr__ = __str__ = __eq__ = __len__ = __iter__ = __bool__ = refuse
    __hash__ = object.__hash__
    __class__ = property(refuse)


class HostileText(str):
    __str__ = __repr__ = __len__ = __getitem__ = __iter__ = encode = refuse


class HostileList(list[int]):
    __iter__ = __len__ = __getitem__ = __repr__ = refuse


class HostileDict(dict[str, int]):
    __iter__ = __len__ = __getitem__ = items = keys = __repr__ = refuse


class HostileNumber(int):
    __int__ = __index__ = __str__ = __repr__ = bit_length = refuse


@dataclass
class HostileRecord:
    x: int

    def __getattribute__(self, name: str) -> Any:
        refuse()

    @property
    def y(self) -> Any:
        refuse()


@pytest.mark.parametrize(
    ("make", "plain"),
    [
        (Hostile, "… tests.test_jsonable.Hostile object"),
        (lambda: HostileText("text"), "text"),
        (lambda: HostileList([1, 2]), [1, 2]),
        (lambda: HostileDict(a=1), {"a": 1}),
        (lambda: HostileNumber(7), 7),
        (lambda: HostileRecord(1), {"x": 1}),
    ],
)
def test_no_code_of_a_value_is_run(make: Callable[[], object], plain: object) -> None:
    result = jsonable({"value": make()})

    assert isinstance(result, dict)
    assert result["value"] == plain


def test_two_keys_that_look_the_same_are_both_seen() -> None:
    assert jsonable({1: "number", "1": "text"}) == {"1": "number", "1'": "text"}


def test_a_value_inside_itself_ends() -> None:
    endless: list[Any] = [1]
    endless.append(endless)

    assert jsonable(endless) == [1, "… the same value again, inside itself"]
    assert jsonable([same := [1], same]) == [[1], [1]]


def test_a_deep_value_ends() -> None:
    deep: Any = "bottom"
    for _ in range(5000):
        deep = [deep]

    assert "nested deeper than 40 levels" in json.dumps(jsonable(deep))


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("x" * 1000, "… 900 more characters"),
        (["word"] * 1000, " more items"),
        ({str(number): number for number in range(1000)}, " more keys"),
        (10**1000, "a whole number of 3,322 bits"),
        (b"x" * 1000, "1,000 bytes: 78"),
    ],
)
def test_what_does_not_fit_is_counted(value: object, told: str) -> None:
    seen = shown(value, limit=100)

    assert told in json.dumps(seen.value, ensure_ascii=False)
    assert seen.size < 300
    assert not seen.complete


def test_counts_and_what_is_shown_add_up() -> None:
    items = jsonable(list(range(1000)), limit=100)

    assert isinstance(items, list)
    assert items[-1] == f"… {1000 - (len(items) - 1)} more items"


def test_a_long_text_does_not_hide_what_stands_after_it() -> None:
    plain = jsonable({"document": "x" * 100_000, "amount": 1240}, limit=5_000)

    assert isinstance(plain, dict)
    assert plain["amount"] == 1240


def test_a_value_of_any_size_takes_no_more_than_its_limit() -> None:
    wide = {str(number): ["x" * 50] * 50 for number in range(2000)}

    assert shown(wide, limit=20_000).size < 30_000
    assert shown(wide).complete is False


def test_a_value_that_breaks_while_it_is_read_is_named() -> None:
    class Broken(datetime):
        pass

    broken = Broken(2026, 1, 1, tzinfo=BrokenZone())

    assert jsonable([broken, 1]) == [
        f"… {Broken.__module__}.{Broken.__qualname__} cannot be shown: ZeroDivisionError",
        1,
    ]


class BrokenZone(type(UTC).__mro__[1]):  # type: ignore[misc]
    def utcoffset(self, moment: object) -> timedelta:
        return timedelta(1 // 0)


plain_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(plain_json)
def test_plain_json_stays_as_it_is(value: Any) -> None:
    utf8 = json.loads(json.dumps(value).encode("utf-8", "backslashreplace"))

    assert jsonable(value) == jsonable(utf8)
    if shown(value).complete and "\\ud" not in json.dumps(value):
        assert jsonable(value) == value
