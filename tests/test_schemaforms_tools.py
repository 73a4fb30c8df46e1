"""The schemas that real tools, models and older dialects give: which control each place gets, and what comes back."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, Literal, NamedTuple, NotRequired
from urllib.parse import urlencode
from uuid import UUID

import pytest
from django.http import QueryDict
from langchain.agents.middleware.human_in_the_loop import _decision_schema
from langchain_core.tools import tool
from pydantic import AnyUrl, BaseModel, Json, SecretStr, TypeAdapter, conint, constr
from typing_extensions import TypedDict

from approvals.schemaforms import SchemaForm, SchemaNotSupported, schema_form
from approvals.schemaforms.values import same_json
from tests.posting import page

AN_ID = "123e4567-e89b-12d3-a456-426614174000"


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    city: str
    zip: str | None = None


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Loose(TypedDict):
    a: str
    b: NotRequired[int]


class Pair(NamedTuple):
    a: int
    b: str


@dataclass
class Data:
    a: str
    b: int = 5
    c: list[str] = field(default_factory=list)


def drawn(form: SchemaForm) -> dict[str, str]:
    """What stands at each place: its field, with its widget where it is text, or its node."""
    found = {}
    for node in form.tree.walk():
        control = form.fields.get(node.name)
        name = type(control).__name__ if control else type(node).__name__
        found[node.name] = f"{name}/{type(control.widget).__name__}" if name == "TextField" and control else name
    return found


TYPES: list[tuple[Any, str, dict[str, str], Any]] = [
    (str, "TextField/TextInput", {"x": "a"}, "a"),
    (Decimal, "NumberField", {"x": "12.50"}, 12.5),
    (Decimal, "NumberField", {"x": "0.12345678901234567890"}, "0.12345678901234567890"),
    (Decimal | None, "NumberField", {"x": ""}, None),
    (int | None, "NumberField", {"x": "3"}, 3),
    (float, "NumberField", {"x": "3"}, 3),
    (bool, "CheckField", {"x": "on"}, True),
    (bool | None, "OptionField", {"x": "false"}, False),
    (Literal["a", "b"], "OptionField", {"x": "b"}, "b"),
    (Literal[1, "a", True], "OptionField", {"x": "true"}, True),
    (Literal["a"], "Constant", {}, "a"),
    (Colour, "OptionField", {"x": "blue"}, "blue"),
    (Level, "OptionField", {"x": "2"}, 2),
    (Colour | None, "OptionField", {"x": ""}, None),
    (datetime, "MomentField", {"x": "2026-03-31T14:30"}, "2026-03-31T14:30:00+00:00"),
    (datetime | None, "MomentField", {"x": ""}, None),
    (date, "TextField/NativeInput", {"x": "2026-03-31"}, "2026-03-31"),
    (time, "TextField/NativeInput", {"x": "14:30"}, "14:30:00"),
    (timedelta, "TextField/TextInput", {"x": "PT1H"}, "PT1H"),
    (UUID, "TextField/TextInput", {"x": AN_ID}, AN_ID),
    (AnyUrl, "TextField/TextInput", {"x": "https://example.com"}, "https://example.com"),
    (constr(pattern=r"^A\d+$"), "TextField/TextInput", {"x": "A1"}, "A1"),
    (conint(ge=1, le=5), "NumberField", {"x": "5"}, 5),
    (SecretStr, "TextField/PasswordInput", {"x": "s"}, "s"),
    (Json, "TextField/TextInput", {"x": '{"a": 1}'}, '{"a": 1}'),
    (dict[str, int], "JSONField", {"x": '{"a": 1}'}, {"a": 1}),
    (dict[str, Any], "JSONField", {"x": '{"a": null}'}, {"a": None}),
    (dict[str, int] | None, "JSONField", {"x": ""}, None),
    (Any, "JSONField", {"x": '"5"'}, "5"),
    (tuple[int, str], "JSONField", {"x": '[1, "a"]'}, [1, "a"]),
    (Pair, "JSONField", {"x": '[1, "a"]'}, [1, "a"]),
    (int | str, "JSONField", {"x": '"1"'}, "1"),
    (Address | str, "JSONField", {"x": '"Turin"'}, "Turin"),
    (list[int], "Rows", {"x.0": "4", "x.1": "5"}, [4, 5]),
    (set[str], "Rows", {"x.0": "a"}, ["a"]),
    (list[Colour], "ManyField", {"x": "blue"}, ["blue"]),
    (list[Address], "Rows", {"x.0.city": "Turin", "x.0.zip": ""}, [{"city": "Turin", "zip": None}]),
    (list[Address] | None, "Rows", {}, None),
    (Address, "Group", {"x.city": "Turin"}, {"city": "Turin", "zip": None}),
    (Address | None, "Choice", {"x._branch": "fill", "x._shown": "fill", "x.city": "Turin"},
     {"city": "Turin", "zip": None}),
    (Address | None, "Choice", {}, None),
    (Tree, "Group", {"x.name": "root", "x.children": '[{"name": "leaf"}]'},
     {"name": "root", "children": [{"name": "leaf"}]}),
    (Loose, "Group", {"x.a": "a", "x.b": ""}, {"a": "a"}),
    (Data, "Group", {"x.a": "a", "x.b": "6"}, {"a": "a", "b": 6}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "control", "typed", "value"), TYPES, ids=lambda part: str(part)[:40])
def test_every_type_of_pydantic_gets_its_control_and_keeps_its_json_type(
    kind: Any, control: str, typed: dict[str, str], value: Any
) -> None:
    adapter = TypeAdapter(TypedDict("Whole", {"x": kind}))  # type: ignore[operator]
    schema = adapter.json_schema()
    form = schema_form(schema, data=QueryDict(urlencode(typed)))

    assert drawn(schema_form(schema))["x"] == control
    assert form.is_valid(), form.errors
    assert same_json(form.value["x"], value), form.value
    adapter.validate_json(json.dumps(form.value))


RAW: list[tuple[dict[str, Any], str, dict[str, str], Any]] = [
    # Drafts 4 to 7.
    ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, "NumberField", {"x": "1"}, 1),
    ({"type": "array", "items": [{"type": "string"}, {"type": "integer"}]}, "JSONField", {"x": '["a", 1]'}, ["a", 1]),
    # OpenAPI 3.0.
    ({"type": "string", "nullable": True}, "TextField/TextInput", {"x": ""}, None),
    ({"type": "string", "enum": ["a"], "nullable": True}, "OptionField", {"x": ""}, None),
    # Several types at once.
    ({"type": ["integer", "number"]}, "NumberField", {"x": "1.5"}, 1.5),
    ({"type": ["string", "integer", "null"]}, "JSONField", {"x": "5"}, 5),
    ({"type": ["array", "null"], "items": {"type": "string"}}, "Rows", {"x.0": "a"}, ["a"]),
    ({"enum": ["a", None]}, "OptionField", {"x": ""}, None),
    ({"oneOf": [{"const": "a", "title": "Aye"}, {"const": "b"}]}, "OptionField", {"x": "a"}, "a"),
    # Maps.
    ({"type": "object", "patternProperties": {"^a": {"type": "integer"}}}, "JSONField", {"x": '{"a": 1}'}, {"a": 1}),
    ({"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "integer"}},
     "Group", {"x.a": "b"}, {"a": "b"}),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "control", "typed", "value"), RAW, ids=lambda part: str(part)[:60])
def test_plain_schemas_of_any_dialect_get_a_control(
    schema: dict[str, Any], control: str, typed: dict[str, str], value: Any
) -> None:
    whole = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    form = schema_form(whole, data=typed)

    assert drawn(schema_form(whole))["x"] == control
    assert form.is_valid(), form.errors
    assert same_json(form.value["x"], value), form.value


@pytest.mark.parametrize(
    ("schema", "typed", "sentence"),
    [
        ({"properties": {"x": {"type": "number", "minimum": 0, "exclusiveMinimum": True}}}, "0", "more than 0"),
        ({"properties": {"x": {"type": "number", "maximum": 9, "exclusiveMaximum": True}}}, "9", "less than 9"),
        ({"properties": {"x": {"type": "number", "maximum": 9, "exclusiveMaximum": False}}}, "10", "9 or less"),
        ({"properties": {"x": {"items": [{"type": "integer"}], "additionalItems": False}}}, "[1, 2]", "expected"),
        ({"properties": {"x": {"type": "string"}}, "dependencies": {"x": ["y"]}}, "a", "fill this in"),
    ],
)
def test_what_older_dialects_forbid_is_still_forbidden(schema: dict[str, Any], typed: str, sentence: str) -> None:
    form = schema_form({"type": "object", **schema}, data={"x": typed})

    assert not form.is_valid()
    assert sentence in str(form.errors)


@pytest.mark.parametrize("schema", [True, [], "x", None, {"a": {1, 2}}])
def test_what_is_no_schema_is_refused_in_words(schema: Any) -> None:
    with pytest.raises(SchemaNotSupported, match="Not a JSON Schema"):
        schema_form(schema)


def test_definitions_of_draft_7_are_followed() -> None:
    line = {"type": "object", "properties": {"sku": {"type": "string"}}, "required": ["sku"]}
    schema = {
        "definitions": {"Line": line},
        "properties": {"lines": {"items": {"$ref": "#/definitions/Line"}, "type": "array"}},
    }
    form = schema_form({"type": "object", **schema}, data={"lines.0.sku": "A"})

    assert form.is_valid(), form.errors
    assert form.value == {"lines": [{"sku": "A"}]}


@tool
def refund(order: str, amount: float, reason: str | None = None) -> str:
    """Refund an order."""
    return ""


@pytest.fixture
def decision() -> dict[str, Any]:
    """What the middleware of langchain asks for each tool call: oneOf, a discriminator, $defs and constants."""
    wanted = _decision_schema(["approve", "edit", "reject", "respond"], "refund", refund)
    return TypeAdapter(wanted).json_schema()


def test_the_decision_of_a_tool_call_is_a_choice_of_four_kinds(decision: dict[str, Any]) -> None:
    shown = page(schema_form(decision))

    assert [attrs["value"] for _, attrs in shown.tags if attrs.get("type") == "radio"] == [
        *("approve", "edit", "reject", "respond"),
    ]


def test_an_edited_tool_call_comes_back_with_its_numbers_and_constants(decision: dict[str, Any]) -> None:
    typed = {
        "_branch": "edit",
        "_shown": "edit",
        "edited_action.args.order": "ORD-1",
        "edited_action.args.amount": "12",
    }
    form = schema_form(decision, data=typed)

    assert form.is_valid(), form.errors
    args = {"order": "ORD-1", "amount": 12, "reason": None}
    assert same_json(form.value, {"type": "edit", "edited_action": {"name": "refund", "args": args}})


def test_a_first_example_is_the_help_where_there_is_none() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "examples": ["ORD-1"]}}}

    assert "For example ORD-1." in page(schema_form(schema)).text
