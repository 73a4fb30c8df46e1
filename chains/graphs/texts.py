"""Text that every saver can keep, and text that fits a title."""

import unicodedata
from typing import Annotated, Any

from pydantic import BeforeValidator


def storable(value: Any) -> Any:
    """Refuse what PostgreSQL has no way to keep in a text or JSON column; other types are left to the next check."""
    if isinstance(value, str):
        if "\x00" in value:
            raise ValueError("Remove the NUL character from the text; it cannot be stored.")
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise ValueError(
                "Remove the broken character (half of a surrogate pair) from the text; it cannot be stored."
            )
    return value


def one_newline(value: Any) -> Any:
    """Browsers send CRLF for every line of a text area."""
    return value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else value


def on_one_line(text: str, *, limit: int) -> str:
    """Whitespace folded, control and invisible format characters dropped, cut with an ellipsis at `limit`."""
    visible = "".join(c if c.isspace() or unicodedata.category(c)[0] != "C" else "" for c in text)
    line = " ".join(visible.split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + "…"


StorableText = Annotated[str, BeforeValidator(storable)]
