"""Notice: something one person should know of."""

import uuid
from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now

from approvals.models.people import name_of
from approvals.models.thread import Thread


class NoticeKind(models.TextChoices):
    REMINDER = "reminder", "Still waits for a decision"
    ESCALATED = "escalated", "Was escalated to you"
    OVERDUE = "overdue", "Is overdue"
    ASSIGNED = "assigned", "Was assigned to you"
    TAKEN_OVER = "taken_over", "Was taken over from you"
    RETURNED = "returned", "Is back in your queue"
    MENTIONED = "mentioned", "You were mentioned"
    COMMENTED = "commented", "Somebody commented"
    CHANGED = "changed", "Something you watch changed"
    GLASS_BROKEN = "glass_broken", "Was decided by break glass"
    BLOCKED = "blocked", "Nobody can decide this: action required"


class NoticeQuerySet(models.QuerySet["Notice"]):
    def unread(self) -> "NoticeQuerySet":
        return self.filter(read_at__isnull=True)


class Notice(models.Model):
    """For one person about one thread. Holds no text of it: the page it leads to shows that, to who may see it."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=12, choices=NoticeKind)
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, related_name="+")
    # The question it is about, when it is about one.
    interrupt_id = models.UUIDField(null=True, blank=True)
    by_name = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_default=Now())
    read_at = models.DateTimeField(null=True, blank=True)

    objects = NoticeQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["person", "-at"], name="notices_of_a_person")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.person}"

    @classmethod
    def tell(
        cls,
        people: Iterable[User],
        kind: NoticeKind,
        thread: Thread,
        *,
        interrupt_id: uuid.UUID | None = None,
        by: User | None = None,
    ) -> None:
        """Everybody but who did it. Call inside the transaction of the change."""
        Notice.objects.bulk_create(
            Notice(person=person, kind=kind, thread=thread, interrupt_id=interrupt_id, by_name=name_of(by))
            for person in people
            if person != by
        )
