"""Effect: an outside call a node makes, so that a node that runs twice makes it once."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.run import Run
from approvals.models.thread import Thread


class EffectStatus(models.TextChoices):
    BEGUN = "begun", "Begun"
    DONE = "done", "Done"
    NOT_DONE = "not_done", "Not done"


class EffectQuerySet(models.QuerySet["Effect"]):
    def in_doubt(self, thread: Thread) -> "EffectQuerySet":
        """Begun and not ended: only a person can find out whether they happened. Ask when no worker has the thread."""
        return self.filter(thread=thread, status=EffectStatus.BEGUN, is_idempotent=False).order_by("begun_at", "id")


class Effect(models.Model):
    """One outside call. Written by `execution.ledger` on the connection that holds the thread, so a worker that was
    cut off cannot begin one.
    """

    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="effects")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    # What the callee is given to recognise a repetition by.
    key = models.CharField(max_length=64)
    name = models.CharField(max_length=200)
    node = models.CharField(max_length=200)
    is_idempotent = models.BooleanField()
    status = models.CharField(max_length=8, choices=EffectStatus, default=EffectStatus.BEGUN)
    result = models.JSONField(null=True, blank=True)
    begun_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = EffectQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["thread", "key"], name="one_effect_per_key"),
            models.CheckConstraint(condition=Q(status__in=EffectStatus), name="effect_status_is_known"),
            models.CheckConstraint(
                condition=Q(status=EffectStatus.BEGUN, ended_at__isnull=True)
                | (~Q(status=EffectStatus.BEGUN) & Q(ended_at__isnull=False)),
                name="effect_has_ended_unless_begun",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.node}"

    def settle(self, *, happened: bool) -> bool:
        """What a person found out. False: it is no longer in doubt."""
        status = EffectStatus.DONE if happened else EffectStatus.NOT_DONE
        begun = Effect.objects.filter(id=self.id, status=EffectStatus.BEGUN)
        return bool(begun.update(status=status, ended_at=Now()))
