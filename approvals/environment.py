"""Reading the environment: typed, and refusing with a sentence that says what to set."""

import json
import os
from typing import Any

from django.core.exceptions import ImproperlyConfigured


def text(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, "").strip()
    if value:
        return value
    if default is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it in the environment; docs/operators.md shows how.")
    return default


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
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


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
