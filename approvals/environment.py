"""Reading the environment: typed, and refusing with a sentence that says what to set."""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment; docs/operators.md shows how.")
    return default


def secret(name: str, default: str | None = None) -> str:
    """From NAME, or from the file that NAME_FILE names: what is in a file is in no list of processes or containers."""
    path = text(f"{name}_FILE", "")
    if not path:
        return text(name, default)
    if text(name, ""):
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Unset one of them.")
    return content(f"{name}_FILE", path)


def content(name: str, path: str) -> str:
    """Of the file that the variable names, without white space around it; never empty."""
    try:
        found = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ImproperlyConfigured(f"{name} names a file that cannot be read: {error}. Name another.") from error
    if not found:
        raise ImproperlyConfigured(f"{name} names an empty file, {path}. Put into it what it is for.")
    return found


def address(name: str, *, password: str) -> str:
    """An address, secret as a whole or without its password, which is then put in from a variable of its own."""
    found, separate = secret(name), secret(password, "")
    parts = urlsplit(found)
    if not separate:
        return found
    if parts.password:
        raise ImproperlyConfigured(f"{name} holds a password, and {password} is set too. Take it out of {name}.")
    person, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{person}:{quote(separate, safe='')}@{host}").geturl()


def hand_on(name: str) -> None:
    """For libraries that read NAME from the environment, and know nothing of NAME_FILE."""
    if found := secret(name, ""):
        os.environ[name] = found
        os.environ.pop(f"{name}_FILE", None)  # settings are read again in a child, which would find both


def flag(name: str, default: bool = False) -> bool:
    value = os.environ.get(name, "").strip().lower()
    if value in {"", "0", "1", "true", "false", "yes", "no"}:
        return default if value == "" else value in {"1", "true", "yes"}
    raise ImproperlyConfigured(f"{name} is {value!r}. Set it to 1 or 0.")


def number(name: str, default: float, *, minimum: float = 0) -> float:
    value = os.environ.get(name, "").strip()
    try:
        found = float(value) if value else default
    except ValueError:
        found = minimum - 1
    if found < minimum:
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a number of at least {minimum:g}.")
    return found


def names(name: str, default: str) -> list[str]:
    return split(text(name, default))


def split(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def pairs(name: str) -> dict[str, str]:
    """`a=x,b=y` to a dict."""
    found: dict[str, str] = {}
    for item in names(name, ","):
        key, separator, value = item.partition("=")
        if not separator or not key.strip() or not value.strip() or key.strip() in found:
            raise ImproperlyConfigured(f"{name} holds {item!r}. Write it as name=module:attribute, each name once.")
        found[key.strip()] = value.strip()
    return found


def json_object(name: str) -> dict[str, Any]:
    value = os.environ.get(name, "").strip() or "{}"
    try:
        found = json.loads(value)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} is not JSON: {error}. Set it to an object, for example {{}}.") from error
    if not isinstance(found, dict):
        raise ImproperlyConfigured(f"{name} is not a JSON object. Set it to an object, for example {{}}.")
    return found
