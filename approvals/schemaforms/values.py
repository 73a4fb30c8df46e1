"""JSON values: the absent one, exact comparison, and what can be kept."""

import json
import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 50
UNSTORABLE: Final = "Remove the invisible character that cannot be stored (NUL or half of an emoji)."


class Absent(Enum):
    """A key that is not there, as opposed to one that is there and null."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT

Path = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Start:
    """What a place in the JSON held before anybody typed.

    `fresh` says that there was no document to begin with, so that defaults are written out;
    in a document being edited an absent key stays absent until somebody gives it a value.
    """

    original: Any = ABSENT
    default: Any = ABSENT
    fresh: bool = True
    required: bool = True

    @property
    def shown(self) -> Any:
        return self.default if self.original is ABSENT else self.original

    def kept(self) -> Any:
        """What this place is worth when nobody touches it."""
        return self.default if self.original is ABSENT and self.is_asked else self.original

    @property
    def is_asked(self) -> bool:
        """Whether this place is to be written down even when nobody touches it."""
        return self.fresh or self.required

    @property
    def is_empty(self) -> bool:
        return self.shown is ABSENT or self.shown is None

    def kept_empty(self, *, nullable: bool, empty: Any) -> Any:
        """For a place that was empty and still is: as it was, or `empty` where that could not stay."""
        value = self.kept()
        if value is ABSENT:
            return empty if self.is_asked else ABSENT
        return value if nullable else empty

    def member(self, key: str, *, required: bool) -> "Start":
        shown = self.shown
        original = shown.get(key, ABSENT) if isinstance(shown, dict) else ABSENT
        return Start(original=original, fresh=self.fresh, required=required)


def same_json(one: Any, two: Any) -> bool:
    """Equal in value and in JSON type: 1, 1.0, true and "1" are four different things."""
    if type(one) is not type(two):
        return False
    if isinstance(one, dict):
        return one.keys() == two.keys() and all(same_json(one[key], two[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(two) and all(map(same_json, one, two))
    if isinstance(one, float):
        return repr(one) == repr(two)
    return bool(one == two)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON for people; lone surrogates become escapes, because no response could be encoded with them."""
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    return text if can_store(text) else json.dumps(value, indent=indent)


def json_size(value: Any) -> int:
    """Bytes of the smallest JSON that says `value`."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="surrogatepass"))


def can_store(text: str) -> bool:
    """PostgreSQL's jsonb refuses NUL, and UTF-8 has no half of a surrogate pair."""
    if text.isascii():
        return "\0" not in text
    return "\0" not in text and not any("\ud800" <= letter <= "\udfff" for letter in text)


def displayable(text: str) -> str:
    """`text` as a browser can show it and send it back."""
    if can_store(text):
        return text
    return "".join(letter if can_store(letter) else "\ufffd" for letter in text)


def has_lines(value: Any) -> bool:
    """An input of one line would drop its line ends."""
    return isinstance(value, str) and ("\n" in value or "\r" in value)


def plain(newlines: str) -> str:
    """Text with one kind of line end: browsers send CRLF whatever they were given."""
    return newlines.replace("\r\n", "\n").replace("\r", "\n")


def unkeepable(value: Any, *, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Places in `value` that JSON or the database could not hold, each with a sentence."""
    if len(path) > MAX_DEPTH:
        yield path, f"Nested too deeply. At most {MAX_DEPTH} levels can be kept."
    elif isinstance(value, str):
        if not can_store(value):
            yield path, UNSTORABLE
    elif isinstance(value, float):
        if not math.isfinite(value):
            yield path, "Enter a number. NaN and Infinity cannot be kept as JSON."
    elif isinstance(value, dict):
        for key, member in value.items():
            if not can_store(key):
                yield path, UNSTORABLE
            yield from unkeepable(member, path=(*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unkeepable(item, path=(*path, index))


def is_too_deep(value: Any) -> bool:
    """Without recursion, for what is too deep for that."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        inside = [member.values() if isinstance(member, dict) else member for member in level if _has_members(member)]
        level = [member for members in inside for member in members]
    return bool(level)


def locked(document: Mapping[str, Any], value: Mapping[str, Any], *, editable: Collection[str]) -> dict[str, Any]:
    """`value` where it may differ from `document`, `document` everywhere else."""
    kept = {key: value.get(key, ABSENT) if key in editable else document[key] for key in document}
    added = {key: value[key] for key in value if key in editable and key not in document}
    return {key: member for key, member in {**kept, **added}.items() if member is not ABSENT}


def count_scalars(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(count_scalars, value.values()))
    if isinstance(value, list):
        return sum(map(count_scalars, value))
    return 1


def _has_members(value: Any) -> bool:
    return isinstance(value, dict | list) and bool(value)
