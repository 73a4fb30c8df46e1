"""The two servers Holdpoint stands on: those the environment names, and our own for what it does not name."""

import os
from dataclasses import dataclass
from pathlib import Path

from approvals.embedded import postgres, valkey
from approvals.embedded.instance import secret_key
from approvals.embedded.processes import Child, Server

NAMES = (
    "DATABASE_URL",
    "REDIS_URL",
    "DJANGO_SETTINGS_MODULE",
    "HOLDPOINT_CHECKPOINTS",
    "HOLDPOINT_CHECKPOINT_OPTIONS",
    "HOLDPOINT_EMBEDDED",
    "HOLDPOINT_LOCAL",
    "HOLDPOINT_SECRET_KEY",
    "PORT",
)
DEFAULT_PORT = "8000"
MAX_CONNECTIONS = ("-c", "max_connections=200")


@dataclass(frozen=True)
class Servers:
    """None: the environment names one, and it is none of our business."""

    postgres: Server | None
    redis: Server | None


def all_are_named() -> bool:
    return bool(os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))


def start(var: Path, children: list[Child]) -> Servers:
    """Start what the environment does not name, and name it there. `wait` before using it."""
    database = None if os.environ.get("DATABASE_URL") else postgres.start(var, options=MAX_CONNECTIONS)
    if database:
        children.append(database.child)
        os.environ["DATABASE_URL"] = database.url
    redis = None if os.environ.get("REDIS_URL") else valkey.start(var)
    if redis:
        children.append(redis.child)
        os.environ["REDIS_URL"] = redis.url
    return Servers(database, redis)


def wait(servers: Servers) -> None:
    """Raises DidNotStart."""
    if servers.postgres:
        postgres.wait_until_ready(servers.postgres)
    if servers.redis:
        valkey.wait_until_ready(servers.redis)


def name_for_django(var: Path) -> None:
    """Put into the environment what Django needs besides the two addresses, where it is not there yet."""
    needed = {
        "DJANGO_SETTINGS_MODULE": "approvals.settings",
        "HOLDPOINT_EMBEDDED": "1",
        "HOLDPOINT_LOCAL": "1",
        "PORT": DEFAULT_PORT,
    }
    for name, value in needed.items():
        os.environ[name] = os.environ.get(name) or value
    if not os.environ.get("HOLDPOINT_SECRET_KEY"):
        os.environ["HOLDPOINT_SECRET_KEY"] = secret_key(var)
