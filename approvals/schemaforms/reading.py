"""Reading what people type, strictly and without regard to locale: numbers, times, JSON."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.utils import timezone

from .values import MAX_BYTES, MAX_DEPTH

MAX_DIGITS: Final = 1000

_WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPED = re.compile(r"([+-]?[0-9][0-9.,' \u00a0\u202f]*)([.,])([0-9]*)")
# An unfinished string runs to the end, so that every character is looked at once.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)

_JSON_FAULTS = {
    "Expecting property name enclosed in double quotes": "a key in double quotes belongs here.",
    "Illegal trailing comma": "take out the comma before the closing bracket.",
    "Expecting ',' delimiter": "a comma or a closing bracket is missing.",
    "Expecting ':' delimiter": "a colon is missing after the key.",
    "Expecting value": "a value is missing, or text is not in double quotes.",
    "Extra data": "there is something after the end of the value.",
    "Invalid control character": "write line ends and tabs inside text as \\n and \\t.",
    "Unterminated string": "the closing double quote is missing.",
    "Invalid \\": "write a backslash inside text as \\\\.",
}


class NotReadable(ValueError):
    """The text does not say a value; the message tells how to write one."""


def read_integer(text: str) -> int:
    """The exact integer, however large, up to `MAX_DIGITS` digits."""
    if not _WHOLE.fullmatch(text):
        raise NotReadable(_number_advice(text, example="a whole number, for example 12"))
    if len(text) > MAX_DIGITS:
        raise NotReadable(f"Enter a number of at most {MAX_DIGITS} digits.")
    return int(text.partition(".")[0])


def read_number(text: str) -> int | float:
    """The number JSON would hold; refused when a float could not hold it exactly as written."""
    _check_number(text)
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    if not _is_exact(text):
        raise NotReadable("Enter a number with at most 15 digits; more cannot be kept exactly.")
    return float(text)


def is_number(text: str) -> bool:
    return _NUMBER.fullmatch(text) is not None


def read_decimal(text: str, *, as_text: bool) -> int | float | str:
    """A decimal as a JSON number where that is exact, otherwise as the text that was typed."""
    _check_number(text)
    if as_text or not _is_exact(text):
        return text.removeprefix("+")
    return read_number(text)


def read_moment(text: str, *, naive: bool) -> str:
    """ISO 8601; a time without an offset is taken in the current time zone, unless `naive` ones are kept."""
    text = text.strip()
    moment = as_moment(text)
    if moment is None:
        raise NotReadable("Enter a date and time, for example 2026-03-31 14:30.")
    if moment.tzinfo is not None or naive:
        return text.replace(" ", "T", 1)
    aware = timezone.make_aware(moment)
    if on_the_clock(aware.astimezone(UTC) if 1 < moment.year < 9999 else aware) != moment:
        raise NotReadable("The clocks skip this time on that day. Choose another.")
    return aware.isoformat()


def on_the_clock(moment: datetime) -> datetime | None:
    """Without its offset, as a clock in the current time zone shows it; None where the calendar ends."""
    try:
        return moment if moment.tzinfo is None else timezone.localtime(moment).replace(tzinfo=None)
    except OverflowError:
        return None


def as_moment(text: str) -> datetime | None:
    """A date and time, or None when the text is not both."""
    try:
        return datetime.fromisoformat(text) if len(text) > len("2026-03-31") else None
    except ValueError:
        return None


def read_json(text: str) -> Any:
    """Strict JSON: no duplicate keys, NaN or Infinity, and no number that would change on the way."""
    if len(text.encode(errors="surrogatepass")) > MAX_BYTES:
        raise NotReadable(f"Too long. At most {MAX_BYTES // 1024} kB can be kept.")
    for position, fault in _faults(text):
        raise NotReadable(f"Line {_line(text, position)}: {fault}")
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        fault = next((said for raw, said in _JSON_FAULTS.items() if error.msg.startswith(raw)), "")
        raise NotReadable(f"Line {error.lineno}: {fault or 'this is not valid JSON.'}") from None


def _check_number(text: str) -> None:
    if not is_number(text):
        raise NotReadable(_number_advice(text, example="a number, for example 1240.50"))
    if len(text) > MAX_DIGITS:
        raise NotReadable(f"Enter a number of at most {MAX_DIGITS} digits.")


def _is_exact(text: str) -> bool:
    if re.fullmatch(r"[+-]?[0-9]+", text):
        return True
    try:
        return Decimal(repr(float(text))) == Decimal(text)
    except InvalidOperation:
        return False


def _number_advice(text: str, *, example: str) -> str:
    """Never guess what 1,240 means; suggest only where both marks make it plain."""
    grouped = None if is_number(text) else _GROUPED.fullmatch(text)
    if grouped is None:
        return f"Enter {example}."
    whole, mark, decimals = grouped.groups()
    groups = re.split(r"[^0-9+-]", whole)
    if mark not in whole and len(groups) > 1 and all(len(group) == 3 for group in groups[1:]) and decimals:
        return f"Write the number without separators and with a point: {''.join(groups)}.{decimals}."
    return f"Write the number without separators and with a decimal point. Enter {example}."


def _faults(text: str) -> Iterator[tuple[int, str]]:
    """What json.loads would let pass, in order: (position, sentence)."""
    open_objects: list[set[str] | None] = []
    before = ""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token in "{[":
            open_objects.append(set() if token == "{" else None)
            if len(open_objects) > MAX_DEPTH:
                yield match.start(), f"nested too deeply. At most {MAX_DEPTH} levels can be kept."
        elif token in "}]":
            del open_objects[-1:]
        elif token.startswith('"') and before in ("{", ",") and open_objects and open_objects[-1] is not None:
            yield from _duplicate(match, keys=open_objects[-1])
        elif token.lstrip("-") in ("NaN", "Infinity"):
            yield match.start(), f"{token} is not JSON. Use a number or null."
        elif is_number(token) and not (len(token) <= MAX_DIGITS and _is_exact(token)):
            yield match.start(), "this number has more digits than can be kept exactly."
        before = token


def _duplicate(match: re.Match[str], *, keys: set[str]) -> Iterator[tuple[int, str]]:
    try:
        key = json.loads(match.group())
    except json.JSONDecodeError:
        return
    if key in keys:
        yield match.start(), "this key is there twice in the same object. Keep one."
    keys.add(key)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
