"""Errors that pass by themselves, and how long to wait before trying again."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx

# Too many requests, time-outs, and a server in trouble; 529 is how one provider says that it is overloaded.
PASSING_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
# Providers' own errors for a connection that failed, which carry no status.
PASSING_NAMES = frozenset({"APIConnectionError", "APITimeoutError"})
JITTER = 0.25
# A provider that asks for a longer pause than this is not passing by.
LONGEST_ASKED = 600.0


@dataclass(frozen=True)
class Retry:
    """`times` is how often, `first` and `longest` are seconds; each pause is twice the one before."""

    times: int = 4
    first: float = 2.0
    longest: float = 120.0

    def pause(self, done: int, *, chance: float, asked: float = 0.0) -> float:
        """Seconds to wait after `done` retries. `chance` in 0..1 spreads those that failed together by a quarter either
        way; `asked` is what the other side asked for at least.
        """
        pause = min(self.first * 2.0**done, self.longest) * (1 - JITTER + 2 * JITTER * chance)
        return max(pause, asked)


def is_passing(error: BaseException) -> bool:
    """Whether trying again may well work: nothing about the request itself was wrong."""
    causes = list(_causes(error))
    return not any(getattr(cause, "never_passes", False) for cause in causes) and any(map(_is_passing, causes))


def asked_pause(error: BaseException) -> float:
    """Seconds the other side asked for (HTTP's Retry-After, in seconds), 0 when it did not say."""
    for cause in _causes(error):
        headers = getattr(getattr(cause, "response", None), "headers", None) or {}
        asked = str(headers.get("retry-after") or "")
        if asked.isdigit():
            return min(float(asked), LONGEST_ASKED)
    return 0.0


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was raised from."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, TimeoutError | ConnectionError | httpx.TransportError):
        return True
    status = getattr(error, "status_code", None) or getattr(getattr(error, "response", None), "status_code", None)
    return status in PASSING_STATUS or type(error).__name__ in PASSING_NAMES
