"""Buttons that add and remove rows or choose a kind of object only redraw: nothing typed is lost, nothing is sent."""

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

from approvals.schemaforms import SchemaForm, schema_form
from approvals.schemaforms.values import same_json
from tests.posting import Page, page

LINE: dict[str, Any] = {
    "type": "object",
    "title": "Line",
    "properties": {"sku": {"type": "string"}, "qty": {"type": "integer"}, "gift": {"type": "boolean", "default": True}},
    "required": ["sku", "qty"],
}
LINES = {"type": "object", "properties": {"lines": {"type": "array", "items": LINE}}, "required": ["lines"]}
TWO = {"lines": [{"sku": "A", "qty": 1, "geo": 1.0}, {"sku": "B", "qty": 2, "gift": False}]}


class Card(BaseModel):
    kind: Literal["card"]
    number: str = Field(min_length=4)
    note: str = ""


class Bank(BaseModel):
    kind: Literal["bank"] = "bank"
    iban: str
    note: str = ""


class Payment(BaseModel):
    pay: Annotated[Card | Bank, Field(discriminator="kind")]
    spare: Card | Bank | None = None


def posted(schema: dict[str, Any], shown: Page, *, initial: Any = None, prefix: str = "", **typed: str) -> SchemaForm:
    data = shown.posted().copy()
    for name, text in typed.items():
        data[name] = text
    return schema_form(schema, initial=initial, data=data, prefix=prefix)


@pytest.mark.parametrize("prefix", ["", "arguments"])
def test_adding_a_row_keeps_what_was_typed_and_validates_nothing(prefix: str) -> None:
    at = f"{prefix}." if prefix else ""
    shown = page(schema_form(LINES, initial=TWO, prefix=prefix))
    typed = {f"{at}lines.0.qty": "many", "_add": f"{at}lines"}
    form = posted(LINES, shown, initial=TWO, prefix=prefix, **typed)
    again = page(form)

    assert form.is_list_edit
    assert not form.is_valid()
    assert form.problems == []
    assert again.find(f"{at}lines.0.qty")["value"] == "many"
    assert "autofocus" in again.find(f"{at}lines.2.sku")
    assert "checked" in again.find(f"{at}lines.2.gift")
    assert "checked" not in again.find(f"{at}lines.1.gift")


def test_a_removed_row_takes_nothing_else_with_it() -> None:
    shown = page(schema_form(LINES, initial=TWO))
    again = page(posted(LINES, shown, initial=TWO, _remove="lines.0"))
    form = posted(LINES, again, initial=TWO)

    assert form.is_valid(), form.errors
    assert same_json(form.value, {"lines": [TWO["lines"][1]]})
    assert [str(change) for change in form.changes] == ['Line 1 {"sku": "A", "qty": 1, "geo": 1.0} → nothing']


def test_rows_are_added_removed_and_filled_in_turn() -> None:
    shown = page(schema_form(LINES, initial=TWO))
    shown = page(posted(LINES, shown, initial=TWO, _add="lines"))
    shown = page(posted(LINES, shown, initial=TWO, _remove="lines.1"))
    shown = page(posted(LINES, shown, initial=TWO, _add="lines"))
    form = posted(
        LINES, shown, initial=TWO, **{"lines.2.sku": "C", "lines.2.qty": "3", "lines.3.sku": "D", "lines.3.qty": "4"}
    )

    assert form.is_valid(), form.errors
    first = {"sku": "A", "qty": 1, "geo": 1.0}
    assert same_json(
        form.value["lines"], [first, {"sku": "C", "qty": 3, "gift": True}, {"sku": "D", "qty": 4, "gift": True}]
    )


def test_errors_in_a_list_stand_at_their_row_when_rows_before_it_are_gone() -> None:
    shown = page(posted(LINES, page(schema_form(LINES, initial=TWO)), initial=TWO, _remove="lines.0"))
    form = posted(
        {
            **LINES,
            "properties": {
                "lines": {
                    "type": "array",
                    "items": {**LINE, "properties": {**LINE["properties"], "qty": {"type": "integer", "minimum": 9}}},
                }
            },
        },
        shown,
        initial=TWO,
    )

    assert dict(form.errors) == {"lines.1.qty": ["Must be at least 9."]}
    assert [problem.text for problem in form.problems] == ["Line 1, Qty: must be at least 9"]


def test_a_button_pressed_for_another_form_sends_this_one_neither() -> None:
    form = schema_form(LINES, data={"_remove": "elsewhere.3"}, initial=TWO)

    assert form.is_list_edit
    assert not form.is_valid()


def test_a_program_may_post_rows_without_marks() -> None:
    form = schema_form(LINES, data={"lines.0.sku": "A", "lines.0.qty": "1", "lines.4.sku": "B", "lines.4.qty": "2"})

    assert form.is_valid(), form.errors
    assert [row["sku"] for row in form.value["lines"]] == ["A", "B"]


def test_emptying_a_list_leaves_an_empty_list() -> None:
    schema = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}}}}
    shown = page(
        posted(schema, page(schema_form(schema, initial={"tags": ["a"]})), initial={"tags": ["a"]}, _remove="tags.0")
    )
    form = posted(schema, shown, initial={"tags": ["a"]})

    assert form.is_valid()
    assert form.value == {"tags": []}


