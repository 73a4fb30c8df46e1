"""Where checkpoints are kept: one setting, and two names that other LangGraph programs give it."""

import os
import re
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from approvals import environment

OURS = "HOLDPOINT_CHECKPOINTS"
# A path (or whatever OURS takes) and an address, as the guides to LangGraph's SQLite and PostgreSQL savers name them.
SQLITE_PATH = "LANGGRAPH_CHECKPOINT_DB"
POSTGRES_ADDRESS = "LANGGRAPH_POSTGRES_CONNECTION"
NO_PATH = re.compile("(custom|memory|sqlite|postgres|postgresql):|.*://")


def checkpoints_from_environment() -> str:
    """Empty for the application's own database. It is understood, or refused, by chains/checkpointers/places.py."""
    said = [name for name in (OURS, SQLITE_PATH, POSTGRES_ADDRESS) if _is_set(name)]
    if len(said) > 1:
        raise ImproperlyConfigured(f"{' and '.join(said)} are both set. Keep {OURS}, and unset the other.")
    if said == [SQLITE_PATH]:
        place = environment.secret(SQLITE_PATH)
        return place if NO_PATH.match(place) else f"sqlite:///{quote(place)}"
    return environment.secret(said[0]) if said else ""


def _is_set(name: str) -> bool:
    return any(os.environ.get(found, "").strip() for found in (name, f"{name}_FILE"))
