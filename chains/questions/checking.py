"""Whether a value may be sent to a graph, by its JSON Schema where there is one (draft 2020-12)."""

import json
import re
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.validators import extend
from referencing import Registry
from referencing.exceptions import Unresolvable

from chains.canonical import NotCanonical, canonical_bytes
from chains.questions.shapes import BadAnswer

LONGEST_MESSAGE = 300
# What a checkpoint can hold; a float counts as whole too, since it may come back from a database as an integer.
SMALLEST, LARGEST = -(2**63), 2**64 - 1
# With any of these, a schema may take more names than its `properties` say.
OPENING = frozenset(
    {"additionalProperties", "patternProperties", "unevaluatedProperties", "$ref", "$dynamicRef"}
    | {"allOf", "anyOf", "oneOf", "if", "dependentSchemas"}
)
# What a schema may do to its checker: a bad pattern, a reference to nowhere or round in circles, an absurd number.
FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError, re.error, Unresolvable)


def sendable(value: Any) -> Any:
    """The value as plain JSON, as the checkpoint will hold it. Raises BadAnswer where it could not."""
    try:
        plain = json.loads(canonical_bytes(value))
    except (NotCanonical, ValueError) as error:
        raise BadAnswer(str(error)) from error
    for part in _parts(plain):
        if isinstance(part, str) and "\x00" in part:
            raise BadAnswer("It holds a NUL character, which cannot be stored. Take it out.")
        if isinstance(part, int | float) and part % 1 == 0 and not SMALLEST <= part <= LARGEST:
            raise BadAnswer("It holds a whole number of more than 64 bits, which cannot be stored. Write it as text.")
    return plain


def require_words(message: str) -> str:
    if not message.strip():
        raise BadAnswer("Write your answer.", "message")
    return message


def require_edit(arguments: Any, *, proposed: Any, schema: Mapping[str, Any] | None) -> None:
    if not isinstance(arguments, dict):
        raise BadAnswer("Give the arguments as a set of named values.")
    if schema is None:
        _require_same_kinds(arguments, proposed, path=())
    else:
        require_fit(arguments, schema)


def require_declared(arguments: Mapping[str, Any], *, proposed: Any, schema: Mapping[str, Any] | None) -> None:
    """A tool ignores arguments it does not know, so a misspelt one would silently fall back to its default."""
    declared = (schema or {}).get("properties")
    if not isinstance(declared, Mapping) or OPENING & (schema or {}).keys():
        return
    for name in arguments:
        if name not in declared and name not in proposed:
            raise BadAnswer(f"There is no argument {name}. There are: {', '.join(declared) or 'none'}.", name)


def require_fit(value: Any, schema: Mapping[str, Any], *, what: str = "The answer") -> None:
    try:
        fault = _fault(value, schema)
    except SchemaError as error:
        raise BadAnswer(f"The graph asks with a broken schema: {_short(error.message)}. Tell its author.") from error
    except FAULTS as error:
        raise BadAnswer("The graph asks with a schema that cannot be checked. Tell its author.") from error
    if fault is not None:
        path = ".".join(str(part) for part in fault.absolute_path)
        raise BadAnswer(f"{path or what}: {_short(fault.message)}.", path)


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    try:
        require_fit(value, schema)
    except BadAnswer:
        return False
    return True


def _fault(value: Any, schema: Mapping[str, Any]) -> ValidationError | None:
    """A schema with an address of its own, or with references to elsewhere, never makes us fetch anything."""
    local = {key: part for key, part in schema.items() if key not in ("$schema", "$id")}
    Draft202012Validator.check_schema(local)
    validator = _Validator(local, registry=Registry(), format_checker=FormatChecker())
    fault: ValidationError | None = best_match(validator.iter_errors(value))
    return fault


def _require_same_kinds(value: Any, proposed: Any, *, path: tuple[str, ...]) -> None:
    """Without a schema the proposal is all there is to go by: what was a number there must not turn into text."""
    if isinstance(value, dict) and isinstance(proposed, dict):
        for key in value.keys() & proposed.keys():
            _require_same_kinds(value[key], proposed[key], path=(*path, key))
    elif isinstance(proposed, int | float) and _kind(value) not in ("", _kind(proposed)):
        name = ".".join(path)
        raise BadAnswer(f"{name}: {_kind(proposed)} was proposed, and this is {_kind(value)}.", name)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    return "text" if isinstance(value, str) else "a number" if isinstance(value, int | float) else ""


def _parts(value: Any) -> Iterator[Any]:
    """Everything in it, names included."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _parts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _parts(part)
    else:
        yield value


def _short(message: str) -> str:
    return message if len(message) <= LONGEST_MESSAGE else f"{message[:LONGEST_MESSAGE]}…"


def _exact_multiple(validator: Any, unit: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    """As written: in floats, 1240.1 is not a multiple of 0.01."""
    if validator.is_type(value, "number") and Fraction(str(value)) % Fraction(str(unit)):
        yield ValidationError(f"{value} is not a multiple of {unit}")


def _unique(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[ValidationError]:
    """By text: pair by pair, a long list of objects takes minutes."""
    parts = value if wanted and validator.is_type(value, "array") else []
    if len({canonical_bytes(_counted(part)) for part in parts}) < len(parts):
        yield ValidationError("The same value is in it twice")


def _counted(value: Any) -> Any:
    """1.0 and 1 are one value to JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _counted(part) for key, part in value.items()}
    return [_counted(part) for part in value] if isinstance(value, list) else value


_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"multipleOf": _exact_multiple, "uniqueItems": _unique}
)
