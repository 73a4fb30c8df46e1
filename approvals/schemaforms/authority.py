"""The last word on a value: the Pydantic model where there is one, otherwise the JSON Schema."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import time
from fractions import Fraction
from typing import Any, Final, cast

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError as SchemaFault
from jsonschema.validators import extend
from pydantic import BaseModel, ValidationError
from referencing import Registry

from .schema import compiled
from .wording import SENTENCES, Issue

Authority = Callable[[Any], list[Issue]]

_LIMITS = (
    *("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length"),
    *("max_digits", "decimal_places", "whole_digits"),
)
_CODES: Final[Mapping[str, str]] = {
    "minimum": "greater_than_equal",
    "exclusiveMinimum": "greater_than",
    "maximum": "less_than_equal",
    "exclusiveMaximum": "less_than",
    "multipleOf": "multiple_of",
    "minLength": "string_too_short",
    "maxLength": "string_too_long",
    "pattern": "string_pattern_mismatch",
    "minItems": "too_short",
    "maxItems": "too_long",
    "uniqueItems": "not_unique",
}
_TYPES: Final[Mapping[Any, str]] = {
    "string": "string_type",
    "integer": "int_type",
    "number": "float_type",
    "boolean": "bool_type",
    "array": "list_type",
    "object": "dict_type",
    "null": "none_required",
}
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_ZONED_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]+)?)?(Z|[+-][0-9]{2}:[0-9]{2})?", re.IGNORECASE)


def model_authority(model: type[BaseModel]) -> Authority:
    """Read as JSON, so that a strict model still takes its dates out of text."""

    def issues(value: Any) -> list[Issue]:
        try:
            model.model_validate_json(json.dumps(value))
        except ValidationError as error:
            return [_model_issue(dict(one)) for one in error.errors(include_url=False)]
        return []

    return issues


def schema_authority(schema: Mapping[str, Any]) -> Authority:
    validator = _validator(schema)
    return lambda value: [issue for fault in validator.iter_errors(value) for issue in _issues(fault)]


def fits(value: Any, *, schema: Mapping[str, Any], root: Mapping[str, Any]) -> bool:
    """Whether `value` is valid under a part of `root`, whose references lead through `root`."""
    return next(_validator(root).descend(value, schema), None) is None


def _validator(schema: Mapping[str, Any]) -> Any:
    """A schema in a dialect of its own, or with references to elsewhere, never makes us fetch anything."""
    local = {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
    return _Validator(local, registry=Registry(), format_checker=_FORMATS)


def _model_issue(error: Mapping[str, Any]) -> Issue:
    context = error.get("ctx", {})
    code = str(error["type"])
    said = ""
    if isinstance(context.get("error"), Exception):
        said = str(context["error"])
    elif code not in SENTENCES:
        said = str(error["msg"])
    elif code == "value_error" and "reason" in context:
        code = "format email"
    limit = next((context[name] for name in _LIMITS if name in context), None)
    return Issue(path=tuple(error["loc"]), code=code, limit=limit, said=said, names_kinds=True)


def _issues(fault: SchemaFault) -> Iterator[Issue]:
    path = tuple(fault.absolute_path)
    keyword, wanted, value = str(fault.validator), cast(Any, fault.validator_value), cast(Any, fault.instance)
    if keyword in ("anyOf", "oneOf"):
        yield from _of_likeliest(fault)
    elif keyword in ("required", "dependentRequired"):
        missing = wanted if keyword == "required" else [key for keys in wanted.values() for key in keys]
        yield from (Issue(path=(*path, key), code="missing") for key in missing if key not in value)
    elif keyword == "additionalProperties":
        yield from (Issue(path=(*path, key), code="extra_forbidden") for key in _unknown(value, schema=fault.schema))
    elif keyword == "type":
        types = wanted if isinstance(wanted, list) else [wanted]
        code = next((_TYPES[one] for one in types if one != "null" and one in _TYPES), _TYPES["null"])
        yield Issue(path=path, code=code)
    elif keyword == "format":
        code = f"format {wanted}"
        yield Issue(path=path, code=code if code in SENTENCES else "format")
    else:
        yield Issue(path=path, code=_CODES.get(keyword, keyword), limit=wanted)


def _unknown(value: Mapping[str, Any], *, schema: Any) -> Iterator[str]:
    patterns = [compiled(pattern) for pattern in schema.get("patternProperties", ())]
    for key in value.keys() - schema.get("properties", {}).keys():
        if not any(pattern and pattern.search(key) for pattern in patterns):
            yield key


def _of_likeliest(fault: SchemaFault) -> Iterator[Issue]:
    """What is wrong under the alternative that the value comes nearest to."""
    if not fault.context:
        yield Issue(path=tuple(fault.absolute_path), code="more_than_one")
        return
    alternatives: dict[Any, list[SchemaFault]] = {}
    for one in fault.context:
        alternatives.setdefault(one.relative_schema_path[0], []).append(one)
    nearest = min(alternatives.values(), key=_distance)
    if _distance(nearest)[0] and isinstance(fault.instance, dict):
        yield Issue(path=tuple(fault.absolute_path), code="which_kind")
        return
    for one in nearest:
        yield from _issues(one)


def _distance(faults: Sequence[SchemaFault]) -> tuple[int, int]:
    """Another type or another constant says that this alternative is not meant at all."""
    foreign = [one for one in faults if one.validator == "const" or (one.validator == "type" and not one.relative_path)]
    return len(foreign), len(faults)


def _exact_multiple(validator: Any, unit: Any, value: Any, schema: Any) -> Iterator[SchemaFault]:
    """As written: in floats, 1240.1 is not a multiple of 0.01."""
    if validator.is_type(value, "number") and (Fraction(str(value)) / Fraction(str(unit))).denominator != 1:
        yield SchemaFault("not a multiple")


def _pattern(validator: Any, pattern: str, value: Any, schema: Any) -> Iterator[SchemaFault]:
    expression = compiled(pattern)
    if validator.is_type(value, "string") and not (expression and expression.search(value)):
        yield SchemaFault("no match")


def _unique(validator: Any, wanted: bool, value: Any, schema: Any) -> Iterator[SchemaFault]:
    """By text rather than pair by pair, which takes minutes for a long list of objects."""
    if wanted and validator.is_type(value, "array"):
        texts = {json.dumps(_as_numbers(item), sort_keys=True) for item in value}
        if len(texts) < len(value):
            yield SchemaFault("not unique")


def _as_numbers(value: Any) -> Any:
    """1.0 and 1 are one value to JSON Schema."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _as_numbers(member) for key, member in value.items()}
    return [_as_numbers(item) for item in value] if isinstance(value, list) else value


def _formats() -> FormatChecker:
    """The checks of draft 2020-12, but a bare time is one, and an e-mail address is more than an @."""
    checker = FormatChecker(formats=())
    checker.checkers = dict(Draft202012Validator.FORMAT_CHECKER.checkers)
    checker.checks("email")(lambda value: not isinstance(value, str) or bool(_EMAIL.fullmatch(value)))
    checker.checks("time", raises=ValueError)(_is_time)
    return checker


def _is_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return bool(_ZONED_TIME.fullmatch(value)) and time.fromisoformat(value.upper()) is not None


_FORMATS = _formats()
_Validator: Any = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator, {"multipleOf": _exact_multiple, "pattern": _pattern, "uniqueItems": _unique}
)
