"""Pages that people can read, hear and use without JavaScript."""

from typing import Any

from pydantic import BaseModel, Field

from approvals.schemaforms import schema_form
from tests.posting import Page, page

ORDER = {"type": "string", "title": "Order number", "description": "On the confirmation e-mail.", "minLength": 3}
AMOUNT = {"type": "number", "minimum": 1, "x-unit": "€"}
REASON = {"enum": ["damaged", "late", "other"]}


def drawn(
    properties: dict[str, Any], *, required: list[str] | None = None, data: Any = None, initial: Any = None
) -> Page:
    schema = {"type": "object", "properties": properties, "required": required or []}
    return page(schema_form(schema, data=data, initial=initial))


def in_order(html: str, *parts: str) -> bool:
    places = [html.find(part) for part in parts]
    return -1 not in places and places == sorted(places)


def test_label_help_error_and_control_come_in_this_order_and_belong_together() -> None:
    shown = drawn({"order": ORDER}, required=["order"], data={"order": "x"})
    control = shown.find("order")

    assert in_order(shown.html, ">Order number", "On the confirmation e-mail.", "Use at least 3 characters.", "<input")
    assert control["aria-describedby"] == "id_order:help id_order:error"
    assert control["aria-invalid"] == "true"
    assert ("label", {"for": "id_order"}) in shown.tags


def test_a_field_without_error_or_help_is_described_by_nothing() -> None:
    control = drawn({"n": {"type": "integer"}}).find("n")

    assert "aria-describedby" not in control
    assert "aria-invalid" not in control
    assert control["type"] == "text"
    assert control["inputmode"] == "numeric"


def test_what_may_stay_empty_says_optional_and_what_must_not_says_nothing() -> None:
    properties = {"a": {"type": "string"}, "b": {"type": "string"}, "c": {"type": "boolean", "default": True}}

    assert drawn(properties, required=["a"]).html.count("optional") == 1
    assert drawn({"n": {"type": "integer", "default": 5}}).html.count("optional") == 0


def test_the_summary_counts_and_leads_to_every_field() -> None:
    shown = drawn(
        {"order": ORDER, "amount": AMOUNT, "reason": REASON}, required=["order", "reason"], data={"amount": "0"}
    )
    links = [attrs["href"] for tag, attrs in shown.tags if tag == "a"]

    assert "Three things need fixing" in shown.text
    assert links == ["#id_order", "#id_amount", "#id_reason:0"]
    assert "Amount: must be at least €1" in shown.text
    assert {link[1:] for link in links} <= set(shown.ids())
    assert ("div", {"class": "errs", "role": "alert", "tabindex": "-1"}) in shown.tags


def test_a_page_without_errors_has_no_summary() -> None:
    assert "errs" not in drawn({"order": ORDER}).html


def test_few_choices_are_radios_in_a_fieldset_and_many_are_a_list() -> None:
    few = drawn({"x": REASON}, required=["x"], data={})
    many = drawn({"x": {"enum": list("abcde")}}, required=["x"])

    assert [attrs["value"] for _, attrs in few.tags if attrs.get("type") == "radio"] == ["damaged", "late", "other"]
    assert in_order(few.html, "<fieldset", "<legend>X", "Choose one.", 'type="radio"')
    assert [attrs["aria-describedby"] for tag, attrs in few.tags if tag == "fieldset"] == ["id_x:error"]
    assert ("select", {"name": "x", "id": "id_x"}) in many.tags


def test_words_on_choices_read_well() -> None:
    assert "Cash on delivery" in drawn({"x": {"enum": ["cash_on_delivery", "EUR", 5]}}).text
    assert "Yes" in drawn({"x": {"enum": [True, False]}}).text
    titled = {"oneOf": [{"const": 1, "title": "As soon as possible"}, {"const": 2}]}
    assert "As soon as possible" in drawn({"x": titled}).text


def test_labels_come_from_authors_and_otherwise_from_names() -> None:
    class Address(BaseModel):
        """A docstring for programmers."""

    class Model(BaseModel):
        order_id: str
        iban: str = Field(title="IBAN")
        ship: Address

    text = page(schema_form(Model.model_json_schema(), model=Model)).text

    assert all(label in text for label in ("Order id", "IBAN", "Ship"))
    assert "Order Id" not in text
    assert "programmers" not in text


def test_units_stand_where_they_are_read_and_are_heard() -> None:
    shown = drawn({"money": AMOUNT, "mass": {"type": "number", "x-unit": "kg"}})

    assert in_order(shown.html, "€", 'name="money"', 'name="mass"', ">kg</span>")
    assert shown.find("mass")["aria-describedby"] == "id_mass:unit"
    assert "id_mass:unit" in shown.ids()


def test_fields_stand_in_the_order_and_groups_their_author_gave() -> None:
    shown = drawn(
        {"c": {"x-group": "Who", "title": "C1"}, "a": {"x-order": 2}, "b": {"x-order": 1}, "d": {"x-group": "Who"}}
    )

    assert in_order(shown.html, 'name="b"', 'name="a"', "<legend>Who", 'name="c"', 'name="d"', "</fieldset>")


