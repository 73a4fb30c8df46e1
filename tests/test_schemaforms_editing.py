"""Editing: only what was touched changes, everything else stays as it was, and people see what changed."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from approvals.schemaforms import SchemaForm, schema_form
from approvals.schemaforms.values import same_json
from tests.posting import page


class Line(BaseModel):
    sku: str = Field(min_length=1, title="SKU")
    qty: int = Field(ge=1, le=99)


class Address(BaseModel):
    city: str
    zip: str = Field(pattern=r"^\d{5}$", json_schema_extra={"x-error": "Five digits."})


class Refund(BaseModel):
    order_id: str = Field(pattern=r"^ORD-\d{5}$", title="Order number", description="On the confirmation e-mail.")
    amount: Annotated[Decimal, Field(gt=0, le=5000, decimal_places=2, json_schema_extra={"x-unit": "€"})]
    reason: Literal["damaged", "late", "other"]
    when: date | None = None
    ship: Address
    lines: list[Line] = Field(min_length=1)
    notify: bool = True


PROPOSED: dict[str, Any] = {
    "order_id": "ORD-48213",
    "amount": 1240.0,
    "reason": "damaged",
    "ship": {"city": "Ulm", "zip": "89073", "geo": [1.0, 10**30]},
    "lines": [{"sku": "A", "qty": 1}],
    "trace": {"seed": 7.0},
}


def refund(**changed: str) -> SchemaForm:
    """The proposed refund as it would be posted, with some controls changed."""
    shown = page(schema_form(Refund.model_json_schema(), model=Refund, initial=PROPOSED))
    posted = {**shown.posted().dict(), **changed}
    return schema_form(Refund.model_json_schema(), model=Refund, initial=PROPOSED, data=posted)


def test_a_model_is_the_authority_and_the_value_is_what_was_typed_not_what_it_makes_of_it() -> None:
    form = refund(amount="980.00")

    assert form.is_valid(), form.errors
    assert same_json(form.value, {**PROPOSED, "amount": 980.0})
    form.value["ship"]["geo"].clear()
    assert PROPOSED["ship"]["geo"] == [1.0, 10**30]


def test_a_strict_model_still_takes_dates_out_of_text() -> None:
    class Strict(BaseModel):
        model_config = ConfigDict(strict=True)
        when: date

    form = schema_form(Strict.model_json_schema(), model=Strict, data={"when": "2026-03-31"})

    assert form.is_valid(), form.errors


def test_changes_tell_old_and_new_in_words() -> None:
    form = refund(amount="980.50", **{"ship.city": "Bonn", "lines.0.qty": "2"})

    assert form.is_valid(), form.errors
    assert [str(change) for change in form.changes] == [
        "Amount €1,240 → €980.50",
        "Ship, City Ulm → Bonn",
        "Line 1, Qty 1 → 2",
    ]
    assert next((change.path, change.old, change.new) for change in form.changes) == ("amount", 1240.0, 980.5)


def test_money_written_as_text_keeps_its_cents_in_the_summary() -> None:
    schema = {"type": "object", "properties": {"amount": {"anyOf": [{"type": "number"}, {"type": "string"}]}}}
    form = schema_form(schema, initial={"amount": "1240.00"}, data={"amount": "980.00"})

    assert form.is_valid()
    assert form.value == {"amount": "980.00"}
    assert str(form.changes[0]) == "Amount 1,240.00 → 980.00"


def test_only_editable_fields_change_whatever_is_posted() -> None:
    schema = Refund.model_json_schema()
    posted = {"order_id": "ORD-00000", "amount": "1", "reason": "late", "ship.city": "Bonn", "lines.0.qty": "9"}
    form = schema_form(schema, model=Refund, initial=PROPOSED, data=posted, editable=["amount"])

    assert form.is_valid(), form.errors
    assert same_json(form.value, {**PROPOSED, "amount": 1})
    assert [attrs["name"] for _, attrs in page(form).tags if "name" in attrs] == ["amount"]


def test_only_editable_keys_of_a_json_box_change() -> None:
    form = schema_form({}, initial={"a": 1, "b": 2}, data={"value": '{"a": 5, "c": 6}'}, editable=["a"])
    emptied = schema_form({}, initial={"a": 1, "b": 2}, data={"value": "[]"}, editable=["a"])

    assert form.is_valid()
    assert form.value == {"a": 5, "b": 2}
    assert emptied.errors["value"] == ['Enter an object in braces, for example {"key": "value"}.']


def test_a_read_only_field_is_shown_and_keeps_its_value() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "integer", "x-readonly": True}, "n": {"type": "integer"}}}
    form = schema_form(schema, initial={"id": 7, "n": 1}, data={"id": "8", "n": "2"})

    assert form.is_valid()
    assert form.value == {"id": 7, "n": 2}
    assert "7" in page(form).text


def test_a_new_form_writes_defaults_out_and_an_edited_one_leaves_absent_keys_absent() -> None:
    properties = {"n": {"type": "integer", "default": 5}, "on": {"type": "boolean", "default": True}}
    schema = {"type": "object", "properties": {**properties, "note": {"type": "string"}}}

    new = schema_form(schema, data={"n": "5", "on": "on", "note": ""})
    edited = schema_form(schema, initial={}, data={"n": "5", "on": "on", "note": ""})

    assert (new.is_valid(), new.value) == (True, {"n": 5, "on": True})
    assert (edited.is_valid(), edited.value) == (True, {})


def test_clearing_a_field_never_brings_a_default_back_unsaid() -> None:
    properties = {"n": {"type": "integer", "default": 5}, "note": {"type": "string", "default": "Hello"}}
    form = schema_form(
        {"type": "object", "properties": properties}, initial={"n": 1, "note": "x"}, data={"n": "", "note": ""}
    )

    assert form.errors["n"] == ["Fill this in. Left out, it would be 5."]
    assert form.cleaned_data["note"] == ""


def test_text_that_should_have_been_a_number_can_be_put_right() -> None:
    schema = {"type": "object", "properties": {"qty": {"type": "integer"}, "note": {"type": "string"}}}
    form = schema_form(schema, initial={"qty": "5", "note": None}, data={"qty": "5", "note": ""})

    assert form.is_valid(), form.errors
    assert same_json(form.value, {"qty": 5})
    assert [str(change) for change in form.changes] == ['Qty "5" → 5', "Note null → nothing"]


def test_text_that_a_model_takes_for_a_number_stays_text() -> None:
    proposed = {**PROPOSED, "lines": [{"sku": "A", "qty": "5"}]}
    schema = Refund.model_json_schema()
    posted = page(schema_form(schema, model=Refund, initial=proposed)).posted()
    form = schema_form(schema, model=Refund, initial=proposed, data=posted)

    assert form.is_valid(), form.errors
    assert same_json(form.value, proposed)


@pytest.mark.parametrize(
    ("one", "two"), [(1, 1.0), (1, True), ("1", 1), (0.0, -0.0), ({"a": 1}, {"a": 1.0}), ([1], [1, 1])]
)
def test_things_that_python_calls_equal_are_not_the_same_json(one: Any, two: Any) -> None:
    assert same_json(one, one)
    assert not same_json(one, two)
