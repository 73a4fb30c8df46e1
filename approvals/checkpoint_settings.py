"""Where checkpoints are kept: one setting, and two names that other LangGraph programs give it."""

import os

from django.core.exceptions import ImproperlyConfigured

from approvals import environment

OURS = "HOLDPOINT_CHECKPOINTS"
# A path or an address, as the guides to LangGraph's SQLite and PostgreSQL savers name them.
SQLITE_PATH = "LANGGRAPH_CHECKPOINT_DB"
POSTGRES_ADDRESS = "LANGGRAPH_POSTGRES_CONNECTION"


def checkpoints_from_environment() -> str:
    """Empty for the application's own database. It is understood, or refused, by chains/checkpointers/places.py."""
    said = [name for name in (OURS, SQLITE_PATH, POSTGRES_ADDRESS) if _is_set(name)]
    if len(said) > 1:
        raise ImproperlyConfigured(f"{' and '.join(said)} are both set. Keep {OURS}, and unset the other.")
    if said == [SQLITE_PATH]:
        path = environment.text(SQLITE_PATH)
        return path if "://" in path else f"sqlite:///{path}"
    return environment.secret(said[0]) if said else ""


def _is_set(name: str) -> bool:
    return any(os.environ.get(found, "").strip() for found in (name, f"{name}_FILE"))
