"""Whatever JSON a form is given: posted back as it stands, it is that JSON, to the type."""

import json
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from approvals.schemaforms import schema_form
from approvals.schemaforms.authority import schema_authority
from approvals.schemaforms.values import can_store, same_json
from tests.posting import page

Pair = tuple[dict[str, Any], Any]

TEXT = st.text(max_size=12).filter(can_store) | st.sampled_from(
    ["", " a ", "a\nb", "\r", "\r\n", "\n\nx", "<b>&amp;\"'", "{{ x }}"]
)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1.0, 10**30, -0.0, 1e22])
SCALARS = st.none() | st.booleans() | NUMBERS | TEXT
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
NAMES = (
    st.sampled_from(
        [
            "name",
            "order_id",
            "a.b",
            "a",
            "_add",
            "_rows",
            "csrfmiddlewaretoken",
            "",
            " ",
            "é",
            "0",
            "a_help",
            "value",
            "n%2E",
        ]
    )
    | TEXT
)
HINTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {},
        {},
        {"x-sensitive": True},
        {"x-readonly": True},
        {"x-unit": "€"},
        {"x-unit": "kg"},
        {"x-widget": "textarea"},
        {"x-widget": "select"},
        {"x-group": "More"},
        {"x-order": 1},
        {"title": "<i>"},
        {"description": "<script>"},
        {"format": "password"},
    ]
)
MOMENTS = st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat())
FORMATS: dict[str, st.SearchStrategy[str]] = {
    "date": st.dates().map(str),
    "date-time": MOMENTS | st.just("2026-03-29T02:30:00Z"),
    "time": st.times().map(str) | st.sampled_from(["10:15", "10:15:00Z"]),
    "uuid": st.uuids().map(str),
    "email": st.just("a@b.c"),
    "uri": st.just("https://example.com/?a=b&c"),
}


@st.composite
def enums(draw: st.DrawFn) -> Pair:
    values = draw(st.lists(SCALARS, min_size=1, max_size=6, unique_by=lambda value: json.dumps(value)))
    return {"enum": values}, draw(st.sampled_from(values))


@st.composite
def formatted(draw: st.DrawFn) -> Pair:
    kind = draw(st.sampled_from(sorted(FORMATS)))
    return {"type": "string", "format": kind}, draw(FORMATS[kind])


def of(schema: dict[str, Any], values: st.SearchStrategy[Any]) -> st.SearchStrategy[Pair]:
    return values.map(lambda value: (schema, value))


LEAVES = (
    of({"type": "string"}, TEXT)
    | of({"type": "string", "maxLength": 500}, TEXT)
    | of({"type": "integer"}, st.integers() | st.just(10**30))
    | of({"type": "number"}, NUMBERS)
    | of({"type": "boolean"}, st.booleans())
    | of({"anyOf": [{"type": "number"}, {"type": "string"}]}, NUMBERS | TEXT)
    | of({"anyOf": [{"type": "string"}, {"type": "null"}]}, st.none() | TEXT)
    | of({"type": ["integer", "null"]}, st.none() | st.integers())
    | of({"type": ["integer", "string"]}, st.integers() | TEXT)
    | of({}, ANYTHING)
    | of({"type": "object"}, st.dictionaries(TEXT, ANYTHING, max_size=2))
    | of({"const": 1}, st.just(1))
    | of({"type": "array", "items": {"enum": ["a", 1, True]}}, st.lists(st.sampled_from(["a", 1, True]), max_size=4))
    | enums()
    | formatted()
)


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    schema, value = draw(inner)
    return {"type": "array", "items": schema}, draw(st.lists(st.just(value), max_size=3))


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    members = draw(st.dictionaries(NAMES, inner, max_size=4))
    there = {key for key in members if draw(st.booleans())}
    schema: dict[str, Any] = {"type": "object", "properties": {key: {**part} for key, (part, _) in members.items()}}
    schema["required"] = sorted(key for key in there if draw(st.booleans()))
    for key, (_, value) in members.items():
        schema["properties"][key] |= {**draw(HINTS), **({"default": value} if draw(st.booleans()) else {})}
    unshown = draw(st.dictionaries(TEXT, ANYTHING, max_size=2))
    return schema, {**unshown, **{key: members[key][1] for key in there}}


@st.composite
def unions(draw: st.DrawFn, inner: st.SearchStrategy[Pair]) -> Pair:
    branches = []
    for tag in ("card", "bank"):
        schema, value = draw(objects(inner))
        schema["properties"]["kind"] = {"const": tag}
        branches.append(({**schema, "required": [*schema["required"], "kind"]}, {**value, "kind": tag}))
    null = [{"type": "null"}] if draw(st.booleans()) else []
    return {"oneOf": [*(schema for schema, _ in branches), *null]}, draw(st.sampled_from(branches))[1]


PAIRS = st.recursive(LEAVES, lambda inner: lists(inner) | objects(inner) | unions(inner), max_leaves=8)


@given(pair=PAIRS, prefix=st.sampled_from(["", "arguments"]))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_form_posted_back_untouched_gives_the_very_same_json(pair: Pair, prefix: str) -> None:
    schema, value = pair
    assume(value is not None and not schema_authority(schema)(value))
    before = json.dumps(value)

    shown = page(schema_form(schema, initial=value, prefix=prefix))
    form = schema_form(schema, initial=value, data=shown.posted(), prefix=prefix)

    assert form.is_valid(), form.errors
    assert same_json(form.value, value), (form.value, value)
    assert form.changes == []
    assert json.dumps(value) == before
