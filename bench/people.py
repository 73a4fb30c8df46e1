"""One requester and one reviewer to measure with."""

from django.contrib.auth.models import Group, User

from approvals.models import Policy
from bench.desk import PASSWORD


def nobody_waits() -> None:
    """The time to take a decision back is a person's, not the machine's: leave it out."""
    Policy.objects.update(undo_seconds=0)


def person(username: str, group: str) -> User:
    found, is_new = User.objects.get_or_create(username=username)
    if is_new:
        found.set_password(PASSWORD)
        found.save()
        found.groups.add(Group.objects.get(name=group))
    return found
