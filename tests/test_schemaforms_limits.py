"""How much a form takes: size, rows, depth, and the time it needs to say no."""

import json
import time
from typing import Any

import pytest

from approvals.schemaforms import SchemaNotSupported, schema_form
from tests.posting import page


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_a_document_that_is_too_large_is_refused() -> None:
    text = object_of(x={"type": "string", "x-widget": "textarea"})
    box = schema_form({}, data={"value": '"' + "é" * 140_000 + '"'})

    assert schema_form(text, data={"x": "é" * 130_000}).is_valid()
    assert schema_form(text, data={"x": "é" * 140_000}).problems[0].text.endswith("At most 256 kB can be kept.")
    assert box.errors["value"] == ["Too long. At most 256 kB can be kept."]


def test_a_document_that_was_larger_can_be_edited_but_not_grow() -> None:
    schema = object_of(n={"type": "string"}, text={"type": "string", "x-readonly": True})
    document = {"n": "1", "text": "x" * 300_000}

    assert schema_form(schema, initial=document, data={"n": "2"}).is_valid()
    assert not schema_form(schema, initial=document, data={"n": "22"}).is_valid()


def test_a_box_of_json_cannot_make_the_whole_too_deep() -> None:
    box = schema_form(object_of(x=object_of(y={})), data={"x._branch": "fill", "x.y": "[" * 50 + "]" * 50})

    assert box.problems[0].text == "X, Y: nested too deeply. At most 50 levels can be kept."


def test_a_list_grows_to_two_hundred_rows_and_no_further() -> None:
    schema = object_of(x={"type": "array", "items": {"type": "integer"}})
    marks = ",".join(map(str, range(10_000)))
    full = schema_form(schema, initial={"x": [1] * 200})
    form = schema_form(schema, data={"x._rows": marks, "x.0": "1"})

    assert "_add" not in page(full).html
    assert not form.is_valid()
    assert form.errors["x"] == ["Too many entries. At most 200 fit in a form."]
    assert len(form.fields) < 210
    assert "<textarea" in page(schema_form(schema, initial={"x": [1] * 201})).html


def test_rows_within_rows_cannot_be_posted_without_end() -> None:
    inner = {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}
    marks = ",".join(map(str, range(200)))
    data = {f"x.{row}._rows": marks for row in range(200)} | {"x._rows": marks}
    form = schema_form(object_of(x=inner), data=data)

    assert not form.is_valid()
    assert len(form.fields) < 2500


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("[" * 60 + "]" * 60, "nested too deeply"),
        ('"' + '\\"' * 100_000, "the closing double quote is missing"),
        ('{"' * 100_000, "nested too deeply"),
        ("9" * 200_000, "more digits than can be kept"),
        ("1e-999999999999999999999", "more digits than can be kept"),
        ("{" + ",".join(f'"{n}":{n}' for n in range(20_000)) + "}", ""),
    ],
)
def test_no_json_takes_long_to_read(typed: str, sentence: str) -> None:
    started = time.monotonic()
    form = schema_form({}, data={"value": typed})

    assert form.is_valid() is (sentence == "")
    assert sentence in str(form.errors)
    assert time.monotonic() - started < 2


def test_unique_entries_are_counted_without_comparing_each_with_each() -> None:
    typed = json.dumps([{"n": n} for n in range(15_000)])
    started = time.monotonic()

    assert schema_form({"type": "array", "uniqueItems": True}, data={"value": typed}).is_valid()
    assert time.monotonic() - started < 3
    assert not schema_form({"type": "array", "uniqueItems": True}, data={"value": "[1, 1.0]"}).is_valid()
    assert schema_form({"type": "array", "uniqueItems": True}, data={"value": "[1, true]"}).is_valid()


def test_references_that_double_at_every_step_are_followed_once() -> None:
    defs: dict[str, Any] = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)}
    started = time.monotonic()

    schema_form({**object_of(x={"$ref": "#/$defs/d0"}), "$defs": {**defs, "d40": {"type": "string"}}})

    assert time.monotonic() - started < 2


def test_a_document_too_deep_to_draw_is_refused() -> None:
    document: Any = 1
    for _ in range(600):
        document = [document]

    with pytest.raises(SchemaNotSupported, match="nested too deeply"):
        schema_form({}, initial={"x": document})
