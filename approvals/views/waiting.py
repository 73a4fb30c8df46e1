"""What waits for whom. The list, its tab and the badge in the menu are all `for_me`.

Who may decide is `decidable_by`, whatever they have put away for later.
"""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from approvals.models import Interrupt, Notice, Snooze
from approvals.models.interrupt_queries import InterruptQuerySet
from approvals.models.notice import NoticeQuerySet
from approvals.policies import visible_threads
from approvals.views.counting import count_of


def for_me(person: User) -> InterruptQuerySet:
    return Interrupt.objects.decidable_by(person).exclude(id__in=_put_away(person))


def snoozed_by(person: User) -> InterruptQuerySet:
    return Interrupt.objects.decidable_by(person).filter(id__in=_put_away(person))


def claimed_by(person: User) -> InterruptQuerySet:
    return Interrupt.objects.open().filter(claimed_by=person, claim_ends_at__gt=Now())


def for_others(person: User) -> InterruptQuerySet:
    """Open, and to be seen by this person, but only others may decide it now."""
    seen = Interrupt.objects.open().filter(thread__in=visible_threads(person).values("id"))
    return seen.exclude(id__in=Interrupt.objects.decidable_by(person).values("id"))


def notices_of(person: User) -> NoticeQuerySet:
    """The list and its badge: nothing on threads that this person may no longer see."""
    return Notice.objects.filter(person=person, thread__in=visible_threads(person).values("id"))


def _put_away(person: User) -> QuerySet[Snooze, Any]:
    return Snooze.objects.in_effect().filter(person=person).values_list("interrupt_id", flat=True)


@dataclass(frozen=True)
class Place:
    """Where a question stands among those that wait for the person."""

    position: int
    total: int
    previous: Interrupt | None
    following: Interrupt | None


def place_in_queue(person: User, interrupt: Interrupt) -> Place | None:
    """None when it is not this person's to decide."""
    mine = for_me(person)
    if not mine.filter(id=interrupt.id).exists():
        return None
    moment, same = interrupt.created_at, Q(created_at=interrupt.created_at)
    before = mine.filter(Q(created_at__lt=moment) | (same & Q(id__lt=interrupt.id)))
    after = mine.filter(Q(created_at__gt=moment) | (same & Q(id__gt=interrupt.id)))
    return Place(
        position=count_of(before) + 1,
        total=count_of(mine),
        previous=before.order_by("-created_at", "-id").first(),
        following=after.oldest_first().first(),
    )
