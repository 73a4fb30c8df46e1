"""Every sentence about a wrong value is ours and says what to do; no library's wording reaches a page."""

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator
from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ByteSize,
    Field,
    FutureDate,
    HttpUrl,
    Json,
    NaiveDatetime,
    PastDate,
    StringConstraints,
    create_model,
    field_validator,
    model_validator,
)
from pydantic.types import Base64Str, PaymentCardNumber
from pydantic_core import PydanticCustomError, PydanticKnownError
from pydantic_core.core_schema import ErrorType

from approvals.schemaforms import schema_form
from approvals.schemaforms.wording import SENTENCES, things_to_fix

RAW = re.compile(
    r"Input|should|Unable|unable|None|dictionary|string\b|integer|instance|[Ff]ield required|item|property|validat"
    r"|is not (of|one|valid|a)\b|does not match|has too|[{}]|'|Extra|error|tuple|URL"
)
CONTEXT: Mapping[str, Any] = {
    **dict.fromkeys(("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "actual_length"), 3),
    **dict.fromkeys(
        ("max_digits", "decimal_places", "whole_digits", "expected_version", "tz_expected", "tz_actual"), 3
    ),
    **dict.fromkeys(("attribute", "error", "method_name", "class_name", "class", "field_type", "pattern"), "a"),
    **dict.fromkeys(("expected", "encoding", "encoding_error", "discriminator", "tag"), "a"),
    **dict.fromkeys(("expected_tags", "expected_schemes"), "a"),
}


class Colour(Enum):
    RED = "red"


class Kind(BaseModel):
    kind: Literal["a"]
    n: int


def messages(form: Any) -> list[str]:
    return [str(message) for problems in form.errors.values() for message in problems]


def judged(annotation: Any, text: str) -> list[str]:
    """What the form says about JSON typed into a box, so that any value can be wrong in any way."""
    model = create_model("Model", x=(annotation, ...))
    form = schema_form({"type": "object", "properties": {"x": {}}, "required": ["x"]}, model=model, data={"x": text})
    return messages(form)


@pytest.mark.parametrize("code", get_args(ErrorType))
def test_every_error_type_of_pydantic_has_a_sentence_of_ours(code: Any) -> None:
    def refuse(value: Any) -> Any:
        raise PydanticKnownError(
            code, dict(CONTEXT) if code not in ("value_error", "assertion_error") else {"error": ValueError()}
        )

    said = judged(Annotated[Any, BeforeValidator(refuse)], "1")

    assert code in SENTENCES
    assert len(said) == 1
    assert said[0].endswith(".")
    assert not RAW.search(said[0])


@pytest.mark.parametrize(
    ("annotation", "text", "sentence"),
    [
        (Annotated[int, Field(ge=1)], "0", "Must be at least 1."),
        (Annotated[int, Field(gt=5000)], "1", "Must be more than 5,000."),
        (Annotated[float, Field(le=2.5)], "3", "Must be 2.5 or less."),
        (Annotated[Decimal, Field(lt=Decimal("0.10"))], "1", "Must be less than 0.10."),
        (Annotated[int, Field(multiple_of=5)], "3", "Must be a multiple of 5."),
        (Annotated[Decimal, Field(decimal_places=1)], "1.25", "Use at most 1 digit after the decimal point."),
        (Annotated[Decimal, Field(max_digits=2)], "1.25", "Use at most 2 digits in all."),
        (int, '"x"', "Enter a whole number, for example 12."),
        (int, "1.5", "Enter a whole number, for example 12."),
        (float, "[]", "Enter a number, for example 1240.50."),
        (str, "1", "Enter text."),
        (bool, '"maybe"', "Answer yes or no."),
        (date, '"tomorrow"', "Enter a date, for example 2026-03-31."),
        (time, '"noon"', "Enter a time, for example 14:30."),
        (datetime, '"noon"', "Enter a date and time, for example 2026-03-31 14:30."),
        (timedelta, '"x"', "Enter a length of time, for example PT1H30M for one and a half hours."),
        (PastDate, '"2999-01-01"', "Choose a date in the past."),
        (FutureDate, '"1999-01-01"', "Choose a date in the future."),
        (AwareDatetime, '"2026-01-01T10:00"', "Add the time zone, for example 2026-03-31T14:30:00+02:00."),
        (NaiveDatetime, '"2026-01-01T10:00Z"', "Leave out the time zone."),
        (UUID, '"x"', "Enter an identifier such as 123e4567-e89b-12d3-a456-426614174000."),
        (HttpUrl, '"x"', "Enter a web address, for example https://example.com."),
        (HttpUrl, '"ftp://x"', "Use a web address of the expected kind, for example one that begins with https://."),
        (Literal["a", "b"], '"c"', "Choose one of the listed values."),
        (Colour, '"blue"', "Choose one of the listed values."),
        (Annotated[str, StringConstraints(min_length=2)], '"a"', "Use at least 2 characters."),
        (Annotated[str, StringConstraints(max_length=1)], '"ab"', "Use at most 1 character."),
        (Annotated[str, StringConstraints(pattern="^a$")], '"b"', "Use the expected form."),
        (Annotated[list[int], Field(min_length=2)], "[1]", "Give at least 2 entries."),
        (Annotated[list[int], Field(max_length=1)], "[1, 2]", "Give at most 1 entry."),
        (list[int], '[1, "x"]', "In entry 2: enter a whole number, for example 12."),
        (dict[str, int], '{"a": "x"}', "In a: enter a whole number, for example 12."),
        (Kind, '{"kind": "a"}', "In n: fill this in."),
        (int | list[int], '"x"', "Enter a whole number, for example 12."),
        (Json[int], '"{"', "Write this as JSON."),
        (IPv4Address, '"x"', "Enter an IP address, for example 192.0.2.1."),
        (IPv6Network, '"x"', "Enter an IP network, for example 192.0.2.0/24."),
        (ByteSize, '"x"', "Enter a size, for example 10 MB."),
        (Base64Str, '"x"', "Enter text in base64."),
        (PaymentCardNumber, '"4111111111111112"', "Check the card number: one of its digits is wrong."),
        (re.Pattern[str], '"("', "Enter a regular expression, for example [0-9]+."),
        (AnyUrl, "1", "Enter a web address, for example https://example.com."),
        (Path, "1", "Enter a path or address in its usual form."),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_what_a_model_refuses_is_said_in_our_words(annotation: Any, text: str, sentence: str) -> None:
    assert judged(annotation, text) == [sentence]


WRONG: Mapping[str, tuple[Any, Any]] = {
    "type": ("string", 1), "const": (1, 2), "enum": ([1], 2), "minimum": (1, 0), "maximum": (1, 2),
    "exclusiveMinimum": (1, 1), "exclusiveMaximum": (1, 1), "multipleOf": (2, 1), "minLength": (2, "a"),
    "maxLength": (1, "ab"), "pattern": ("^a$", "b"), "format": ("date", "x"), "minItems": (1, []), "maxItems": (0, [1]),
    "uniqueItems": (True, [1, 1]), "contains": ({"type": "string"}, [1]), "items": (False, [1]),
    "prefixItems": ([{"type": "string"}], [1]), "required": (["a"], {}), "minProperties": (1, {}),
    "maxProperties": (0, {"a": 1}), "properties": ({"a": {"type": "string"}}, {"a": 1}),
    "additionalProperties": (False, {"a": 1}), "patternProperties": ({"a": {"type": "string"}}, {"a": 1}),
    "propertyNames": ({"maxLength": 1}, {"ab": 1}), "dependentRequired": ({"a": ["b"]}, {"a": 1}),
    "dependentSchemas": ({"a": {"required": ["b"]}}, {"a": 1}), "allOf": ([{"type": "string"}], 1),
    "anyOf": ([{"type": "string"}, {"type": "null"}], 1), "oneOf": ([{"type": "integer"}, {"minimum": 0}], 1),
    "not": ({"type": "integer"}, 1), "if": (True, 1), "unevaluatedItems": (False, [1]),
    "unevaluatedProperties": (False, {"a": 1}), "$ref": ("#/$defs/text", 1),
}  # fmt: skip


def test_the_table_of_wrong_values_has_every_keyword_of_json_schema() -> None:
    assert WRONG.keys() == Draft202012Validator.VALIDATORS.keys() - {"$dynamicRef"}


@pytest.mark.parametrize("keyword", WRONG)
def test_what_a_schema_refuses_is_said_in_our_words(keyword: str) -> None:
    wanted, value = WRONG[keyword]
    inner = {keyword: wanted, **({"then": {"type": "string"}} if keyword == "if" else {})}
    judge = {"if": True, "then": {"properties": {"x": inner}}, "$defs": {"text": {"type": "string"}}}
    schema = {"type": "object", "properties": {"x": {}}, **judge}
    form = schema_form(schema, data={"x": json.dumps(value)})

    said = messages(form)
    assert len(said) == 1, said
    assert said[0].endswith(".")
    assert not RAW.search(said[0]), said


def test_the_authors_own_words_are_used_for_what_the_author_refuses() -> None:
    class Model(BaseModel):
        n: int = Field(json_schema_extra={"x-error": "Ask Finance for more than 10"}, le=10)
        a: str
        b: str
        c: str = ""

        @field_validator("a")
        @classmethod
        def check_a(cls, value: str) -> str:
            raise ValueError("Use the other form")

        @field_validator("b")
        @classmethod
        def check_b(cls, value: str) -> str:
            raise PydanticCustomError("mine", "Never {word} this", {"word": "say"})

    form = schema_form(Model.model_json_schema(), model=Model, data={"n": "11", "a": "x", "b": "y"})

    assert form.errors["n"] == ["Ask Finance for more than 10."]
    assert form.errors["a"] == ["Use the other form."]
    assert form.errors["b"] == ["Never say this."]


def test_a_rule_about_several_fields_stands_in_the_summary_and_only_when_the_fields_are_right() -> None:
    class Model(BaseModel):
        a: int
        b: int

        @model_validator(mode="after")
        def check(self) -> "Model":
            if self.a > self.b:
                raise ValueError("The first must not be larger than the second")
            return self

    schema = Model.model_json_schema()
    both = schema_form(schema, model=Model, data={"a": "2", "b": "1"})
    one = schema_form(schema, model=Model, data={"a": "2", "b": "x"})

    assert dict(both.errors) == {"__all__": ["The first must not be larger than the second."]}
    assert [problem.text for problem in both.problems] == ["The first must not be larger than the second."]
    assert list(one.errors) == ["b"]


def test_a_parent_says_nothing_when_a_child_has_spoken() -> None:
    inner = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "minProperties": 2}
    schema = {"type": "object", "properties": {"x": inner}, "required": ["x"]}

    assert list(schema_form(schema, data={"x.n": "no"}).errors) == ["x.n"]
    assert dict(schema_form(schema, data={"x.n": "1"}).errors) == {"x": ["Give at least 2 names."]}


def test_something_is_said_even_where_nothing_of_the_form_is_meant() -> None:
    schema = {"type": "object", "properties": {}, "additionalProperties": {"type": "integer"}}
    form = schema_form(schema, initial={"x": "y"}, data={})

    assert [problem.text for problem in form.problems] == ["In x: enter a whole number, for example 12."]


@pytest.mark.parametrize(
    ("count", "heading"),
    [
        (1, "One thing needs fixing"),
        (2, "Two things need fixing"),
        (10, "Ten things need fixing"),
        (11, "11 things need fixing"),
    ],
)
def test_the_summary_counts_in_words(count: int, heading: str) -> None:
    assert things_to_fix(count) == heading
