"""Where checkpoints are and have to be, as two processes compare it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from approvals import opened
from approvals.execution.backups_holding import holds
from approvals.models import CheckpointPlace, Hold, Thread
from approvals.models.moved import Moved
from chains.checkpointers import Kind, Place

log = structlog.get_logger(__name__)

OWN = "own"
RENAMED = "If it is the same place under another name: manage.py checkpoints move --renamed."


class NotHere(RuntimeError):
    """The checkpoints were moved, or are being moved; the sentence says what to do."""


def place_of(text: str, options: dict[str, Any] | None = None) -> Place:
    """As an operator writes it. Raises BadPlace."""
    if options is None and text == settings.HOLDPOINT_CHECKPOINTS:
        options = settings.HOLDPOINT_CHECKPOINT_OPTIONS
    return Place.parse("" if text == OWN else text, options, home=settings.BASE_DIR)


def name_of(place: Place) -> str:
    """Without a password, and without the user: different processes may have different ones."""
    match place.kind:
        case Kind.POSTGRES:
            found = urlsplit(place.target)
            schema = f"?schema={place.schema}" if place.schema else ""
            return f"postgresql://{found.hostname}:{found.port or 5432}{found.path}{schema}"
        case Kind.SQLITE:
            return f"sqlite:///{Path(place.target).resolve()}"
        case Kind.CUSTOM:
            return f"custom:{place.target}{_told_apart(place.options)}"
        case Kind.MEMORY:
            return "memory://"
        case Kind.OWN:
            return OWN


def setting_for(name: str) -> str:
    """What to do, for a process to keep its checkpoints there."""
    if name == OWN:
        return "Unset HOLDPOINT_CHECKPOINTS"
    if name.startswith("custom:"):
        return f"Set HOLDPOINT_CHECKPOINTS to {name.partition(' ')[0]}, with the options that it had"
    login = ", with its user and password" if name.startswith("postgresql:") else ""
    return f"Set HOLDPOINT_CHECKPOINTS to {name}{login}"


def not_here() -> str:
    """Why nobody may change the checkpoints that this process is set to; empty when they may, which in a transaction
    stays so until its end.
    """
    try:
        is_open = CheckpointPlace.allows(name_of(opened.place()))
    except Moved as error:
        return _elsewhere(error.name)
    return "" if is_open else _closed(CheckpointPlace.objects.get())


def keeps_workers_waiting() -> Iterator[str]:
    """Why workers take nothing up, or not everything; what to do about it."""
    row = CheckpointPlace.objects.first()
    if row is not None and row.name not in ("", name_of(opened.place())):
        yield _elsewhere(row.name)
    if row is not None and row.is_closed:
        yield _closed(row)
    if held := holds().count():
        yield f"Requests that are held since a backup was put back: {held}. Look with manage.py checkpoints release."


def may_take_up(thread: Thread) -> bool:
    """Whether a worker that holds this thread may work on it."""
    try:
        is_open = CheckpointPlace.allows(name_of(opened.place()))
    except Moved as error:
        log.error("the checkpoints are elsewhere", why=f"{error} {setting_for(error.name)}, then start this anew.")
        return False
    return is_open and not Hold.is_on(thread.id)


def _elsewhere(name: str) -> str:
    told = f"The checkpoints are in {name}, and this is set to {name_of(opened.place())}."
    return f"{told} {setting_for(name)}. {RENAMED}"


def _closed(row: CheckpointPlace) -> str:
    return (
        f"Workers wait since {row.since:%d %B %Y, %H:%M} UTC: checkpoints are being moved, or a backup is being "
        "put back. If no such command is at work any more, begin it again."
    )


def _told_apart(options: Mapping[str, Any]) -> str:
    """They may hold a password."""
    given = json.dumps(dict(options), sort_keys=True, default=str)
    return f" ({hashlib.sha256(given.encode()).hexdigest()[:8]})" if options else ""
