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
    login = ", with its user and password" if name.startswith("postgresql:") else ""
    return f"Set HOLDPOINT_CHECKPOINTS to {name}{login}"


def keeps_workers_waiting() -> Iterator[str]:
    """Why workers take nothing up, or not everything; what to do about it."""
    row = CheckpointPlace.objects.first()
    here = name_of(opened.place())
    if row is not None and row.name not in ("", here):
        yield f"The checkpoints are in {row.name}, and this is set to {here}. {setting_for(row.name)}."
    if row is not None and row.is_closed:
        yield (
            f"Workers wait since {row.since:%d %B %Y, %H:%M} UTC: checkpoints are being moved, or a backup is being "
            "put back. If no such command is at work any more, begin it again."
        )
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


def _told_apart(options: Mapping[str, Any]) -> str:
    """They may hold a password."""
    given = json.dumps(dict(options), sort_keys=True, default=str)
    return f" ({hashlib.sha256(given.encode()).hexdigest()[:8]})" if options else ""
