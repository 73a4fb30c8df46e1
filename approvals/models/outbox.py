"""Outbox: doorbells still owed. The row is the promise; the message only makes it quick."""

import random
import uuid
from datetime import timedelta

from django.db import models
from django.db.models import F
from django.db.models.functions import Now

# How long after the first ring the sweep rings again, and after each later one: a worker whose database went silent may
# take one ring after the other and never answer. Give or take a quarter: workers take turns at Redis in a rhythm of
# their own, and a ring in step with it would come to the same one each time.
FIRST_RETRY, LATER_RETRY = timedelta(seconds=3), timedelta(seconds=6)
UNEVEN = 0.25
# Of one sweep. While every worker is busy for long, what is rung again must not pile up.
MOST_RUNG, MOST_RUNG_AGAIN = 200, 100


class OutboxKind(models.TextChoices):
    DOORBELL = "doorbell", "Doorbell"


class OutboxQuerySet(models.QuerySet["Outbox"]):
    def due(self) -> "OutboxQuerySet":
        return self.filter(settled_at__isnull=True, due_at__lte=Now())


class Outbox(models.Model):
    """One thing owed to the world outside the database; settled when it is known to have arrived."""

    kind = models.CharField(max_length=10, choices=OutboxKind, default=OutboxKind.DOORBELL)
    # Names what is owed; for a doorbell, the run's id.
    key = models.CharField(max_length=64)
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveIntegerField(default=0)
    settled_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = OutboxQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "outbox"
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="owed_once")]
        indexes = [models.Index(fields=["due_at"], condition=models.Q(settled_at__isnull=True), name="outbox_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"

    @classmethod
    def owe_doorbell(cls, run_id: uuid.UUID, *, delay: timedelta) -> None:
        """Rung at once after the commit; a delayed one, or one that got lost, is rung by the sweep."""
        cls.objects.create(key=str(run_id), due_at=Now() + (delay or FIRST_RETRY))

    @classmethod
    def owe_again(cls, run_id: uuid.UUID, *, delay: timedelta) -> None:
        """For a run whose doorbell was heard, and which is due once more."""
        cls.objects.filter(kind=OutboxKind.DOORBELL, key=str(run_id)).update(
            settled_at=None, due_at=Now() + delay, attempts=0
        )

    @classmethod
    def settle_doorbell(cls, run_id: uuid.UUID) -> None:
        cls.objects.filter(kind=OutboxKind.DOORBELL, key=str(run_id)).update(settled_at=Now())

    @classmethod
    def put_back(cls, keys: list[str]) -> None:
        """These were taken to be rung for, and could not be."""
        cls.objects.filter(kind=OutboxKind.DOORBELL, key__in=keys, settled_at__isnull=True).update(
            attempts=0, due_at=Now() + FIRST_RETRY
        )

    @classmethod
    def take_due_doorbells(cls) -> list[str]:
        """The run ids to ring now, each put off until its next turn. Call inside a transaction."""
        due = cls.objects.due().select_for_update(skip_locked=True).order_by("due_at", "id")
        rows = [*due.filter(attempts=0)[:MOST_RUNG], *due.filter(attempts__gt=0)[:MOST_RUNG_AGAIN]]
        for row in rows:
            pause = (LATER_RETRY if row.attempts else FIRST_RETRY) * random.uniform(1 - UNEVEN, 1 + UNEVEN)
            cls.objects.filter(id=row.id).update(attempts=F("attempts") + 1, due_at=Now() + pause)
        return [row.key for row in rows]
