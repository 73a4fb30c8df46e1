"""Every sentence about a wrong value: one table for Pydantic's error types and JSON Schema's keywords.

`{limit}` is the bound that was missed. Nothing that somebody typed is ever repeated in a sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from .hints import Hints
from .values import Path, displayable

GENERIC: Final = "This value cannot be used. Check it and try again."

_WHOLE = "Enter a whole number, for example 12."
_NUMBER = "Enter a number, for example 1240.50."
_TEXT = "Enter text."
_DATE = "Enter a date, for example 2026-03-31."
_TIME = "Enter a time, for example 14:30."
_MOMENT = "Enter a date and time, for example 2026-03-31 14:30."
_DURATION = "Enter a length of time, for example PT1H30M for one and a half hours."
_ADDRESS = "Enter a web address, for example https://example.com."
_UUID = "Enter an identifier such as 123e4567-e89b-12d3-a456-426614174000."
_YES_NO = "Answer yes or no."
_LISTED = "Choose one of the listed values."
_LIST = "Enter a list."
_OBJECT = "Enter an object: names with values."
_MISSING = "Fill this in."
_KIND = "Choose which kind this is."
_NOT_HERE = "This cannot be entered in a form. Ask whoever made the form to change it."
_NOT_EXPECTED = "Leave this out: it is not expected here."
_LINK = "Enter a path or address in its usual form."
_REGEX = "Enter a regular expression, for example [0-9]+."
_IP = ("any", "v4", "v6")

# The sentence for an error type of Pydantic, or for a keyword of JSON Schema that has no counterpart there.
SENTENCES: Final[Mapping[str, str]] = {
    "missing": _MISSING,
    "missing_argument": _MISSING,
    "missing_keyword_only_argument": _MISSING,
    "missing_positional_only_argument": _MISSING,
    "extra_forbidden": _NOT_EXPECTED,
    "unexpected_keyword_argument": _NOT_EXPECTED,
    "unexpected_positional_argument": _NOT_EXPECTED,
    "multiple_argument_values": "Give this value once.",
    "invalid_key": "Use text for every name.",
    "none_required": "Leave this empty.",
    "greater_than": "Must be more than {limit}.",
    "greater_than_equal": "Must be at least {limit}.",
    "less_than": "Must be less than {limit}.",
    "less_than_equal": "Must be {limit} or less.",
    "multiple_of": "Must be a multiple of {limit}.",
    "finite_number": _NUMBER,
    "too_short": "Give at least {limit} {entries}.",
    "too_long": "Give at most {limit} {entries}.",
    "not_unique": "Take out the entries that are there twice.",
    "string_too_short": "Use at least {limit} {characters}.",
    "string_too_long": "Use at most {limit} {characters}.",
    "bytes_too_short": "Use at least {limit} {characters}.",
    "bytes_too_long": "Use at most {limit} {characters}.",
    "url_too_long": "Use at most {limit} {characters}.",
    "string_pattern_mismatch": "Use the expected form.",
    "string_not_ascii": "Use plain letters, digits and signs only, without accents.",
    "bytes_invalid_encoding": "Use plain text.",
    "enum": _LISTED,
    "literal_error": _LISTED,
    "const": "This value is fixed. Leave it as it was.",
    "value_error": GENERIC,
    "assertion_error": GENERIC,
    "date_from_datetime_inexact": "Enter a date without a time.",
    "date_past": "Choose a date in the past.",
    "date_future": "Choose a date in the future.",
    "datetime_past": "Choose a time in the past.",
    "datetime_future": "Choose a time in the future.",
    "timezone_naive": "Leave out the time zone.",
    "timezone_aware": "Add the time zone, for example 2026-03-31T14:30:00+02:00.",
    "timezone_offset": "Use the expected time zone.",
    "url_scheme": "Use a web address of the expected kind, for example one that begins with https://.",
    "uuid_version": "Use an identifier of the expected version.",
    "decimal_max_digits": "Use at most {limit} {digits} in all.",
    "decimal_max_places": "Use at most {limit} {digits} after the decimal point.",
    "decimal_whole_digits": "Use at most {limit} {digits} before the decimal point.",
    "json_invalid": "Write this as JSON.",
    "recursion_depth_exceeded": "Nested too deeply. Use fewer levels.",
    "recursion_loop": "Nested too deeply. Use fewer levels.",
    "fraction_parsing": "Enter a fraction, for example 3/4.",
    "fraction_type": "Enter a fraction, for example 3/4.",
    "complex_str_parsing": "Enter a complex number, for example 1+2j.",
    "complex_type": "Enter a complex number, for example 1+2j.",
    "contains": "One of the entries it must have is missing.",
    "minProperties": "Give at least {limit} {names}.",
    "maxProperties": "Give at most {limit} {names}.",
    "unevaluatedProperties": "Some of the names are not expected here.",
    "unevaluatedItems": "Some of the entries are not expected here.",
    "items": "Some of the entries are not expected here.",
    "propertyNames": "One of the names is not allowed here.",
    "more_than_one": "This fits more than one kind. Fill in fewer fields.",
    "format email": "Enter an e-mail address, for example name@example.com.",
    "format": "Use the expected form.",
    "predicate_failed": GENERIC,
    "not_operation_failed": GENERIC,
    "zoneinfo_str": "Enter a time zone, for example Europe/Berlin.",
    "import_error": _NOT_HERE,
    "sequence_str": _LIST,
    "byte_size": "Enter a size, for example 10 MB.",
    "byte_size_unit": "Enter a size, for example 10 MB.",
    "color_error": "Enter a colour, for example #0f6b45.",
    "base64_decode": "Enter text in base64.",
    "payment_card_number_digits": "Enter the card number in digits.",
    "payment_card_number_luhn": "Check the card number: one of its digits is wrong.",
    "payment_card_number_brand": "Check the card number: it has the wrong number of digits.",
    **dict.fromkeys(("int_type", "int_parsing", "int_parsing_size", "int_from_float"), _WHOLE),
    **dict.fromkeys(("float_type", "float_parsing", "decimal_type", "decimal_parsing"), _NUMBER),
    **dict.fromkeys(("string_type", "string_unicode", "bytes_type"), _TEXT),
    **dict.fromkeys(("date_type", "date_parsing", "date_from_datetime_parsing", "format date"), _DATE),
    **dict.fromkeys(("time_type", "time_parsing", "format time"), _TIME),
    **dict.fromkeys(("datetime_type", "datetime_parsing", "datetime_object_invalid"), _MOMENT),
    **dict.fromkeys(("datetime_from_date_parsing", "format date-time"), _MOMENT),
    **dict.fromkeys(("time_delta_type", "time_delta_parsing", "format duration"), _DURATION),
    **dict.fromkeys(("url_type", "url_parsing", "url_syntax_violation", "format uri"), _ADDRESS),
    **dict.fromkeys(("uuid_type", "uuid_parsing", "format uuid"), _UUID),
    **dict.fromkeys(("bool_type", "bool_parsing"), _YES_NO),
    **dict.fromkeys(("union_tag_invalid", "union_tag_not_found", "which_kind"), _KIND),
    **dict.fromkeys(("list_type", "deque_type", "tuple_type", "set_type", "frozen_set_type"), _LIST),
    **dict.fromkeys(("iterable_type", "iteration_error", "set_item_not_hashable", "arguments_type"), _LIST),
    **dict.fromkeys(("dict_type", "frozen_dict_type", "ordered_dict_type", "counter_type", "mapping_type"), _OBJECT),
    **dict.fromkeys(("model_type", "model_attributes_type", "dataclass_type", "dataclass_exact_type"), _OBJECT),
    **dict.fromkeys(("named_tuple_type",), _LIST),
    **dict.fromkeys(("path_type", "path_not_file", "path_not_directory", "path_not_socket"), _LINK),
    **dict.fromkeys(("path_exists", "parent_does_not_exist"), _LINK),
    **dict.fromkeys((f"ip_{kind}_address" for kind in _IP), "Enter an IP address, for example 192.0.2.1."),
    **dict.fromkeys((f"ip_{kind}_interface" for kind in _IP), "Enter an IP address, for example 192.0.2.1/24."),
    **dict.fromkeys((f"ip_{kind}_network" for kind in _IP), "Enter an IP network, for example 192.0.2.0/24."),
    **dict.fromkeys(("pattern_type", "pattern_regex", "pattern_str_type", "pattern_bytes_type"), _REGEX),
    **dict.fromkeys(("no_such_attribute", "get_attribute_error", "needs_python_object", "json_type"), _NOT_HERE),
    **dict.fromkeys(("frozen_field", "frozen_instance", "default_factory_not_called"), _NOT_HERE),
    **dict.fromkeys(("missing_sentinel_error", "ellipsis_error", "is_instance_of"), _NOT_HERE),
    **dict.fromkeys(("is_subclass_of", "callable_type"), _NOT_HERE),
}

# An author's own words for a wrong value (`x-error`) do not fit a value that is simply not there.
_NOT_ABOUT_THE_VALUE = ("missing", "extra_forbidden")
_WITH_UNIT = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of")
_NOUNS = {"entries": "entry", "characters": "character", "digits": "digit", "names": "name"}


@dataclass(frozen=True, kw_only=True)
class Issue:
    """What is wrong with one place of a value. `said` are the author's own words for it."""

    path: Path
    code: str
    limit: Any = None
    said: str = ""
    # Whether the path also names the kinds of a union on its way, as Pydantic's does.
    names_kinds: bool = False


