"""How a line of the record is written down and sealed, so that what was kept honestly always verifies.

PostgreSQL gives JSON back in forms of its own: 1e+16 as a whole number, -0.0 as 0.0. A line is sealed over what it will
give back, never over what was handed in.
"""

import hmac
import json
import re
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.conf import settings

UNKEEPABLE = "\ufffd"
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")


class Unreadable(ValueError):
    """This is JSON that Holdpoint never writes."""


def as_kept(value: Any) -> Any:
    """The same JSON as the database will give it back. What it cannot hold (NUL, half an emoji, infinity) is replaced:
    the record must never be why a transaction fails.
    """
    text = json.dumps(value, ensure_ascii=False).encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return json.loads(_NUL.sub(rf"\1{UNKEEPABLE}", text), parse_float=_number, parse_constant=str)


def read_kept(text: str) -> Any:
    """JSON as PostgreSQL prints it. Raises Unreadable for what `as_kept` cannot have written."""
    try:
        return json.loads(text, parse_float=_exact_number)
    except (ValueError, RecursionError) as error:
        raise Unreadable(Unreadable.__doc__) from error


def digest(kept: Any) -> str:
    """SHA-256 of JSON as it is kept."""
    return sha256(_canonical(kept).encode()).hexdigest()


def moment_text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def line_text(
    *,
    thread_id: uuid.UUID,
    seq: int,
    kind: str,
    actor_id: int | None,
    actor_name: str,
    data: Any,
    at: str,
    previous_mac: str,
) -> str:
    """Everything a line says, in one form. It is a JSON array, so no two different lines have the same text."""
    return _canonical([str(thread_id), seq, str(kind), actor_id, actor_name, data, at, previous_mac])


def all_keys() -> list[bytes]:
    """Every key that has ever signed, the oldest first; the last one signs."""
    return [key.encode() for key in (*settings.HOLDPOINT_RECORD_KEYS_OLD, settings.HOLDPOINT_RECORD_KEY)]


def sealed(text: str, key: bytes) -> str:
    return hmac.new(key, text.encode(), sha256).hexdigest()


def key_of(text: str, mac: str) -> int | None:
    """Which of `all_keys` made this MAC; None: none of them."""
    made_by = (n for n, key in enumerate(all_keys()) if hmac.compare_digest(sealed(text, key).encode(), mac.encode()))
    return next(made_by, None)


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _number(text: str) -> int | float:
    """A float as PostgreSQL's numeric prints it: without an exponent, so that a large one becomes a whole number."""
    plain = f"{Decimal(text):f}"
    return float(plain) + 0.0 if "." in plain else int(plain)


def _exact_number(text: str) -> float:
    """Refuses 0.10 and a 0.1 with forty digits: equal to what was written, as Python reads it, but not what was."""
    found = float(text)
    if f"{Decimal(repr(found)):f}" != text:
        raise Unreadable(Unreadable.__doc__)
    return found
