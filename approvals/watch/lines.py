"""What a line of the log may hold: names, numbers and ids. Never what somebody wrote, and no secret.

Our own lines are constant sentences with fields. Lines of the frameworks are kept as their constant words, with what
they put into them masked. Lines of anybody else, such as a chain's own, and what a node prints, keep no words at all.
"""

import re
import sys
import traceback
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import UUID

MASK = "***"
UNTOLD = "a line whose words are not kept"
LONGEST = 300
LONGEST_TOLD = 4_000
MOST_ITEMS = 20
MOST_FRAMES = 8
MOST_CAUSES = 3

# Fields with one of these in their name, whatever they hold.
_SECRET = re.compile(r"pass(word|wd|phrase)?$|secret|token$|authorization|cookie|api_?key|credential|session", re.I)
# Sentences that our own code made for operators.
_SENTENCES = {"event", "why"}
_NAME = re.compile(r"[\w.:@/+-]{1,120}")
# Where a message that was put together before it was logged ceases to be constant, as far as anybody can tell.
_MADE_UP = re.compile(r"['\"(<\[{=\n]")
_FRAMEWORKS = [
    "approvals",
    "chains",
    "allauth",
    "asyncio",
    "axes",
    "celery",
    "channels",
    "channels_redis",
    "concurrent",
    "django",
    "kombu",
    "opentelemetry",
    "psycopg",
    "redis",
    "uvicorn",
    "websockets",
    "whitenoise",
]
# How Celery names a task, and its id: both ours.
_OF_A_TASK = {"name", "id"}
_PRINTED = "celery.redirected"

Line = dict[str, Any]
Excinfo = tuple[type[BaseException], BaseException, TracebackType | None]


class Hiding:
    """Processors of structlog. With `words`, everything is told but secrets: for a machine without real requests."""

    def __init__(self, *, words: bool) -> None:
        self._words = words

    def own(self, _logger: Any, _method: str, line: Line) -> Line:
        """Of a line that our own code wrote."""
        _place_error(line, words=self._words)
        value_of = _told if self._words else _masked
        return {key: value if key.startswith("_") else value_of(key, value) for key, value in line.items()}

    def foreign(self, logger: Any, method: str, line: Line) -> Line:
        """Of a line that came through Python's own logging."""
        record, arguments = line["_record"], line.pop("positional_args", ())
        line["logger"] = record.name
        line["event"] = _filled_in(record.msg, arguments) if self._words else _words_of(record, arguments)
        return self.own(logger, method, line)


def _words_of(record: Any, arguments: Any) -> str:
    if record.name == _PRINTED or record.name.partition(".")[0] not in _FRAMEWORKS:
        return UNTOLD
    if not isinstance(record.msg, str):
        return f"[{type(record.msg).__name__}]"
    if not arguments:
        return _MADE_UP.split(record.msg, maxsplit=1)[0].strip()[:LONGEST]
    if isinstance(arguments, Mapping):
        masked: Any = {key: value if key in _OF_A_TASK else _argument(value) for key, value in arguments.items()}
        if "%(" not in record.msg:
            masked = (MASK,)
    else:
        masked = tuple(_argument(value) for value in arguments)
    return _filled_in(record.msg.partition("\n")[0], masked)[:LONGEST]


def _filled_in(message: Any, arguments: Any) -> str:
    try:
        return str(message) % arguments if arguments else str(message)
    except (TypeError, ValueError, KeyError):
        return str(message)


def _argument(value: Any) -> Any:
    """What a framework puts into its words. It may be given anything, so only numbers stay, and types of errors."""
    if value is None or isinstance(value, bool | int | float | UUID):
        return value
    return type(value).__name__ if isinstance(value, BaseException) else MASK


def _masked(key: str, value: Any) -> Any:
    if _SECRET.search(key):
        return MASK
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Enum):
        return _masked(key, value.value)
    if isinstance(value, UUID | Decimal | date | timedelta | Path):
        return str(value)
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(key, item) for item in list(value)[:MOST_ITEMS]]
    if isinstance(value, str):
        return _text(key, value)
    return f"[{type(value).__name__}]"


def _text(key: str, value: str) -> str:
    if key in _SENTENCES:
        return " ".join(value.split())[:LONGEST]
    return value if _NAME.fullmatch(value) else f"[{len(value)} characters]"


def _told(key: str, value: Any) -> Any:
    if _SECRET.search(key):
        return MASK
    return value if value is None or isinstance(value, bool | int | float) else str(value)[:LONGEST_TOLD]


def _place_error(line: Line, *, words: bool) -> None:
    """An error's type and place instead of its message, which may quote the request, a row or an answer."""
    error = _error_of(line.pop("exc_info", None))
    line.pop("stack_info", None)
    if error is None:
        return
    if words:
        line["exception"] = "".join(traceback.format_exception(error))
        return
    line["exception"] = f"{type(error).__module__}.{type(error).__qualname__}"
    line["where"] = _frames(error)
    causes = _causes(error)
    line["because_of"] = [type(cause).__qualname__ for cause in causes]
    line["sqlstate"] = next((cause.sqlstate for cause in (error, *causes) if hasattr(cause, "sqlstate")), None)


def _error_of(given: Any) -> BaseException | None:
    if isinstance(given, BaseException):
        return given
    if isinstance(given, tuple):
        found: BaseException | None = given[1]
        return found
    return sys.exc_info()[1] if given else None


def _frames(error: BaseException) -> list[str]:
    """The innermost ones, each with the end of its file's path."""
    walked = list(traceback.walk_tb(error.__traceback__))[-MOST_FRAMES:]
    return [f"{'/'.join(Path(f.f_code.co_filename).parts[-3:])}:{number}:{_function(f)}" for f, number in walked]


def _function(frame: Any) -> str:
    return str(frame.f_code.co_name).strip("<>")


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(found) < MOST_CAUSES:
        found.append(cause)
        cause = cause.__cause__ or cause.__context__
    return found
