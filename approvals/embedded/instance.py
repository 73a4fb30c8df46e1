"""The directory of one Holdpoint on this machine: its lock, its secret key, and where its services are."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from approvals.embedded import CannotRun

SERVING = "serve"


class Services(TypedDict):
    """What services.json holds for as long as Holdpoint runs."""

    url: str
    environment: dict[str, str]
    processes: dict[str, int]


class InUse(CannotRun):
    """Another process holds the directory; `services` says where its services are, once they are there."""

    def __init__(self, var: Path, *, purpose: str) -> None:
        self.services = read_services(var)
        self.is_serving = purpose in ("", SERVING)  # empty: it has only just taken the lock
        super().__init__(self._sentence(var, purpose))

    def _sentence(self, var: Path, purpose: str) -> str:
        if self.services:
            return f"Holdpoint is already running at {self.services['url']} ({var}/)."
        if self.is_serving:
            return f"Holdpoint is just starting or stopping ({var}/). Try again in a moment."
        return f"`{purpose}` is using {var}/. Wait for it, or start Holdpoint first and run both beside it."


@contextmanager
def hold(var: Path, *, purpose: str) -> Iterator[None]:
    """Be the only one on this directory. The kernel lets go when we end, however we end. Raises InUse."""
    path = var / ".lock"
    path.touch(mode=0o600)  # whoever may read it may lock it
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise InUse(var, purpose=lock.read()) from None
        forget_services(var)  # left by one that was killed
        lock.truncate(0)
        lock.write(purpose)
        lock.flush()
        yield


def secret_key(var: Path) -> str:
    """Made once and kept, since everything signed with it is lost with it."""
    kept = var / "secret_key"
    if not kept.exists():
        write_private(kept, secrets.token_urlsafe(50))
    return kept.read_text()


def write_services(var: Path, services: Services) -> None:
    write_private(var / "services.json", json.dumps(services, indent=2) + "\n")


def read_services(var: Path) -> Services | None:
    try:
        services: Services = json.loads((var / "services.json").read_text())
    except FileNotFoundError:
        return None
    return services


def forget_services(var: Path) -> None:
    (var / "services.json").unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only we can read, all of it or nothing."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.touch(mode=0o600)
    unfinished.write_text(text)
    unfinished.replace(path)
