"""Groups from what a provider says about a person; never more than groups."""

from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction

from approvals.record.people import note_change, standing_of

log = structlog.get_logger(__name__)


def keep_groups(person: User, said: Mapping[str, Any]) -> None:
    """Bring the groups that claims may name to what was `said`: without the claim, a person is in none of them."""
    if not settings.HOLDPOINT_GROUPS_CLAIM:
        return
    claimed = set(_claimed(said, settings.HOLDPOINT_GROUPS_CLAIM))
    managed: dict[str, str] = settings.HOLDPOINT_GROUPS_FROM_CLAIMS
    wanted = {group for name, group in managed.items() if name in claimed}
    has = set(person.groups.filter(name__in=managed.values()).values_list("name", flat=True))
    if wanted != has:
        with transaction.atomic():
            before = standing_of(person)
            person.groups.remove(*Group.objects.filter(name__in=has - wanted))
            person.groups.add(*[Group.objects.get_or_create(name=name)[0] for name in sorted(wanted - has)])
            note_change(person, before, standing_of(person), by=None, via="provider")
        log.info("groups from claims", person_id=person.pk, joined=sorted(wanted - has), left=sorted(has - wanted))


def _claimed(said: Mapping[str, Any], claim: str) -> Iterable[str]:
    """OpenID Connect says it in two places, SAML in one; `a.b` is looked for inside a, too."""
    for place in (said.get("userinfo"), said.get("id_token"), said):
        found = _found(place, claim)
        if found is not None:
            return [str(item) for item in found] if isinstance(found, list | tuple) else [str(found)]
    log.warning("the groups claim is missing", claim=claim)
    return []


def _found(place: Any, claim: str) -> Any:
    if not isinstance(place, Mapping) or claim in place:
        return place[claim] if isinstance(place, Mapping) else None
    outer, separator, inner = claim.partition(".")
    return _found(place.get(outer), inner) if separator else None
