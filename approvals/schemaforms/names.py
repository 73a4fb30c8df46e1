"""Names of controls: dotted paths that no property name can break, and labels out of property names."""

import re
from typing import Final
from urllib.parse import quote

ROOT: Final = "value"

_TAKEN = ("csrfmiddlewaretoken",)


def joined(name: str, part: str | int) -> str:
    """`lines` and 0 make `lines.0`; nothing and `lines` make `lines`."""
    return f"{name}.{part}" if name else str(part)


def encoded(key: str) -> str:
    """A property name as one part of a control's name; safe in ids too, which may hold no space.

    A leading underscore is for the form's own controls (`_rows`, `_add`), so it is escaped as well.
    """
    safe = quote(key, safe="", errors="surrogatepass").replace(".", "%2E")
    if safe.startswith("_") or safe in _TAKEN:
        safe = f"%{ord(safe[0]):02X}{safe[1:]}"
    return safe or "%"


def humanised(key: str) -> str:
    """`order_id`, `orderId` and `OrderId` read "Order id"; words in capitals stay."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key.replace("_", " ").replace("-", " ")).split()
    lowered = [word if word.isupper() and len(word) > 1 else word.lower() for word in words]
    text = " ".join(lowered)
    return text[:1].upper() + text[1:] or key


def is_automatic(title: str, *, key: str) -> bool:
    """Whether a title is what Pydantic makes of the name when the author gave none."""
    return title == key.title().replace("_", " ").strip()
