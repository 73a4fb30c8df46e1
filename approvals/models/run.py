"""Run: one piece of work for a worker on a thread, and the lease that says who has it."""

import uuid
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.db.models.functions import Least, Now, Power

from approvals.models.outbox import Outbox
from approvals.models.people import name_of, record_key
from approvals.models.thread import Thread
from approvals.watch import tracing


class RunKind(models.TextChoices):
    START = "start", "Start"
    RESUME = "resume", "Resume"
    CONTINUE = "continue", "Continue"
    EDIT = "edit", "Edit state"
    FORK = "fork", "Ask again"
    REPLAY = "replay", "Replay"
    MESSAGE = "message", "Message"


class RunStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    RUNNING = "running", "Running"
    SUCCEEDED = "succeeded", "Succeeded"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


LIVE_RUNS = (RunStatus.PENDING, RunStatus.RUNNING)


LONGEST_BACK_OFF = 60.0
_seconds = Least(Power(Value(2.0), F("attempt") - 1) - 1, Value(LONGEST_BACK_OFF))
BACK_OFF = ExpressionWrapper(_seconds * Value(timedelta(seconds=1)), output_field=models.DurationField())


class RunQuerySet(models.QuerySet["Run"]):
    def live(self) -> "RunQuerySet":
        return self.filter(status__in=LIVE_RUNS)

    def due(self) -> "RunQuerySet":
        return self.filter(status=RunStatus.PENDING, not_before__lte=Now())

    def orphaned(self) -> "RunQuerySet":
        """Running on paper, but the worker that had it has given no sign of life for a whole lease.

        A run that keeps losing its worker waits longer each time: 0, 1, 3, 7, ... seconds, up to a minute.
        """
        silent = self.filter(status=RunStatus.RUNNING, lease_expires_at__lt=Now())
        return silent.filter(lease_expires_at__lt=Now() - BACK_OFF)

    def claimable(self) -> "RunQuerySet":
        return self.filter(Q(status=RunStatus.PENDING, not_before__lte=Now()) | Q(status=RunStatus.RUNNING))

    def held_at(self, run_id: uuid.UUID, generation: int) -> "RunQuerySet":
        """The run, if this generation still has it."""
        return self.filter(id=run_id, generation=generation, status=RunStatus.RUNNING)


