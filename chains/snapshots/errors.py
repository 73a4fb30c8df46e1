"""What may be shown of an error: its messages can hold passwords and whole documents."""

import ast
import re

from chains.jsonable import MARK

LENGTH = 200
LONGEST = 2_000
# A checkpoint keeps the repr of an error, not the error.
REPR = re.compile(r"([A-Za-z_][\w.]*)\((.*)\)", re.DOTALL)
CREDENTIALS = re.compile(r"(?<=://)[^/\s@]*@")


def safe_error(error: object) -> str:
    """Class and first line, shortened, without the credentials of any address in it."""
    kind, message = (type(error).__name__, str(error)) if isinstance(error, Exception) else _apart(str(error))
    lines = (line.strip() for line in message.splitlines())
    first = CREDENTIALS.sub(f"{MARK}@", next(filter(None, lines), ""))
    if len(first) > LENGTH:
        first = first[:LENGTH].rstrip() + MARK
    return ": ".join(filter(None, (kind, first)))


def technical_error(error: object) -> tuple[str, str]:
    """Class and text, for those who may see more; without the credentials of any address in it, and bounded, too."""
    kind, message = (type(error).__name__, str(error)) if isinstance(error, Exception) else _whole(str(error))
    text = CREDENTIALS.sub(f"{MARK}@", message).strip()
    return kind, text if len(text) <= LONGEST else text[:LONGEST].rstrip() + MARK


def _whole(text: str) -> tuple[str, str]:
    """Every argument of the error, and a single text as itself."""
    found = REPR.fullmatch(text)
    if not found:
        return "", text
    try:
        value = ast.literal_eval(found[2])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        value = None
    return found[1], value if isinstance(value, str) else found[2].replace("\\n", "\n")


def _apart(text: str) -> tuple[str, str]:
    found = REPR.fullmatch(text)
    return (found[1], _first_text(found[2])) if found else ("", text)


def _first_text(arguments: str) -> str:
    try:
        values = ast.literal_eval(f"({arguments},)")
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return arguments.replace("\\n", "\n")
    return next((value for value in values if isinstance(value, str)), arguments)
