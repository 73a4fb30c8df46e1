"""What waits for whom. The list, its tab and the badge in the menu are all `for_me`."""

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Q

from approvals.models import Interrupt
from approvals.models.interrupt_queries import InterruptQuerySet
from approvals.policies import visible_threads
from approvals.views.counting import count_of


def for_me(person: User) -> InterruptQuerySet:
    return Interrupt.objects.decidable_by(person)


def for_others(person: User, mine: InterruptQuerySet) -> InterruptQuerySet:
    """Open, and to be seen by this person, but only others may decide it."""
    seen = Interrupt.objects.open().filter(thread__in=visible_threads(person).values("id"))
    return seen.exclude(id__in=mine.values("id"))


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
