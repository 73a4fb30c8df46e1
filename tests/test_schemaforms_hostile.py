"""Schemas, documents and posts from people who mean harm: nothing runs, leaks, hangs, is lost or gets through."""

import json
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr

from approvals.schemaforms import SchemaNotSupported, schema_form
from approvals.schemaforms.authority import schema_authority
from approvals.schemaforms.values import same_json
from tests.posting import page
from tests.test_schemaforms_roundtrip import ANYTHING, PAIRS, TEXT, Pair

EVIL = "\"'><img src=x onerror=alert(1)><script>alert(1)</script>{{ form }}{% now 'Y' %}</textarea>"
SECRET = "hunter2-hunter2"
TREE = {
    "$defs": {"Tree": {"type": "object", "properties": {"kids": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}}}},
    "$ref": "#/$defs/Tree",
}


def object_of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def test_nothing_from_a_schema_or_a_person_becomes_markup() -> None:
    notes = {"title": EVIL, "description": EVIL, "x-unit": EVIL, "x-group": EVIL, "x-error": EVIL}
    schema = object_of(
        **{EVIL: {"type": "string", "minLength": 10**6, **notes}},
        pick={"enum": [EVIL, "b"], **notes},
        rows={"type": "array", "items": {"type": "string", "title": EVIL}, **notes},
        fixed={"type": "string", "x-readonly": True, **notes},
        kind={"oneOf": [object_of(kind={"const": EVIL}), object_of(kind={"const": "b"}, a={})]},
        box={"title": EVIL},
    )
    document: dict[str, Any] = {
        EVIL: EVIL,
        "pick": EVIL,
        "rows": [EVIL],
        "fixed": EVIL,
        "kind": {"kind": EVIL},
        "box": {EVIL: EVIL},
    }
    plain = page(schema_form(schema, initial=document))
    wrong = page(schema_form(schema, initial=document, data={**plain.posted().dict(), "box": "{"}))

    for shown in (plain, wrong):
        assert not {tag for tag, _ in shown.tags} & {"script", "img", "style", "iframe"}
        assert not {name for _, attrs in shown.tags for name in attrs if name.startswith("on") or name == "style"}
        assert EVIL in shown.text
        assert len(set(shown.ids())) == len(shown.ids())


def test_characters_that_nobody_sees_are_marked_wherever_text_is_only_read() -> None:
    turned = "100\u202e1"
    schema = object_of(x={"title": turned, "enum": [turned, "b"]}, y={"type": "string", "x-readonly": True})
    text = page(schema_form(schema, initial={"y": turned}, data={"x": "z"})).text

    assert "\u202e" not in text
    assert text.count("⟨U+202E⟩") == 4


@pytest.mark.parametrize(
    "inner",
    [
        {"type": "string", "x-sensitive": True},
        {"type": "string", "format": "password"},
        {"anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}]},
        {"x-sensitive": True},
        {"enum": [SECRET, "b"], "x-sensitive": True},
        {"type": "object", "x-sensitive": True, "properties": {"a": {"type": "string"}}},
        {"type": "object", "additionalProperties": {"type": "string", "x-sensitive": True}},
        {"type": "array", "prefixItems": [{"$ref": "#/$defs/secret"}]},
        {"type": "string", "x-sensitive": True, "x-readonly": True},
    ],
)
def test_a_secret_is_never_written_into_a_page_or_a_summary(inner: dict[str, Any]) -> None:
    value: Any = (
        {"a": SECRET} if inner.get("type") == "object" else [SECRET] if inner.get("type") == "array" else SECRET
    )
    schema = {**object_of(x=inner, n={"type": "integer"}), "$defs": {"secret": {"type": "string", "x-sensitive": True}}}
    document = {"x": value, "n": 1}
    posted = page(schema_form(schema, initial=document)).posted().dict()
    kept = schema_form(schema, initial=document, data=posted)
    typed = schema_form(schema, initial=document, data={"x": SECRET + "!", "n": "no"})
    other = schema_form(schema, initial={"x": None}, data={"x": json.dumps(value), "n": "1"})

    assert (kept.is_valid(), kept.value) == (True, document)
    for form in (schema_form(schema, initial=document), kept, typed, other):
        assert SECRET not in page(form).html
        assert SECRET not in repr(form.changes if form.is_valid() else form.problems)


def test_a_secret_of_a_model_is_kept_though_nobody_sees_it() -> None:
    class Login(BaseModel):
        user: str
        password: SecretStr

    document = {"user": "ada", "password": SECRET}
    form = schema_form(Login.model_json_schema(), model=Login, initial=document, data={"user": "bob", "password": ""})

    assert form.is_valid(), form.errors
    assert form.value == {"user": "bob", "password": SECRET}
    assert page(form).find("password") == {
        "type": "password",
        "name": "password",
        "autocomplete": "new-password",
        "aria-describedby": "id_password:help",
        "id": "id_password",
    }


@pytest.mark.parametrize(
    ("schema", "typed"),
    [({"type": "string"}, "a\0b"), ({"type": "string"}, "\ud800"), ({}, '["\\u0000"]'), ({}, '{"\\ud800": 1}')],
)
def test_text_that_no_database_can_keep_is_refused(schema: dict[str, Any], typed: str) -> None:
    form = schema_form({**object_of(x=schema), "required": ["x"]}, data={"x": typed})

    assert form.errors["x"] == ["Remove the invisible character that cannot be stored (NUL or half of an emoji)."]
    page(form).html.encode()


def test_what_is_not_shown_is_not_let_through_either() -> None:
    form = schema_form(object_of(n={"type": "integer"}), initial={"n": 1, "trace": ["\0"]}, data={"n": "1"})

    assert not form.is_valid()
    assert "Remove the invisible character" in form.problems[0].text


def test_recursion_ends_in_a_box_of_json() -> None:
    document: dict[str, Any] = {"kids": [{"kids": [{"kids": []}]}]}
    shown = page(schema_form(TREE, initial=document))
    form = schema_form(TREE, initial=document, data=shown.posted())

    assert ("textarea", "kids") in {(tag, attrs.get("name")) for tag, attrs in shown.tags}
    assert (form.is_valid(), form.value) == (True, document)


def test_a_fifth_level_of_objects_is_a_box_of_json() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for key in "fedcba":
        schema = {**object_of(**{key: schema}), "required": [key]}

    assert [attrs["name"] for tag, attrs in page(schema_form(schema)).tags if tag == "textarea"] == ["a.b.c.d.e"]


def test_a_pattern_is_the_models_business_where_there_is_a_model() -> None:
    class Model(BaseModel):
        x: Annotated[str, Field(pattern=r"^\p{Lu}+$")]

    schema = Model.model_json_schema()

    assert schema_form(schema, model=Model, data={"x": "ÄÖ"}).is_valid()
    assert not schema_form(schema, model=Model, data={"x": "äö"}).is_valid()
    with pytest.raises(SchemaNotSupported, match="pattern"):
        schema_form(schema)


@pytest.mark.parametrize(
    ("schema", "part"),
    [
        ({"$ref": "https://example.com/schema.json"}, "points nowhere"),
        ({"$ref": "#/$defs/Nobody"}, "points nowhere"),
        ({"properties": {"x": {"$ref": "other.json"}}}, "points nowhere"),
        ({"properties": {"x": {"$ref": "file:///etc/passwd"}}}, "points nowhere"),
        ({"$ref": "#"}, "leads back to itself"),
        ({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}]}}, "$ref": "#/$defs/a"}, "leads back to itself"),
        ({"properties": {"x": {"$id": "https://example.com/x"}}}, "$id"),
        ({"type": "strnig"}, "Not a valid JSON Schema"),
        ({"minimum": {1, 2}}, "Not a JSON Schema"),
        ({"type": "string", "pattern": "("}, "pattern"),
        ({"type": "string", "contentMediaType": "image/png", "title": "Photo"}, "“Photo” asks for a file"),
    ],
)
def test_what_no_form_can_be_made_of_is_refused_in_a_sentence(schema: dict[str, Any], part: str) -> None:
    with pytest.raises(SchemaNotSupported, match=part.replace("$", r"\$")):
        schema_form(schema)


