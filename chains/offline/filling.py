"""Values brought into the shape a JSON Schema asks for, so that the offline model serves any chain's schema."""

from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]
DEPTH = 20


def fill(schema: Schema, values: Mapping[str, Any]) -> Any:
    """`values` by property name where the schema has room for them, its smallest valid value elsewhere."""
    return _fit(schema, values, root=schema, depth=0)


def _fit(schema: Schema, value: Any, *, root: Schema, depth: int) -> Any:
    schema = _resolved(schema, root)
    if depth > DEPTH:
        return None
    if "properties" in schema:
        given = value if isinstance(value, Mapping) else {}
        return {
            name: _fit(part, given.get(name), root=root, depth=depth + 1)
            for name, part in schema["properties"].items()
            if name in given or name in schema.get("required", ())
        }
    if schema.get("type") == "array" and isinstance(value, list):
        fitted = [_fit(schema.get("items", {}), item, root=root, depth=depth + 1) for item in value]
        return fitted[: schema.get("maxItems", len(fitted))]
    return _cut(schema, value) if _suits(schema, value) else _smallest(schema, root=root, depth=depth)


def _resolved(schema: Schema, root: Schema) -> Schema:
    for _ in range(DEPTH):
        if "$ref" in schema:
            target: Any = root
            for step in str(schema["$ref"]).removeprefix("#/").split("/"):
                target = target[step]
            schema = {**target, **{name: part for name, part in schema.items() if name != "$ref"}}
        elif choices := schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf"):
            schema = next((choice for choice in choices if choice.get("type") != "null"), choices[0])
        else:
            break
    return schema


def _suits(schema: Schema, value: Any) -> bool:
    if value is None:
        return schema.get("type") == "null"
    if "const" in schema or "enum" in schema:
        return bool(value in schema.get("enum", [schema.get("const")]))
    kinds: dict[str, type | tuple[type, ...]] = {
        "string": str, "number": (int, float), "integer": int, "boolean": bool, "object": Mapping, "array": list,
    }  # fmt: skip
    wanted = schema.get("type")
    if isinstance(value, bool):
        return wanted in (None, "boolean")
    return wanted not in kinds or isinstance(value, kinds[wanted])


def _cut(schema: Schema, value: Any) -> Any:
    return value[: schema["maxLength"]] if isinstance(value, str) and "maxLength" in schema else value


def _smallest(schema: Schema, *, root: Schema, depth: int) -> Any:
    for key in ("default", "const"):
        if key in schema:
            return schema[key]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "string":
            return "-" * int(schema.get("minLength", 0))
        case "number" | "integer":
            return schema.get("minimum", 0)
        case "boolean":
            return False
        case "array":
            return [_fit(schema.get("items", {}), None, root=root, depth=depth + 1)] * int(schema.get("minItems", 0))
        case "object":
            return {}
        case _:
            return None
