"""Who somebody's manager is, where the people who run this say how to find out."""

from functools import lru_cache
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string

log = structlog.get_logger(__name__)


def manager_of(person: User | None) -> User | None:
    """By the function that HOLDPOINT_MANAGER_OF names (`package.module.function`, User to User or None). One that fails
    knows no manager: the question is asked of whom else its policy names, and operators hear when that is nobody.
    """
    if person is None or not settings.HOLDPOINT_MANAGER_OF:
        return None
    try:
        found = _finder(settings.HOLDPOINT_MANAGER_OF)(person)
    except Exception:
        log.exception("the requester's manager could not be found")
        return None
    return found if isinstance(found, User) and found != person else None


@lru_cache(maxsize=8)
def _finder(path: str) -> Any:
    return import_string(path)
