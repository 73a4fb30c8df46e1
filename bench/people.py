"""One requester and one reviewer to measure with."""

from django.contrib.auth.models import Group, User

from bench.desk import PASSWORD


def person(username: str, group: str) -> User:
    found, is_new = User.objects.get_or_create(username=username)
    if is_new:
        found.set_password(PASSWORD)
        found.save()
        found.groups.add(Group.objects.get(name=group))
    return found