def sentence(issue: Issue, *, hints: Hints, inside: Path) -> str:
    """What to do about it. `inside` leads further into a value that has no field of its own."""
    if issue.said:
        return _finished(displayable(issue.said))
    if hints.error and issue.code not in _NOT_ABOUT_THE_VALUE:
        return _finished(hints.error)
    text = SENTENCES.get(issue.code, GENERIC)
    text = text.format(limit=_limit(issue, hints=hints), **_nouns(issue.limit))
    return f"In {pointer(inside)}: {text[0].lower()}{text[1:]}" if inside else text


def pointer(inside: Path) -> str:
    """A way into JSON as people say it: lines 2, qty."""
    parts = (f"entry {part + 1}" if isinstance(part, int) else displayable(part) for part in inside)
    return " › ".join(parts)


def grouped(number: Any) -> str:
    """A number with its thousands marked; what is not a number comes back as it is."""
    text = str(number)
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return text
    return f"{amount:,f}" if amount.is_finite() and abs(amount.adjusted()) < 30 else text


def things_to_fix(count: int) -> str:
    words = ("", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine", "Ten")
    number = words[count] if count < len(words) else str(count)
    return f"{number} thing needs fixing" if count == 1 else f"{number} things need fixing"


def in_summary(message: str, *, label: str) -> str:
    """ "Amount: must be at least 1" for "Must be at least 1."; several sentences stay as they are."""
    if not label:
        return message
    is_word = message[1:2].islower() or message[1:2] == " "
    text = message[0].lower() + message[1:] if is_word else message
    return f"{label}: {text.removesuffix('.') if text.count('. ') == 0 else text}"


def _limit(issue: Issue, *, hints: Hints) -> str:
    number = grouped(issue.limit)
    whole = number.removesuffix(".0")
    return hints.with_unit(whole) if issue.code in _WITH_UNIT else whole


def _nouns(limit: Any) -> dict[str, str]:
    return {many: one if limit == 1 else many for many, one in _NOUNS.items()}


def _finished(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?", "…")) or not text else f"{text}."