def test_dates_use_the_browsers_controls_only_while_these_can_hold_the_value() -> None:
    properties = {kind: {"type": "string", "format": kind} for kind in ("date", "time", "date-time")}
    good = drawn(properties, initial={"date": "2026-03-31", "time": "14:30", "date-time": "2026-03-31T14:30:00Z"})
    odd = drawn(
        properties, initial={"date": "31 March", "time": "14:30:00.5", "date-time": "2026-03-31T14:30:00.123456Z"}
    )

    assert [good.find(kind)["type"] for kind in properties] == ["date", "time", "datetime-local"]
    assert [odd.find(kind)["type"] for kind in properties] == ["text", "text", "text"]
    assert odd.find("date")["value"] == "31 March"


def test_text_with_lines_gets_a_box_with_lines() -> None:
    shown = drawn(
        {"a": {"type": "string"}, "b": {"type": "string", "maxLength": 500}}, initial={"a": "one\ntwo", "b": "x"}
    )

    assert [tag for tag, attrs in shown.tags if attrs.get("name") in ("a", "b")] == ["textarea", "textarea"]


def test_enter_sends_the_form_and_removes_nothing() -> None:
    rows = {"tags": {"type": "array", "items": {"type": "string"}}}
    buttons = [attrs for tag, attrs in drawn(rows, initial={"tags": ["a"]}).tags if tag == "button"]

    assert "name" not in buttons[0]
    assert [button["name"] for button in buttons[1:]] == ["_remove", "_add"]
    assert all("formnovalidate" in button for button in buttons[1:])
    assert "<button" not in drawn({"n": {"type": "integer"}}).html


def test_buttons_say_what_they_add_and_remove() -> None:
    line = {"type": "object", "title": "OrderLine", "properties": {"sku": {"type": "string"}}}
    shown = drawn({"lines": {"type": "array", "items": line}}, initial={"lines": [{}]})

    assert "Add order line" in shown.text
    assert "Remove Order line 1" in shown.text
    assert "Order line 1" in shown.text


def test_a_new_list_starts_with_the_rows_it_must_have() -> None:
    shown = drawn({"x": {"type": "array", "items": {"type": "string"}, "minItems": 2}}, required=["x"])

    assert shown.find("x._rows")["value"] == "0,1"


def test_a_box_is_ticked_or_not_where_those_are_the_answers_and_a_choice_of_three_elsewhere() -> None:
    two = drawn({"x": {"type": "boolean"}}, required=["x"])
    three = drawn({"x": {"type": "boolean"}})

    assert two.find("x")["type"] == "checkbox"
    assert [attrs["value"] for _, attrs in three.tags if attrs.get("type") == "radio"] == ["true", "false", ""]


def test_a_value_that_is_not_one_of_the_choices_is_shown_and_kept() -> None:
    schema = {"type": "object", "properties": {"x": {"enum": ["a", "b"]}}}
    shown = page(schema_form(schema, initial={"x": "z"}))
    form = schema_form(schema, initial={"x": "z"}, data=shown.posted())

    assert "checked" in next(attrs for _, attrs in shown.tags if attrs.get("value") == "z")
    assert form.errors["x"] == ["Choose one of the listed values."]


def test_there_is_no_inline_style_or_script() -> None:
    shown = drawn({"order": ORDER, "amount": AMOUNT, "tags": {"type": "array", "items": REASON}}, data={})

    assert not {tag for tag, _ in shown.tags} & {"script", "style"}
    assert not {name for _, attrs in shown.tags for name in attrs if name == "style" or name.startswith("on")}


def test_a_form_with_nothing_in_it_says_so() -> None:
    form = schema_form({"type": "object", "properties": {}}, data={})

    assert "Nothing to fill in." in page(form).text
    assert (form.is_valid(), form.value) == (True, {})


def test_a_single_value_has_one_field_named_value() -> None:
    schema = {"type": "integer", "title": "How many", "minimum": 1}
    form = schema_form(schema, data={"value": "3"})

    assert (form.is_valid(), form.value) == (True, 3)
    assert "How many" in page(form).text
    assert dict(schema_form(schema, data={"value": "0"}).errors) == {"value": ["Must be at least 1."]}


def test_a_schema_that_says_nothing_is_a_box_of_json() -> None:
    form = schema_form({}, data={"value": '{"a": 1}'})

    assert (form.is_valid(), form.value) == (True, {"a": 1})
    assert "Write this as JSON." in page(form).text


def test_what_may_not_be_changed_is_read_without_any_control() -> None:
    inner = {"type": "object", "properties": {"city": {"type": "string"}, "on": {"type": "boolean"}}}
    properties = {"to": inner, "from": inner, "tags": {"type": "array", "items": {"type": "string"}}}
    document = {"to": {"city": "Ulm", "on": True}, "tags": ["red"]}
    shown = page(schema_form({"type": "object", "properties": properties}, initial=document, editable=[]))

    assert not {tag for tag, _ in shown.tags} & {"input", "select", "textarea", "button"}
    assert in_order(shown.html, "Ulm", "Yes", "Not set", "red")
    assert "optional" not in shown.html
