"""The registry and the checkpointer of this process, opened once from the settings."""

import functools
from typing import Any

from django.conf import settings
from django.db import connection
from langgraph.checkpoint.base import BaseCheckpointSaver
from psycopg.conninfo import make_conninfo

from chains.checkpointers import PostgresCheckpointer
from chains.registry import ChainContext, Graph, Registry


@functools.cache
def registry() -> Registry:
    options = settings.HOLDPOINT_CHAIN_OPTIONS
    contexts = {
        name: ChainContext(model=settings.HOLDPOINT_MODEL, options=options.get(name, {}))
        for name in settings.HOLDPOINT_CHAINS
    }
    return Registry(settings.HOLDPOINT_CHAINS, contexts)


@functools.cache
def checkpointer() -> PostgresCheckpointer:
    return PostgresCheckpointer(_dsn())


def compiled(chain: str, saver: BaseCheckpointSaver[Any], graphs: dict[str, Any]) -> Graph:
    """The chain's graph on a saver, compiled once for as long as its connection lives."""
    if chain not in graphs:
        graphs[chain] = registry().compile(chain, saver)
    found: Graph = graphs[chain]
    return found


def set_up_checkpoints() -> None:
    checkpointer().set_up()


def _dsn() -> str:
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
