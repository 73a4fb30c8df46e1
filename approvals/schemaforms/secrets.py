"""Values without what their schema calls sensitive, for everything that is read rather than filled in."""

from collections.abc import Iterator, Mapping
from typing import Any

from .changes import HIDDEN
from .schema import is_sensitive, reaches_sensitive, target

_PARTS = ("allOf", "anyOf", "oneOf")
_DEPTH_MAX = 20


def masked(value: Any, schema: Any) -> Any:
    """The same value, with dots in place of secrets; without a schema nothing is known to be secret."""
    try:
        if not isinstance(schema, Mapping) or not reaches_sensitive(schema, root=schema):
            return value
        return _masked(value, [schema], root=schema, depth=0)
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
        return HIDDEN  # the schema is broken, and something in it may be meant


def _masked(value: Any, schemas: list[Any], *, root: Mapping[str, Any], depth: int) -> Any:
    parts = [part for schema in schemas for part in _alternatives(schema, root=root, depth=0)]
    if value is None or value == "" or not parts:
        return value
    if depth > _DEPTH_MAX or any(is_sensitive(part) for part in parts):
        return HIDDEN
    if isinstance(value, Mapping):
        return {key: _masked(member, _of_key(parts, key), root=root, depth=depth + 1) for key, member in value.items()}
    if isinstance(value, list):
        items = [part[name] for part in parts for name in ("items", "contains") if name in part]
        items += [one for part in parts for one in part.get("prefixItems", ())]
        return [_masked(item, items, root=root, depth=depth + 1) for item in value]
    return value


def _alternatives(schema: Any, *, root: Mapping[str, Any], depth: int) -> Iterator[Mapping[str, Any]]:
    """Everything that may describe a value here. Two that disagree about secrecy make it secret."""
    if not isinstance(schema, Mapping) or depth > _DEPTH_MAX:
        return
    yield schema
    if "$ref" in schema:
        yield from _alternatives(target(schema["$ref"], root=root), root=root, depth=depth + 1)
    for keyword in _PARTS:
        for part in schema.get(keyword, ()):
            yield from _alternatives(part, root=root, depth=depth + 1)


def _of_key(parts: list[Mapping[str, Any]], key: str) -> list[Any]:
    named = [part["properties"][key] for part in parts if key in part.get("properties", {})]
    others = [part["additionalProperties"] for part in parts if "additionalProperties" in part]
    patterns = [one for part in parts for one in part.get("patternProperties", {}).values()]
    return named or [*others, *patterns]
