"""Drafts: what somebody has typed into a decision form, kept while they think."""

import uuid

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from approvals.models import Draft, Interrupt, InterruptStatus
from approvals.policies import Act, require

LARGEST = 64 * 1024


class TooLarge(Exception):
    """This is too much to be kept as a draft. Send it, or keep a copy of it yourself."""


def keep(person: User, interrupt_id: uuid.UUID, query: str) -> None:
    """Typing keeps one's claim, too, and clears away one's drafts of what was closed. Raises NotAllowed, TooLarge.

    The question's lock is what keeps a draft from outliving a vote that is cast at the same moment.
    """
    if len(query.encode()) > LARGEST:
        raise TooLarge(TooLarge.__doc__)
    with transaction.atomic():
        interrupt = Interrupt.objects.locked(interrupt_id)
        writer = User.objects.get(id=person.id)
        require(writer, Act.DECIDE, interrupt)
        Draft.objects.filter(person=writer).exclude(interrupt__status=InterruptStatus.OPEN).delete()
        Draft.objects.update_or_create(person=writer, interrupt=interrupt, defaults={"query": query, "at": Now()})
        interrupt.renew_claim(writer, seconds=settings.HOLDPOINT_CLAIM_SECONDS)


def drop(person: User, interrupt_id: uuid.UUID) -> None:
    Draft.objects.filter(person=person, interrupt_id=interrupt_id).delete()
