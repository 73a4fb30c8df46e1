"""JSON Schema as it is written: references followed, parts merged, what no form can keep refused."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

Seen = frozenset[str]

_IN_PLACE = ("allOf", "anyOf", "oneOf")
_IN_PLACE_ONE = ("not", "if", "then", "else")
LISTS = (*_IN_PLACE, "prefixItems")
MAPS = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
ONES = (*_IN_PLACE_ONE, "items", "additionalProperties", "contains", "propertyNames")
UNEVALUATED = ("unevaluatedItems", "unevaluatedProperties")
# Patterns are looked at by whoever will check them: a model's follow other rules than ours.
_ANY_FORMAT = FormatChecker(formats=())
_TEXT_MEDIA: Final = ("text/", "application/json")


class SchemaNotSupported(Exception):
    """No form can be made of this schema; the message says which part stands in the way."""


def check_schema(schema: Mapping[str, Any], *, is_authority: bool) -> None:
    """Refuse what could not be drawn or, when the schema alone decides, could not be checked."""
    _check(json.dumps(schema), is_authority=is_authority)


def compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern of JSON Schema, which follows JavaScript: `$` is the very end and `\\d` is 0 to 9."""
    return _compiled(pattern)


def target(reference: str, *, root: Mapping[str, Any]) -> Any:
    """What `#/$defs/Line` points at; KeyError, IndexError or ValueError when it points nowhere."""
    found: Any = root
    for part in unquote(reference).removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found[int(key)] if isinstance(found, list) else found[key]
    return found


def resolved(schema: Any, *, root: Mapping[str, Any], seen: Seen) -> tuple[dict[str, Any], Seen]:
    """The schema with its references and `allOf` merged in, and the references followed so far.

    A reference met again on the way down is recursion: it reads as `{}`, which any value fits.
    """
    if not isinstance(schema, Mapping):
        return {}, seen
    merged: dict[str, Any] = {}
    own = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
    reference = schema.get("$ref")
    if reference is not None:
        if reference in seen:
            return own, seen
        seen |= {reference}
        merged, seen = resolved(target(reference, root=root), root=root, seen=seen)
    for part in schema.get("allOf", ()):
        addition, seen = resolved(part, root=root, seen=seen)
        merged = merge(merged, addition)
    return merge(merged, own), seen


def merge(base: Mapping[str, Any], addition: Mapping[str, Any]) -> dict[str, Any]:
    """Both at once, near enough to draw: whether a value fits is decided by the whole schema, later."""
    merged = {**base, **addition}
    if "properties" in base and "properties" in addition:
        merged["properties"] = dict(base["properties"])
        for key, schema in addition["properties"].items():
            both = key in base["properties"]
            merged["properties"][key] = {"allOf": [base["properties"][key], schema]} if both else schema
    if "required" in base and "required" in addition:
        merged["required"] = [*base["required"], *addition["required"]]
    return merged


def is_sensitive(schema: Mapping[str, Any]) -> bool:
    """Whether the schema says of itself that its value must not be shown; Pydantic's SecretStr does."""
    return bool(schema.get("x-sensitive") or schema.get("writeOnly")) or schema.get("format") == "password"


def reaches_sensitive(schema: Any, *, root: Mapping[str, Any]) -> bool:
    """Whether this schema or anything inside it is sensitive."""
    return any(is_sensitive(part) for part in _reachable(schema, root=root, seen=set()))


def is_file(schema: Mapping[str, Any]) -> bool:
    """Text of some media type is typed, unless the schema says how it is encoded, how large it may be, or "file"."""
    media = schema.get("contentMediaType")
    if not isinstance(media, str):
        return False
    is_sent = "contentEncoding" in schema or "x-max-bytes" in schema or schema.get("x-widget") == "file"
    return is_sent or not media.startswith(_TEXT_MEDIA)


@lru_cache(maxsize=128)
def _check(text: str, *, is_authority: bool) -> None:
    """Once for each schema: the check takes longer than everything else about a form."""
    schema = json.loads(text)
    try:
        Draft202012Validator.check_schema(schema, format_checker=_ANY_FORMAT)
    except SchemaError as error:
        where = "/".join(map(str, error.absolute_path))
        raise SchemaNotSupported(f"Not a valid JSON Schema (draft 2020-12) at #/{where}.") from None
    done: set[str] = set()
    for part in _everywhere(schema):
        _check_references(part, root=schema)
        if is_authority:
            _check_patterns(part)
    for part in _everywhere(schema):
        _check_ends(part, root=schema, done=done)


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    end_is_end = re.sub(r"(\\.|\[\^?\]?(?:\\.|[^\]\\])*\])|\$", lambda found: found[1] or r"\Z", pattern, flags=re.S)
    try:
        return re.compile(end_is_end, re.ASCII)
    except (re.error, OverflowError, RecursionError):
        return None


def _subschemas(schema: Mapping[str, Any]) -> Iterator[Any]:
    for keyword in MAPS:
        yield from schema.get(keyword, {}).values()
    for keyword in LISTS:
        yield from schema.get(keyword, ())
    for keyword in (*ONES, *UNEVALUATED):
        if keyword in schema:
            yield schema[keyword]


def _everywhere(schema: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(schema, Mapping):
        yield schema
        for part in _subschemas(schema):
            yield from _everywhere(part)


def _reachable(schema: Any, *, root: Mapping[str, Any], seen: set[str]) -> Iterator[Mapping[str, Any]]:
    if not isinstance(schema, Mapping):
        return
    yield schema
    reference = schema.get("$ref")
    if reference is not None and reference not in seen:
        seen.add(reference)
        yield from _reachable(target(reference, root=root), root=root, seen=seen)
    for part in _subschemas({key: value for key, value in schema.items() if key not in ("$defs", "definitions")}):
        yield from _reachable(part, root=root, seen=seen)


def _check_references(schema: Mapping[str, Any], *, root: Mapping[str, Any]) -> None:
    if "$dynamicRef" in schema or ("$id" in schema and schema is not root):
        raise SchemaNotSupported("References by $id or $dynamicRef are not followed. Use $defs and #/$defs/Name.")
    reference = schema.get("$ref", "#")
    try:
        found = target(reference, root=root) if re.match(r"#(/|$)", reference) else None
    except (KeyError, IndexError, ValueError, TypeError):
        found = None
    if not isinstance(found, Mapping | bool):
        raise SchemaNotSupported(f"The reference {reference} points nowhere in this schema. Define it in $defs.")


def _check_patterns(schema: Mapping[str, Any]) -> None:
    for pattern in (*schema.get("patternProperties", ()), schema.get("pattern", "")):
        if compiled(pattern) is None:
            raise SchemaNotSupported(f"The pattern {pattern} cannot be checked here. Write it without special syntax.")


def _check_ends(schema: Any, *, root: Mapping[str, Any], open_: Seen = frozenset(), done: set[str]) -> None:
    """A schema that refers to itself without going a level down would never be done checking."""
    if not isinstance(schema, Mapping):
        return
    reference = schema.get("$ref")
    if reference in open_:
        raise SchemaNotSupported(f"The reference {reference} leads back to itself. Give it a shape of its own.")
    if reference is not None and reference not in done:
        _check_ends(target(reference, root=root), root=root, open_=open_ | {reference}, done=done)
        done.add(reference)
    in_place = [part for keyword in _IN_PLACE for part in schema.get(keyword, ())]
    for part in (*in_place, *(schema[keyword] for keyword in _IN_PLACE_ONE if keyword in schema)):
        _check_ends(part, root=root, open_=open_, done=done)
