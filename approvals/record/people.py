"""Who may do what is part of the record: changes of people and groups are lines of it, with what differs."""

from typing import Any

from django.contrib.auth.models import Group, User

from approvals.models import Event, EventKind

Standing = dict[str, Any]
NOBODY: Standing = {}
SET_ANEW = "set anew"


def standing_of(thing: User | Group) -> Standing:
    """As the database has it now; empty when it is not there (yet, or any more)."""
    found = type(thing)._default_manager.filter(pk=thing.pk).first()
    if isinstance(found, Group):
        return {"name": found.name, "permissions": _names(found.permissions)}
    if not isinstance(found, User):
        return NOBODY
    return {
        "username": found.username,
        "first_name": found.first_name,
        "last_name": found.last_name,
        "email": found.email,
        "is_active": found.is_active,
        "is_staff": found.is_staff,
        "is_superuser": found.is_superuser,
        "groups": sorted(found.groups.values_list("name", flat=True)),
        "permissions": _names(found.user_permissions),
        "password": found.password,
    }


def note_change(thing: User | Group, before: Standing, after: Standing, *, by: User | None, via: str = "") -> bool:
    """Call in the transaction that made the change. False: nothing differs that matters."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    differs = {name: [before.get(name), after.get(name)] for name in names}
    if not differs:
        return False
    if "password" in differs:
        differs["password"] = [SET_ANEW]  # never the hash
    known = after or before
    Event.append_for_desk(
        EventKind.PEOPLE_CHANGED,
        by=by,
        what=type(thing)._meta.model_name,
        id=thing.pk,
        name=known.get("username") or known.get("name"),
        change="made" if not before else "changed" if after else "removed",
        differs=differs,
        **({"via": via} if via else {}),
    )
    return True


def _names(permissions: Any) -> list[str]:
    rows = permissions.values_list("content_type__app_label", "codename")
    return sorted(f"{app}.{name}" for app, name in rows)
