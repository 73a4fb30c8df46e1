"""Who somebody's manager is, where the people who run this say how to find out."""

from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.utils.module_loading import import_string


def manager_of(person: User | None) -> User | None:
    """By the function that HOLDPOINT_MANAGER_OF names (`package.module.function`, User to User or None)."""
    if person is None or not settings.HOLDPOINT_MANAGER_OF:
        return None
    found = _finder(settings.HOLDPOINT_MANAGER_OF)(person)
    return found if isinstance(found, User) and found != person else None


@lru_cache(maxsize=8)
def _finder(path: str) -> Any:
    return import_string(path)
