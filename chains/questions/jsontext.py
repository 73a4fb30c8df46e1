"""JSON as text, read in the one way in which every reader reads it."""

import json
from typing import Any

from chains.canonical import NotCanonical, canonical_bytes


def parse(text: str) -> Any:
    """None for text that is not JSON, or that not everybody reads alike."""
    try:
        value = read_json(text)
        canonical_bytes(value)
    except (ValueError, RecursionError, NotCanonical):
        return None
    return value


def read_json(text: str) -> Any:
    """Raises JSONDecodeError for text that is not JSON; ValueError or RecursionError for JSON to be wary of."""
    return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_object)


def _no_constant(name: str) -> Any:
    """Python would read NaN and Infinity, which JSON does not know."""
    raise json.JSONDecodeError("Not JSON", name, 0)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("The same name twice in one object.")
    return found
