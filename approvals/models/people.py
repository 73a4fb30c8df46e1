"""People as the record names them: a name that stays when the account is gone."""

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db import models

Person = User | None
LONGEST_NAME = 200


def name_of(person: AbstractBaseUser | AnonymousUser | None) -> str:
    """The name people see, as far as the record has room; empty when nobody (a policy, the sweep) acted."""
    if not isinstance(person, User):
        return ""
    return (person.get_full_name() or person.get_username())[:LONGEST_NAME]


def record_key(related_name: str) -> "models.ForeignKey[User | None, User | None]":
    """A key to a person that the record keeps when the account is deleted: no constraint, and never rewritten."""
    return models.ForeignKey(
        "auth.User",
        null=True,
        blank=True,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name=related_name,
    )