def test_a_full_list_offers_no_more_rows() -> None:
    schema = {"type": "object", "properties": {"tags": {"type": "array", "items": {"type": "string"}, "maxItems": 1}}}

    assert "_add" not in page(schema_form(schema, initial={"tags": ["a"]})).html
    assert "_add" in page(schema_form(schema, initial={"tags": []})).html


def test_several_of_an_enum_keep_their_order_and_type() -> None:
    schema = {"type": "array", "items": {"enum": [1, "1", "red", "blue"]}, "uniqueItems": True}
    data = page(schema_form(schema, initial=["red", 1])).posted().copy()
    data.setlist("value", ['"blue"', '"1"', '"red"'])
    form = schema_form(schema, initial=["red", 1], data=data)

    assert form.is_valid(), form.errors
    assert same_json(form.value, ["red", "1", "blue"])
    data.setlist("value", ['"green"'])
    assert schema_form(schema, data=data).errors["value"] == ["Choose one of the listed values."]


def test_choosing_a_kind_draws_its_fields_and_keeps_what_both_have() -> None:
    schema = Payment.model_json_schema()
    shown = page(schema_form(schema, model=Payment))
    card = page(posted(schema, shown, **{"pay._branch": "card", "_choose": "pay"}))
    bank = page(posted(schema, card, **{"pay._branch": "bank", "pay.note": "urgent", "_choose": "pay"}))

    assert "pay.number" not in shown.html
    assert "pay.number" in card.html
    assert "pay.number" not in bank.html
    assert bank.find("pay.note")["value"] == "urgent"

    form = schema_form(schema, model=Payment, data={**bank.posted().dict(), "pay.iban": "DE1"})
    assert form.is_valid(), form.errors
    assert form.value == {"pay": {"kind": "bank", "iban": "DE1", "note": "urgent"}, "spare": None}


def test_a_kind_whose_fields_were_never_drawn_is_not_sent_and_takes_nothing_from_the_other() -> None:
    on = {"type": "boolean", "default": True}
    kinds = [
        {
            "type": "object",
            "properties": {"kind": {"const": kind}, kind: {"type": "string"}, "on": on},
            "required": ["kind"],
        }
        for kind in ("a", "b")
    ]
    schema = {"type": "object", "properties": {"x": {"oneOf": kinds}}, "required": ["x"]}
    initial = {"x": {"kind": "a", "a": "old", "on": False, "trace": 1}}
    shown = page(schema_form(schema, initial=initial))
    switched = posted(schema, shown, initial=initial, **{"x._branch": "b"})

    assert "checked" not in shown.find("x.on")
    assert "checked" in page(switched).find("x.on")
    assert switched.errors["x._branch"] == ["These are the fields for your choice. Fill them in and send again."]

    form = posted(schema, page(switched), initial=initial)
    assert form.is_valid(), form.errors
    assert form.value == {"x": {"kind": "b", "on": True}}
    assert [change.label for change in form.changes] == ["X"]


def test_an_error_of_another_kind_is_not_shown() -> None:
    schema = Payment.model_json_schema()
    data = {"pay._branch": "card", "pay.number": "1234", "spare._branch": "card", "spare.number": "1"}
    form = schema_form(schema, model=Payment, data=data)

    assert dict(form.errors) == {"spare.number": ["Use at least 4 characters."]}


def test_a_kind_that_does_not_exist_is_not_taken_for_none() -> None:
    data = {"pay._branch": "card", "pay.number": "1234", "spare._branch": "cash"}
    form = schema_form(Payment.model_json_schema(), model=Payment, data=data)

    assert dict(form.errors) == {"spare._branch": ["Choose one of the listed values."]}


def test_nothing_chosen_is_asked_for_once() -> None:
    form = schema_form(Payment.model_json_schema(), model=Payment, data={})

    assert [problem.text for problem in form.problems] == ["Pay: choose one"]
    assert form.problems[0].anchor in page(form).ids()


def test_an_optional_object_is_left_out_until_it_is_wanted() -> None:
    schema = {
        "type": "object",
        "properties": {"to": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}},
    }
    left_out = posted(schema, page(schema_form(schema)))
    wanted = page(posted(schema, page(schema_form(schema)), **{"to._branch": "fill", "_choose": "to"}))
    filled = posted(schema, wanted, **{"to.city": "Ulm"})

    assert (left_out.is_valid(), left_out.value) == (True, {})
    assert (filled.is_valid(), filled.value) == (True, {"to": {"city": "Ulm"}})


def test_the_kind_is_written_down_even_where_the_schema_could_do_without() -> None:
    kinds = [
        {"type": "object", "properties": {"kind": {"const": kind}, "n": {"type": "integer"}}} for kind in ("a", "b")
    ]
    schema = {"type": "object", "properties": {"x": {"oneOf": kinds}}, "required": ["x"]}
    form = schema_form(schema, data={"x._branch": "b", "x._shown": "b", "x.n": "1"})

    assert form.is_valid(), form.errors
    assert form.value == {"x": {"kind": "b", "n": 1}}
