"""Holding what somebody may do still while they do it."""

from django.contrib.auth.models import User
from django.db import connection

from approvals.models import Delegation

_HELD = (
    "SELECT 1 FROM approvals_delegation WHERE taker_id = %(person)s ORDER BY id FOR SHARE",
    "SELECT 1 FROM auth_user WHERE id = ANY(%(people)s) ORDER BY id FOR SHARE",
    "SELECT 1 FROM auth_user_groups WHERE user_id = ANY(%(people)s) ORDER BY id FOR SHARE",
)


def hold_rights(person: User) -> User:
    """The account as it is now, held until the transaction ends. Whoever takes it, its groups or a delegation away at
    this moment was either first, or waits until what it allows has been done.
    """
    givers = list(Delegation.objects.filter(taker=person).values_list("giver_id", flat=True))
    with connection.cursor() as cursor:
        for held in _HELD:
            cursor.execute(held, {"person": person.id, "people": [person.id, *givers]})
    return User.objects.get(id=person.id)
