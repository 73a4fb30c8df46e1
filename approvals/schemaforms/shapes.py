"""What a schema asks for, in the few kinds a form can draw."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from .names import humanised
from .schema import Seen, merge, resolved
from .values import json_text

Kind = Literal[
    "text", "integer", "number", "decimal", "boolean", "enum", "many", "const", "object", "list", "union", "json"
]

ROWS_MAX: Final = 200

_NOTES = ("title", "description", "default")
_WORD = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")

_BY_TYPE: Mapping[Any, Kind] = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "boolean",
}


@dataclass(frozen=True, kw_only=True)
class Option:
    """One of the values of an enum."""

    key: str
    label: str
    value: Any


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One of the objects of a union. `names` are what Pydantic may call it in the path of an error."""

    key: str
    label: str
    schema: Mapping[str, Any]
    seen: Seen
    names: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Shape:
    kind: Kind
    schema: Mapping[str, Any]
    seen: Seen
    nullable: bool = False
    options: Sequence[Option] = ()
    branches: Sequence[Branch] = ()
    tag: str | None = None
    items: "Shape | None" = None


@dataclass(frozen=True, kw_only=True)
class _Member:
    raw: Mapping[str, Any]
    schema: Mapping[str, Any]
    seen: Seen


def shape_of(schema: Any, *, root: Mapping[str, Any], seen: Seen) -> Shape:
    whole, seen = resolved(schema, root=root, seen=seen)
    parts = whole.get("anyOf") or whole.get("oneOf")
    if parts:
        base = {key: value for key, value in whole.items() if key not in ("anyOf", "oneOf")}
        return _alternatives(parts, base=base, root=root, seen=seen)
    return _plain(whole, root=root, seen=seen)


def options_of(values: Sequence[Any], *, labels: Mapping[str, str]) -> tuple[Option, ...]:
    """Choices whose keys bring back the very value, type included; "" is left free for "nothing"."""
    texts = [value if isinstance(value, str) else json_text(value) for value in values]
    if len(set(texts)) < len(texts) or "" in texts:
        texts = [json_text(value) for value in values]
    shown = [labels.get(json_text(value)) or value_label(value) for value in values]
    if len(set(shown)) < len(shown):
        shown = texts
    return tuple(
        Option(key=key, label=label, value=value) for key, label, value in zip(texts, shown, values, strict=True)
    )


def value_label(value: Any) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, str):
        return humanised(value) if _WORD.fullmatch(value) else value
    return "None" if value is None else json_text(value)


def _alternatives(parts: Sequence[Any], *, base: Mapping[str, Any], root: Mapping[str, Any], seen: Seen) -> Shape:
    met = [(part, *resolved(part, root=root, seen=seen)) for part in parts]
    members = [_Member(raw=raw, schema=merge(base, own), seen=one) for raw, own, one in met if not _is_null(own)]
    schemas = [member.schema for member in members]
    nullable = len(members) < len(parts)
    if not members:
        return _null(base, seen=seen)
    if len(members) == 1:
        notes = {key: base[key] for key in _NOTES if key in base}
        shape = _plain({**schemas[0], **notes}, root=root, seen=members[0].seen)
        return replace(shape, nullable=nullable or shape.nullable)
    if all(_choices(schema) is not None for schema in schemas):
        return _enum(schemas, base=base, seen=seen, nullable=nullable)
    if all(_is_object(schema) for schema in schemas):
        return _union(members, base=base, seen=seen, nullable=nullable)
    longest = max(schema.get("maxLength", 0) for schema in schemas)
    drawn = {**base, "maxLength": longest} if longest else base
    return Shape(kind=_common_kind(schemas), schema=drawn, seen=seen, nullable=nullable)


def _plain(schema: Mapping[str, Any], *, root: Mapping[str, Any], seen: Seen) -> Shape:
    if _is_null(schema):
        return _null(schema, seen=seen)
    if _choices(schema) is not None:
        return _enum([schema], base=schema, seen=seen, nullable=False)
    types = schema.get("type")
    if not isinstance(types, list):
        return _typed(schema, root=root, seen=seen)
    rest = set(types) - {"null"}
    one = "number" if rest == {"integer", "number"} else next(iter(rest)) if len(rest) == 1 else None
    shape = _typed({**schema, "type": one}, root=root, seen=seen)
    return replace(shape, nullable="null" in types)