def test_patterns_mean_what_they_mean_in_json_schema() -> None:
    digits = object_of(x={"type": "string", "pattern": r"^\d{5}$", "x-widget": "textarea"})

    assert schema_form(digits, data={"x": "89073"}).is_valid()
    assert not schema_form(digits, data={"x": "89073\n"}).is_valid()
    assert not schema_form(digits, data={"x": "٨٩٠٧٣"}).is_valid()


def test_names_never_meet_whatever_they_are() -> None:
    names = ["a.b", "_add", "_rows", "csrfmiddlewaretoken", "", " ", "a_help", "%5Fadd", "r_0", "r:0", "id", "prefix"]
    texts = {name: {"type": "string"} for name in names}
    schema = object_of(**texts, a=object_of(b={"type": "string"}), r={"enum": ["x", "y"]})
    document: dict[str, Any] = {**{name: name for name in names}, "a": {"b": "inner"}, "r": "x"}
    shown = page(schema_form(schema, initial=document))
    form = schema_form(schema, initial=document, data=shown.posted())

    assert len(set(shown.ids())) == len(shown.ids())
    assert not {"_add", "csrfmiddlewaretoken"} & {attrs.get("name") for _, attrs in shown.tags}
    assert (form.is_valid(), form.value) == (True, document)
    assert not form.is_list_edit


JUNK = (
    TEXT
    | ANYTHING.map(json.dumps)
    | st.sampled_from(["1e999", "NaN", "{", "[]", "on", "0,1,2", "99999999", "0,0,5", "card", "\ud800", "\0", "fill"])
)


@given(pair=PAIRS, data=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_post_breaks_a_form_or_gets_past_its_schema_or_its_locks(pair: Pair, data: st.DataObject) -> None:
    schema, value = pair
    document: Any = data.draw(st.none() | st.just(value) | ANYTHING)
    posted: dict[str, str] = dict(page(schema_form(schema, initial=document)).pairs)
    for name in list(posted):
        if data.draw(st.booleans()):
            posted[name] = data.draw(JUNK)
    editable = data.draw(st.lists(st.sampled_from(list(document) or ["x"]))) if isinstance(document, dict) else None
    form = schema_form(schema, initial=document, data=posted, editable=editable)
    shown = page(form)

    shown.html.encode()
    assert {link for _, attrs in shown.tags for link in attrs.get("aria-describedby", "").split()} <= set(shown.ids())
    assert {attrs["href"][1:] for tag, attrs in shown.tags if tag == "a"} <= set(shown.ids())
    assert len(set(shown.ids())) == len(shown.ids())
    if not form.is_valid():
        assert form.problems or form.is_list_edit
        return
    assert not schema_authority(schema)(form.value)
    assert document is None or same_json(form.value, document) or form.changes
    if editable is not None:
        for key in {*document, *form.value} - set(editable):
            assert same_json(form.value.get(key, "absent"), document.get(key, "absent"))
