"""Every place where checkpoints may be kept, opened for a test as its setting would open it."""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from django.db import connection
from django.test import override_settings
from psycopg import sql

from approvals import opened

OWN, SCHEMA, ELSEWHERE, SQLITE, MEMORY, CUSTOM, AS_CONTEXT = BACKENDS = (
    "own",
    "own schema",
    "elsewhere",
    "sqlite",
    "memory",
    "custom",
    "custom as a context",
)
# What several processes can share.
SHARED = (SCHEMA, ELSEWHERE, SQLITE, CUSTOM)
FENCED = (OWN, SCHEMA, ELSEWHERE)


def own_address(name: str = "") -> str:
    """Of the application's database as the tests have it, or of another of the same server."""
    path = f"/{name or connection.settings_dict['NAME']}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=path).geturl()


@contextlib.contextmanager
def setting_for(kind: str, directory: Path) -> Iterator[str]:
    """HOLDPOINT_CHECKPOINTS for one of BACKENDS; what it made in a server is gone at the end."""
    name = f"checkpoints_{uuid.uuid4().hex[:12]}"
    match kind:
        case "own":
            yield ""
        case "own schema":
            yield f"{own_address()}?schema={name}"
            _run(own_address(), sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))
        case "elsewhere":
            _run(own_address(), sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            yield own_address(name)
            _run(own_address(), sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        case "sqlite":
            yield f"sqlite:///{directory}/checkpoints.sqlite3"
        case "memory":
            yield "memory://"
        case "custom":
            yield "custom:tests.graphs.savers.file_saver"
        case "custom as a context":
            yield "custom:tests.graphs.savers.memory_in_context"


@contextlib.contextmanager
def keeping(setting: str, **options: object) -> Iterator[None]:
    """This process keeps its checkpoints there, from a set-up of its own to the end of the block."""
    with override_settings(HOLDPOINT_CHECKPOINTS=setting, HOLDPOINT_CHECKPOINT_OPTIONS=options):
        opened.checkpointer().close()
        opened.checkpointer.cache_clear()
        try:
            opened.set_up_checkpoints()
            yield
        finally:
            opened.checkpointer().close()
            opened.checkpointer.cache_clear()


def options_for(kind: str, directory: Path) -> dict[str, object]:
    return {"path": str(directory / "custom.sqlite3")} if kind == CUSTOM else {}


def environment_for(setting: str, options: dict[str, object]) -> dict[str, str]:
    """For a process that keeps its checkpoints there."""
    return {"HOLDPOINT_CHECKPOINTS": setting, "HOLDPOINT_CHECKPOINT_OPTIONS": json.dumps(options)}


def _run(address: str, statement: sql.Composed) -> None:
    with psycopg.connect(address, autocommit=True) as line:
        line.execute(statement)
