"""What each kind of field makes of what is typed."""

from typing import Any

import pytest
from django.utils import timezone, translation

from approvals.schemaforms import SchemaForm, schema_form
from approvals.schemaforms.values import same_json
from tests.posting import page


def one(schema: dict[str, Any], **typed: str) -> SchemaForm:
    """A new form with one property, `x`."""
    whole = {"type": "object", "properties": {"x": schema}, "required": ["x"]}
    return schema_form(whole, data={name.replace("_dot_", "."): text for name, text in typed.items()})


@pytest.mark.parametrize(
    ("schema", "typed", "value"),
    [
        ({"type": "string"}, "  ORD-1 ", "ORD-1"),
        ({"type": "string", "x-widget": "textarea"}, " a\r\nb\r\n", " a\nb\n"),
        ({"type": "string", "format": "date"}, "2026-03-31", "2026-03-31"),
        ({"type": "string", "format": "time"}, "14:30", "14:30:00"),
        ({"type": "string", "format": "email"}, "a@b.example", "a@b.example"),
        ({"type": "integer"}, "12", 12),
        ({"type": "integer"}, "1" + "0" * 300, 10**300),
        ({"type": "integer"}, "-0012", -12),
        ({"type": "number"}, "12", 12),
        ({"type": "number"}, "12.0", 12.0),
        ({"type": "number"}, "1240.1", 1240.1),
        ({"type": "number", "multipleOf": 0.01}, "1240.1", 1240.1),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, "0.1", 0.1),
        ({"anyOf": [{"type": "number"}, {"type": "string"}]}, "0.12345678901234567890", "0.12345678901234567890"),
        ({"enum": ["a", "b"]}, "b", "b"),
        ({"enum": [1, 2.5, True, "1"]}, "1", 1),
        ({"enum": [1, 2.5, True, "1"]}, '"1"', "1"),
        ({"enum": [1, 2.5, True, "x"]}, "true", True),
        ({"oneOf": [{"const": 1, "title": "Low"}, {"const": 2, "title": "High"}]}, "2", 2),
        ({"type": "boolean"}, "on", True),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "false", False),
        ({"anyOf": [{"type": "boolean"}, {"type": "null"}]}, "", None),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "", None),
        ({"type": ["string", "null"]}, "", None),
        ({"allOf": [{"type": "integer"}, {"minimum": 1}]}, "5", 5),
        ({"type": "object"}, '{"a": 1.0, "b": [null]}', {"a": 1.0, "b": [None]}),
        ({"type": "array", "prefixItems": [{"type": "integer"}]}, "[1]", [1]),
        ({"type": ["integer", "string"]}, '"1"', "1"),
    ],
)
def test_what_is_typed_becomes_the_json_the_schema_asks_for(schema: dict[str, Any], typed: str, value: Any) -> None:
    form = one(schema, x=typed)

    assert form.is_valid(), form.errors
    assert same_json(form.value["x"], value), form.value


@pytest.mark.parametrize(
    ("schema", "typed", "sentence"),
    [
        ({"type": "integer"}, "", "Fill this in."),
        ({"type": "integer"}, "12.5", "Enter a whole number, for example 12."),
        ({"type": "integer"}, "1e3", "Enter a whole number, for example 12."),
        ({"type": "integer"}, "9" * 2000, "Enter a number of at most 1000 digits."),
        ({"type": "number"}, "twelve", "Enter a number, for example 1240.50."),
        ({"type": "number"}, "1.240,00", "Write the number without separators and with a point: 1240.00."),
        ({"type": "number"}, "1,240.00", "Write the number without separators and with a point: 1240.00."),
        ({"type": "number"}, "1,240", "Write the number without separators and with a decimal point."),
        ({"type": "number"}, "1.240.000", "Write the number without separators and with a decimal point."),
        ({"type": "number"}, "NaN", "Enter a number, for example 1240.50."),
        ({"type": "number"}, "1e999", "Enter a number with at most 15 digits; more cannot be kept exactly."),
        ({"type": "number"}, "0.12345678901234567890", "Enter a number with at most 15 digits"),
        ({"enum": ["a", "b"]}, "", "Choose one."),
        ({"enum": ["a", "b"]}, "c", "Choose one of the listed values."),
        ({"type": "string", "format": "date"}, "31.03.2026", "Enter a date, for example 2026-03-31."),
        ({"type": "string", "format": "date-time"}, "soon", "Enter a date and time, for example 2026-03-31 14:30."),
        ({"type": "object"}, '{"a": 1,\n"a": 2}', "Line 2: this key is there twice in the same object. Keep one."),
        ({"type": "object"}, '{"a":\n\nNaN}', "Line 3: NaN is not JSON. Use a number or null."),
        ({"type": "object"}, '{"a": [-Infinity]}', "Line 1: -Infinity is not JSON. Use a number or null."),
        ({"type": "object"}, '{"a": 1e999}', "Line 1: this number has more digits than can be kept exactly."),
        ({"type": "object"}, '{"a": 1,\n}', "Line 2: a key in double quotes belongs here."),
        ({"type": "object"}, "{'a': 1}", "Line 1: a key in double quotes belongs here."),
        ({"type": "object"}, '{"a": "b', "Line 1: the closing double quote is missing."),
        ({"type": "object"}, '{"a": {"NaN": "NaN"}} x', "Line 1: there is something after the end of the value."),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_do(schema: dict[str, Any], typed: str, sentence: str) -> None:
    form = one(schema, x=typed)

    assert not form.is_valid()
    assert str(form.errors["x"][0]).startswith(sentence), form.errors


def test_numbers_are_read_the_same_way_in_every_locale() -> None:
    with translation.override("de"):
        form = one({"type": "number"}, x="1240.50")
        assert form.is_valid()
        assert form.value == {"x": 1240.5}
        assert 'value="1240.5"' in page(schema_form({"type": "number"}, initial=1240.5)).html


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("2026-01-15T14:30", "2026-01-15T14:30:00+01:00"),
        ("2026-07-15 14:30", "2026-07-15T14:30:00+02:00"),
        ("2026-07-15T14:30:00Z", "2026-07-15T14:30:00Z"),
    ],
)
def test_a_time_without_an_offset_is_on_the_readers_clock(typed: str, value: str) -> None:
    with timezone.override("Europe/Berlin"):
        form = one({"type": "string", "format": "date-time"}, x=typed)

        assert form.is_valid(), form.errors
        assert form.value == {"x": value}
        assert "Time zone: Europe/Berlin." in page(form).text


def test_a_time_that_the_clocks_skip_is_refused() -> None:
    with timezone.override("Europe/Berlin"):
        form = one({"type": "string", "format": "date-time"}, x="2026-03-29T02:30")

        assert form.errors["x"] == ["The clocks skip this time on that day. Choose another."]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_time_at_the_end_of_the_calendar_is_shown_as_it_is(moment: str) -> None:
    form = schema_form({"type": "string", "format": "date-time"}, initial=moment)

    assert page(form).find("value")["value"] == moment


def test_a_time_that_nobody_touched_keeps_the_offset_it_had() -> None:
    schema = {"type": "string", "format": "date-time"}
    with timezone.override("Europe/Berlin"):
        form = schema_form(schema, initial="2026-07-15T14:30:00Z", data={"value": "2026-07-15T16:30"})

        assert page(form).find("value")["type"] == "datetime-local"
        assert (form.is_valid(), form.value) == (True, "2026-07-15T14:30:00Z")
