"""What an operator has begun with the checkpoints: moving them elsewhere, or putting a backup back."""

import uuid
from typing import Any

from django.db import connection, models, transaction
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from approvals.models.keeping import Removal, RemovalStatus
from approvals.models.run import LIVE_RUNS, Run
from approvals.models.thread import Thread


class Moved(RuntimeError):
    """The checkpoints were moved: they are no longer where HOLDPOINT_CHECKPOINTS says."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(Moved.__doc__)


class CheckpointPlace(models.Model):
    """One row at most. `name` says where checkpoints have to be, without a password; empty: where the setting says."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    name = models.CharField(max_length=500, blank=True)
    # Nobody takes a thread up: what is saved has to stand still for a moment.
    is_closed = models.BooleanField(default=False)
    since = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="there_is_one_place")]

    def __str__(self) -> str:
        return self.name or "as set"

    @classmethod
    def change(cls, **facts: Any) -> None:
        """Once everybody is done who was allowed what this may forbid."""
        with transaction.atomic():
            _lock("EXCLUSIVE")
            cls.objects.get_or_create(id=1)
            cls.objects.filter(id=1).update(**facts, since=Now())

    @classmethod
    def allows(cls, name: str) -> bool:
        """Whether somebody whose checkpoints are there may write a thread now. Ask while holding the thread, in the
        transaction that says so in a row: it stays as it is until the end of that, and whoever closes this sees the row
        and waits for the thread. Raises Moved.
        """
        with transaction.atomic():
            _lock("ROW SHARE")
            row = cls.objects.first()
        if row is not None and row.name not in ("", name):
            raise Moved(row.name)
        return row is None or not row.is_closed

    @classmethod
    def required(cls) -> str:
        return cls.objects.values_list("name", flat=True).first() or ""


def _lock(mode: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {CheckpointPlace._meta.db_table} IN {mode} MODE")


class Hold(models.Model):
    """No worker takes this thread up, and nobody decides on it, before an operator has looked: a backup was put back,
    and what happened after that was taken is not known here any more.
    """

    thread = models.OneToOneField(Thread, on_delete=models.CASCADE, primary_key=True, related_name="hold")
    backup_at = models.DateTimeField()
    since = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.thread}, held"

    @classmethod
    def is_on(cls, thread_id: uuid.UUID) -> bool:
        return cls.objects.filter(thread_id=thread_id).exists()

    @property
    def sentence(self) -> str:
        return (
            f"This request is held: a backup of {self.backup_at:%d %B %Y, %H:%M} UTC was put back, and what happened "
            "after that is not known here. It goes on when an operator has looked at it."
        )


class CopiedThreadQuerySet(models.QuerySet["CopiedThread"]):
    def whole(self, target: str) -> "CopiedThreadQuerySet":
        """Whose thread nobody has written since it was copied. A run, and a removal, ends while its thread is held."""
        had = Q(finished_at__gte=OuterRef("copied_at")) | Q(status__in=LIVE_RUNS, generation__gt=0)
        ours = Run.objects.annotate(key=models.functions.Cast("thread_id", models.CharField())).filter(had)
        went = Q(finished_at__gte=OuterRef("copied_at")) | Q(status=RemovalStatus.MARKED)
        gone = Removal.objects.annotate(key=models.functions.Cast("thread_id", models.CharField())).filter(went)
        copied = self.filter(target=target, copied_at__isnull=False)
        for written in (ours, gone):
            copied = copied.exclude(Exists(written.filter(key=OuterRef("thread_id"))))
        return copied


class CopiedThread(models.Model):
    """What `target` has of a thread is a copy of ours, which may be replaced; it is whole since `copied_at`."""

    target = models.CharField(max_length=500)
    # As LangGraph calls it: it need not be a thread of ours.
    thread_id = models.CharField(max_length=200)
    copied_at = models.DateTimeField(null=True, blank=True)

    objects = CopiedThreadQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["target", "thread_id"], name="one_copy_in_each_place")]

    def __str__(self) -> str:
        return f"{self.thread_id} in {self.target}"