class Run(models.Model):
    """One invocation of a chain. `generation` is the fencing token: a worker whose generation moved writes nothing."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="runs")
    kind = models.CharField(max_length=10, choices=RunKind)
    status = models.CharField(max_length=10, choices=RunStatus, default=RunStatus.PENDING)
    payload = models.JSONField(default=dict)
    requested_by = record_key("requested_runs")
    requested_by_name = models.CharField(max_length=200, blank=True)
    reason = models.CharField(max_length=2000, blank=True)
    not_before = models.DateTimeField(db_default=Now())
    # How often its worker was lost, and how often it was put off after an error that passes by itself.
    attempt = models.PositiveIntegerField(default=0)
    retries = models.PositiveSmallIntegerField(default=0)
    generation = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=200, blank=True)
    # The database connection that holds the thread's lock, so that a frozen worker can be cut off.
    lease_backend = models.JSONField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    error_class = models.CharField(max_length=200, blank=True)
    error_message = models.CharField(max_length=1000, blank=True)
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.DecimalField(max_digits=12, decimal_places=6, null=True, blank=True)
    # Whose span the worker goes on from, as W3C writes it; empty without traces. Older processes do not know of it.
    traceparent = models.CharField(max_length=55, blank=True, default="", db_default="")
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["thread"], condition=Q(status__in=LIVE_RUNS), name="one_live_run_per_thread"
            ),
            models.CheckConstraint(condition=Q(status__in=RunStatus), name="run_status_is_known"),
            models.CheckConstraint(condition=Q(kind__in=RunKind), name="run_kind_is_known"),
            models.CheckConstraint(
                condition=~Q(status=RunStatus.RUNNING) | Q(lease_expires_at__isnull=False),
                name="running_has_a_lease",
            ),
            models.CheckConstraint(
                condition=Q(status__in=LIVE_RUNS, finished_at__isnull=True)
                | (~Q(status__in=LIVE_RUNS) & Q(finished_at__isnull=False)),
                name="run_is_finished_unless_live",
            ),
        ]
        indexes = [
            models.Index(fields=["not_before"], condition=Q(status=RunStatus.PENDING), name="runs_due"),
            models.Index(fields=["lease_expires_at"], condition=Q(status=RunStatus.RUNNING), name="runs_leased"),
            models.Index(fields=["thread", "-created_at"], name="runs_of_a_thread"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @classmethod
    def owe(
        cls,
        thread: Thread,
        kind: RunKind,
        *,
        by: User | None = None,
        payload: dict[str, Any] | None = None,
        reason: str = "",
        delay: timedelta = timedelta(),
    ) -> "Run":
        """A run that a worker owes the thread, with its doorbell in the same transaction."""
        run = cls.objects.create(
            thread=thread,
            kind=kind,
            payload=payload or {},
            requested_by=by,
            requested_by_name=name_of(by),
            reason=reason,
            not_before=Now() + delay,
            traceparent=tracing.carried(lambda: cls.trace_of(thread.id)),
        )
        Outbox.owe_doorbell(run.id, delay=delay)
        return run

    @classmethod
    def trace_of(cls, thread_id: uuid.UUID | None) -> str:
        """Where the thread's trace began; empty when it has none."""
        traced = cls.objects.filter(thread=thread_id).exclude(traceparent="").order_by("created_at")
        return traced.values_list("traceparent", flat=True).first() or ""

    def claim(self, *, owner: str, backend: dict[str, Any], lease: timedelta) -> bool:
        """Take the run while holding its thread's lock. False: not due yet, or no longer live."""
        claimed = (
            Run.objects.claimable()
            .filter(id=self.id)
            .update(
                status=RunStatus.RUNNING,
                generation=F("generation") + 1,
                attempt=F("attempt") + 1,
                lease_owner=owner,
                lease_backend=backend,
                lease_expires_at=Now() + lease,
                started_at=models.functions.Coalesce(F("started_at"), Now()),
            )
        )
        if claimed:
            self.refresh_from_db(fields=["status", "generation", "attempt"])
            Outbox.settle_doorbell(self.id)
        return bool(claimed)

    def extend_lease(self, lease: timedelta) -> bool:
        """A sign of life. False: this generation no longer has the run."""
        mine = Run.objects.held_at(self.id, self.generation)
        return bool(mine.update(lease_expires_at=Now() + lease))

    def finish(self, status: RunStatus, **facts: Any) -> bool:
        """End a run this generation holds. False: it was taken over; write nothing else."""
        mine = Run.objects.held_at(self.id, self.generation)
        return bool(mine.update(status=status, finished_at=Now(), **facts))

    def put_off(self, delay: timedelta, *, counts: bool = True, **facts: Any) -> bool:
        """Owe the run again, `delay` from now, after an error that passes by itself. `counts`: as one of the few times
        that its chain allows. False: it was taken over.
        """
        mine = Run.objects.held_at(self.id, self.generation)
        again: dict[str, Any] = {"status": RunStatus.PENDING, "attempt": 0, "lease_expires_at": None}
        if counts:
            again["retries"] = F("retries") + 1
        put_off = bool(mine.update(**again, not_before=Now() + delay, **facts))
        if put_off:
            Outbox.owe_again(self.id, delay=delay)
        return put_off

    def cancel(self) -> bool:
        """End a run no worker has yet."""
        pending = Run.objects.filter(id=self.id, status=RunStatus.PENDING)
        cancelled = bool(pending.update(status=RunStatus.CANCELLED, finished_at=Now()))
        if cancelled:
            Outbox.settle_doorbell(self.id)
        return cancelled

    def cancel_before_due(self) -> bool:
        """End a run that still has to wait and that no worker has had, so that none can have it."""
        waiting = Run.objects.filter(id=self.id, status=RunStatus.PENDING, not_before__gt=Now(), generation=0)
        return waiting.exists() and self.cancel()

    @property
    def is_live(self) -> bool:
        return self.status in LIVE_RUNS

    @property
    def cost_text(self) -> str:
        return "" if self.cost is None else f"${Decimal(self.cost).normalize():f}"
