"""The registry and the checkpointer of this process, opened once from the settings."""

import functools
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.db import connection
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from psycopg.conninfo import make_conninfo

from chains.checkpointers import BadKeys, BadPlace, Checkpointer, Keys, Place, Sealed
from chains.registry import (
    BadLanggraphJson,
    ChainContext,
    Graph,
    LanggraphJson,
    Registry,
    read_langgraph_json,
)

log = structlog.get_logger(__name__)

_together: list[bool] = []


@functools.cache
def registry() -> Registry:
    """Chains of a langgraph.json that cannot be read are missing; doctor and the log say why."""
    try:
        file = langgraph_json()
    except BadLanggraphJson as error:
        log.error("langgraph.json cannot be used", why=str(error))
        file = None
    options = settings.HOLDPOINT_CHAIN_OPTIONS
    contexts = {
        name: ChainContext(model=settings.HOLDPOINT_MODEL, options=options.get(name, {}))
        for name in (*settings.HOLDPOINT_CHAINS, *(file.graphs if file else ()))
    }
    found = Registry(settings.HOLDPOINT_CHAINS, contexts, file=file)
    for name, why in found.broken.items():
        log.error("chain cannot be used", chain=name, why=str(why))
    return found


def langgraph_json() -> LanggraphJson | None:
    """None when none is set. Raises BadLanggraphJson."""
    path = settings.HOLDPOINT_LANGGRAPH_JSON
    return read_langgraph_json(Path(path)) if path else None


def place() -> Place:
    """Where checkpoints are kept. Raises BadPlace."""
    said, options = settings.HOLDPOINT_CHECKPOINTS, settings.HOLDPOINT_CHECKPOINT_OPTIONS
    return Place.parse(said, options, home=settings.BASE_DIR)


@functools.cache
def checkpointer() -> Checkpointer:
    """Raises BadPlace."""
    return open_at(place(), serde())


def open_at(where: Place, serializer: JsonPlusSerializer | None) -> Checkpointer:
    """Threads are locked in the application's own database wherever their checkpoints are."""
    return where.open(own_dsn(), serializer)


def serde() -> Sealed | None:
    """What seals checkpoints, if anything does. Raises BadPlace."""
    keys = settings.HOLDPOINT_CHECKPOINT_KEYS
    try:
        return Sealed(JsonPlusSerializer(), Keys.parse(keys)) if keys else None
    except BadKeys as error:
        raise BadPlace(str(error)) from error


def is_together() -> bool:
    """Whether this one process is both worker and pages."""
    return bool(_together)


def be_together() -> None:
    _together.append(True)


def compiled(chain: str, saver: BaseCheckpointSaver[Any], graphs: dict[str, Any]) -> Graph:
    """The chain's graph on a saver, compiled once for as long as its connection lives."""
    if chain not in graphs:
        graphs[chain] = registry().compile(chain, saver)
    found: Graph = graphs[chain]
    return found


def set_up_checkpoints(*, patience: float = 60.0) -> None:
    """Waits that many seconds for a process that is at it. Raises TimeoutError."""
    checkpointer().set_up(patience=patience)


def own_dsn() -> str:
    """The application's own database, as Django is connected to it now (tests use another name)."""
    found = connection.settings_dict
    return make_conninfo(
        host=found["HOST"] or None,
        port=found["PORT"] or None,
        user=found["USER"] or None,
        password=found["PASSWORD"] or None,
        dbname=found["NAME"],
        **{key: value for key, value in found.get("OPTIONS", {}).items() if key.startswith("ssl")},
    )
