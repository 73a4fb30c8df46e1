"""Older dialects of JSON Schema (drafts 4 to 7, OpenAPI 3.0), put into the words of draft 2020-12."""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from .schema import LISTS, MAPS, ONES, UNEVALUATED, SchemaNotSupported


def modern(schema: Any) -> dict[str, Any]:
    """The same schema as draft 2020-12 says it; SchemaNotSupported when it is no JSON object."""
    try:
        text = json.dumps(schema)
    except (TypeError, ValueError, RecursionError):
        text = ""
    if not text.startswith("{"):
        raise SchemaNotSupported("Not a JSON Schema: it must be an object of JSON values, and not hold itself.")
    return _modern(text)


@lru_cache(maxsize=128)
def _modern(text: str) -> dict[str, Any]:
    said: dict[str, Any] = _translated(json.loads(text))
    return said


def _translated(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    said = dict(schema)
    for rewrite in (_limits, _positions, _dependencies, _nothing):
        rewrite(said)
    for keyword in MAPS:
        _each(said, keyword, lambda parts: {key: _translated(part) for key, part in parts.items()}, kind=dict)
    for keyword in LISTS:
        _each(said, keyword, lambda parts: [_translated(part) for part in parts], kind=list)
    for keyword in (*ONES, *UNEVALUATED):
        _each(said, keyword, _translated, kind=dict)
    return said


def _each(said: dict[str, Any], keyword: str, change: Callable[[Any], Any], *, kind: type) -> None:
    """What is not of the kind the keyword wants is left for the check to refuse."""
    if isinstance(said.get(keyword), kind):
        said[keyword] = change(said[keyword])


def _limits(said: dict[str, Any]) -> None:
    """Draft 4: `exclusiveMinimum: true` makes `minimum` itself too small."""
    for plain, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(said.get(exclusive), bool) and said.pop(exclusive) and plain in said:
            said[exclusive] = said.pop(plain)


def _positions(said: dict[str, Any]) -> None:
    """Up to 2019-09: a list of schemas for `items` is one for each position, `additionalItems` is for the rest."""
    if isinstance(said.get("items"), list):
        said["prefixItems"] = said.pop("items")
        if "additionalItems" in said:
            said["items"] = said.pop("additionalItems")


def _dependencies(said: dict[str, Any]) -> None:
    """Up to draft 7: one keyword for names and for schemas."""
    wanted = said.get("dependencies")
    if not isinstance(wanted, Mapping):
        return
    names = {key: value for key, value in wanted.items() if isinstance(value, list)}
    schemas = {key: value for key, value in wanted.items() if not isinstance(value, list)}
    for keyword, parts in (("dependentRequired", names), ("dependentSchemas", schemas)):
        if parts:
            there = said.get(keyword)
            said[keyword] = {**(there if isinstance(there, dict) else {}), **parts}
    del said["dependencies"]


def _nothing(said: dict[str, Any]) -> None:
    """OpenAPI 3.0: `nullable: true` beside a type."""
    if said.get("nullable") is not True or not isinstance(said.get("type"), str):
        return
    said["type"] = [said["type"], "null"]
    if isinstance(said.get("enum"), list) and None not in said["enum"]:
        said["enum"] = [*said["enum"], None]
