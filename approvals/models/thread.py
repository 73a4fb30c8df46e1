"""Thread: one request on its way through a chain."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.db.models.functions import Now

from approvals.models.people import name_of, record_key


class ThreadStatus(models.TextChoices):
    QUEUED = "queued", "Waiting to start"
    RUNNING = "running", "Working"
    PAUSED = "paused", "Needs review"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Stopped"


ENDED = (ThreadStatus.DONE, ThreadStatus.CANCELLED)


class ThreadQuerySet(models.QuerySet["Thread"]):
    def requested_by(self, person: User) -> "ThreadQuerySet":
        return self.filter(requested_by=person)

    def of_chains(self, names: list[str]) -> "ThreadQuerySet":
        return self.filter(chain__in=names)

    def with_status(self, status: str) -> "ThreadQuerySet":
        return self.filter(status=status)

    def matching(self, words: str) -> "ThreadQuerySet":
        return self.filter(models.Q(title__icontains=words) | models.Q(requested_by_name__icontains=words))

    def newest_first(self) -> "ThreadQuerySet":
        return self.order_by("-last_activity_at", "-id")

    def older_than(self, moment: datetime, thread_id: uuid.UUID) -> "ThreadQuerySet":
        """The page after this row, by key rather than by offset."""
        return self.filter(models.Q(last_activity_at__lt=moment) | models.Q(last_activity_at=moment, id__lt=thread_id))

    def locked(self, thread_id: uuid.UUID) -> "Thread":
        """The row, locked to the end of the transaction, with the database's clock as `now`."""
        thread = self.select_for_update().annotate(clock=Now()).get(id=thread_id)
        thread.now = vars(thread)["clock"]
        return thread


class Thread(models.Model):
    """One request; `id` is LangGraph's thread_id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    chain = models.CharField(max_length=100)
    chain_version = models.CharField(max_length=40)
    title = models.CharField(max_length=200)
    input = models.JSONField()
    status = models.CharField(max_length=12, choices=ThreadStatus, default=ThreadStatus.QUEUED)
    stop_requested_at = models.DateTimeField(null=True, blank=True)
    requested_by = record_key("requested_threads")
    requested_by_name = models.CharField(max_length=200)
    created_at = models.DateTimeField(db_default=Now())
    last_activity_at = models.DateTimeField(db_default=Now())

    objects = ThreadQuerySet.as_manager()
    # The database's clock when the row was locked; there only after `locked`.
    now: datetime

    class Meta:
        permissions = [("may_reroute", "May take a request past its question by editing the state")]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=ThreadStatus), name="thread_status_is_known"),
        ]
        indexes = [
            models.Index(fields=["requested_by", "-last_activity_at", "-id"], name="threads_of_a_requester"),
            models.Index(fields=["status", "-last_activity_at", "-id"], name="threads_by_status"),
            models.Index(fields=["-last_activity_at", "-id"], name="threads_newest_first"),
        ]

    def __str__(self) -> str:
        return self.title

    @classmethod
    def submit(cls, *, chain: str, version: str, title: str, values: dict[str, Any], by: User) -> "Thread":
        thread = cls.objects.create(
            chain=chain,
            chain_version=version,
            title=title[:200] or chain,
            input=values,
            requested_by=by,
            requested_by_name=name_of(by),
        )
        return cls.objects.locked(thread.id)

    def move(self, to: ThreadStatus, *, since: tuple[ThreadStatus, ...]) -> bool:
        """Compare and swap. False: somebody else moved it first, nothing was changed.

        A request to stop is for the run that was under way: it must not meet the next one.
        """
        heard = {} if to == ThreadStatus.RUNNING else {"stop_requested_at": None}
        moved = Thread.objects.filter(id=self.id, status__in=since).update(status=to, last_activity_at=Now(), **heard)
        if moved:
            self.status = to
        return bool(moved)

    def ask_to_stop(self) -> None:
        Thread.objects.filter(id=self.id).update(stop_requested_at=Now())

    @property
    def is_ended(self) -> bool:
        return self.status in ENDED