def _typed(schema: Mapping[str, Any], *, root: Mapping[str, Any], seen: Seen) -> Shape:
    if _is_object(schema):
        return Shape(kind="object", schema=schema, seen=seen)
    if schema.get("type") == "array" and isinstance(schema.get("items"), dict) and "prefixItems" not in schema:
        return _array(schema, root=root, seen=seen)
    kind = "json" if "anyOf" in schema or "oneOf" in schema else _BY_TYPE.get(schema.get("type"), "json")
    return Shape(kind=kind, schema=schema, seen=seen)


def _array(schema: Mapping[str, Any], *, root: Mapping[str, Any], seen: Seen) -> Shape:
    items = shape_of(schema["items"], root=root, seen=seen)
    if items.kind == "json":
        return Shape(kind="json", schema=schema, seen=seen)
    kind: Kind = "many" if items.kind == "enum" and not items.nullable else "list"
    return Shape(kind=kind, schema=schema, seen=seen, options=items.options, items=items)


def _enum(members: Sequence[Mapping[str, Any]], *, base: Mapping[str, Any], seen: Seen, nullable: bool) -> Shape:
    values = [value for member in members for value in _choices(member) or ()]
    titled = (member for member in members if "const" in member and member is not base)
    labels = {json_text(member["const"]): str(member["title"]) for member in titled if member.get("title")}
    rest = [value for value in values if value is not None]
    nullable = nullable or len(rest) < len(values)
    kind: Kind = "const" if "const" in members[0] and len(values) == 1 and not nullable else "enum"
    return Shape(
        kind=kind, schema=base, seen=seen, nullable=nullable, options=options_of(_distinct(rest), labels=labels)
    )


def _union(members: Sequence[_Member], *, base: Mapping[str, Any], seen: Seen, nullable: bool) -> Shape:
    own = base.get("properties", {})
    if own and all(member.schema["properties"].keys() == own.keys() for member in members):
        return Shape(kind="object", schema=base, seen=seen, nullable=nullable)
    tag = _tag([member.schema for member in members], named=base.get("discriminator"))
    branches = tuple(_branch(member, index=index, tag=tag) for index, member in enumerate(members))
    return Shape(kind="union", schema=base, seen=seen, nullable=nullable, branches=branches, tag=tag)


def _branch(member: _Member, *, index: int, tag: str | None) -> Branch:
    value = member.schema["properties"][tag]["const"] if tag is not None else ""
    title = str(member.schema.get("title") or "")
    reference = member.raw.get("$ref", "").rpartition("/")[2]
    said = title if " " in title else humanised(value or title)
    return Branch(
        key=value or str(index),
        label=said or f"Option {index + 1}",
        schema=member.schema,
        seen=member.seen,
        names=frozenset(name for name in (value, title, reference) if name),
    )


def _tag(members: Sequence[Mapping[str, Any]], *, named: Any) -> str | None:
    """The property whose constant tells the branches apart, or nothing."""
    wanted = named.get("propertyName") if isinstance(named, dict) else None
    for key in [wanted] if wanted else members[0]["properties"]:
        schemas = [member["properties"].get(key) for member in members]
        values = [schema.get("const") for schema in schemas if isinstance(schema, dict)]
        if len(set(map(repr, values))) == len(members) and all(value and isinstance(value, str) for value in values):
            return str(key)
    return None


def _common_kind(members: Sequence[Mapping[str, Any]]) -> Kind:
    types = {member.get("type") if isinstance(member.get("type"), str) else None for member in members}
    if types == {"string"}:
        return "text"
    if types <= {"integer", "number"}:
        return "number" if "number" in types else "integer"
    # Pydantic writes a Decimal as "number or string".
    if types in ({"number", "string"}, {"number", "integer", "string"}):
        return "decimal"
    return "json"


def _choices(schema: Mapping[str, Any]) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) and values else None


def _distinct(values: Sequence[Any]) -> list[Any]:
    return list({json_text(value): value for value in values}.values())


def _is_null(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "null" or _choices(schema) == [None]


def _null(schema: Mapping[str, Any], *, seen: Seen) -> Shape:
    nothing = Option(key="null", label="None", value=None)
    return Shape(kind="const", schema=schema, seen=seen, options=(nothing,))


def _is_object(schema: Mapping[str, Any]) -> bool:
    """With `properties` there is something to draw; an object without is a map of anything."""
    return schema.get("type", "object") == "object" and isinstance(schema.get("properties"), dict)
