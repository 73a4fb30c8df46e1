"""Interrupt: a question a chain asked, as exact bytes."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from approvals.models.people import record_key
from approvals.models.policy import AtLimit, Risk
from approvals.models.run import Run, RunKind
from approvals.models.thread import Thread


class InterruptStatus(models.TextChoices):
    OPEN = "open", "Needs review"
    DECIDED = "decided", "Decided"
    APPLIED = "applied", "Carried out"
    SUPERSEDED = "superseded", "Replaced"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Withdrawn"


PENDING_INTERRUPTS = (InterruptStatus.OPEN, InterruptStatus.DECIDED)


class QuestionKind(models.TextChoices):
    BOUND = "bound", "Approval"
    SCHEMA = "schema", "Question"
    OPEN = "open", "Question, not bound"
    BATCH = "batch", "Tool calls, not bound"
    CALL = "call", "Tool call, not bound"
    LEGACY = "legacy", "Request, not bound"
    PAUSE = "pause", "Breakpoint"


@dataclass(frozen=True)
class Asked:
    """A question found pending at the head of a thread, ready to become a row."""

    interrupt_id: str
    namespace: str
    node: str
    checkpoint_id: str
    payload: bytes
    payload_sha256: str
    kind: QuestionKind
    title: str
    context: str
    response_schema: dict[str, Any] | None

    @property
    def key(self) -> tuple[str, str]:
        return self.interrupt_id, self.payload_sha256


class InterruptQuerySet(models.QuerySet["Interrupt"]):
    def open(self) -> "InterruptQuerySet":
        return self.filter(status=InterruptStatus.OPEN)

    def pending(self) -> "InterruptQuerySet":
        """Open, or decided and not yet carried out."""
        return self.filter(status__in=PENDING_INTERRUPTS)

    def decidable_by(self, person: User) -> "InterruptQuerySet":
        """Open questions this person may decide: the list's twin of policies.may(person, DECIDE, interrupt)."""
        groups = list(person.groups.values_list("name", flat=True)) if person.is_active else []
        return (
            self.open()
            .filter(reviewers__overlap=groups)
            .exclude(four_eyes=True, requested_by=person)
            .exclude(votes__reviewer=person)
        )

    def undoable(self) -> "InterruptQuerySet":
        """Decided, and no run has begun since that could have handed the answer to the graph, which keeps it even when
        it fails. An edit of the state hands nothing over.
        """
        begun = Run.objects.filter(thread=OuterRef("thread"), started_at__gte=OuterRef("decision__decided_at"))
        decided = self.filter(status=InterruptStatus.DECIDED, decision__isnull=False)
        return decided.exclude(Exists(begun.exclude(kind=RunKind.EDIT)))

    def past_limit(self) -> "InterruptQuerySet":
        """Open beyond their time, by the database's clock, and nothing has been made of it yet."""
        return self.open().filter(due_at__lte=Now(), overdue_at__isnull=True)

    def of_chain(self, chain: str) -> "InterruptQuerySet":
        return self.filter(thread__chain=chain)

    def matching(self, words: str) -> "InterruptQuerySet":
        return self.filter(
            Q(title__icontains=words) | Q(context__icontains=words) | Q(thread__requested_by_name__icontains=words)
        )

    def oldest_first(self) -> "InterruptQuerySet":
        return self.order_by("created_at", "id")

    def locked(self, interrupt_id: uuid.UUID) -> "Interrupt":
        return self.select_for_update(of=("self",)).select_related("thread").get(id=interrupt_id)


class Interrupt(models.Model):
    """A question on exact bytes. `asked` counts how often the very same question was asked again."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    thread = models.ForeignKey(Thread, on_delete=models.PROTECT, related_name="interrupts")
    interrupt_id = models.CharField(max_length=64)
    namespace = models.CharField(max_length=500, blank=True)
    node = models.CharField(max_length=200)
    checkpoint_id = models.CharField(max_length=64)
    payload = models.BinaryField()
    payload_sha256 = models.CharField(max_length=64)
    asked = models.PositiveSmallIntegerField(default=1)
    kind = models.CharField(max_length=8, choices=QuestionKind)
    title = models.CharField(max_length=200)
    context = models.CharField(max_length=300, blank=True)
    response_schema = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=10, choices=InterruptStatus, default=InterruptStatus.OPEN)
    requested_by = record_key("+")
    # The policy it was asked under, copied: a later change of the policy does not reach open questions.
    policy = models.CharField(max_length=100)
    reviewers = ArrayField(models.CharField(max_length=150))
    votes_needed = models.PositiveSmallIntegerField()
    four_eyes = models.BooleanField()
    risk = models.CharField(max_length=8, choices=Risk)
    undo_seconds = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField(null=True, blank=True)
    at_limit = models.CharField(max_length=6, choices=AtLimit, default=AtLimit.HOLD)
    # When the limit was seen to have passed and the question was left open.
    overdue_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = InterruptQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["thread", "interrupt_id", "payload_sha256", "asked"],
                name="one_row_per_question_asked",
            ),
            models.UniqueConstraint(
                fields=["thread", "interrupt_id"],
                condition=Q(status__in=PENDING_INTERRUPTS),
                name="one_pending_row_per_interrupt",
            ),
            # The target of the composite keys of votes and decisions: they cannot name other bytes.
            models.UniqueConstraint(fields=["id", "payload_sha256"], name="question_and_its_bytes"),
            models.CheckConstraint(condition=Q(status__in=InterruptStatus), name="interrupt_status_is_known"),
            models.CheckConstraint(condition=Q(kind__in=QuestionKind), name="question_kind_is_known"),
            models.CheckConstraint(condition=Q(at_limit__in=AtLimit), name="limit_is_known"),
        ]
        indexes = [
            GinIndex(fields=["reviewers"], condition=Q(status=InterruptStatus.OPEN), name="open_by_reviewers"),
            models.Index(
                fields=["created_at", "id"],
                condition=Q(status=InterruptStatus.OPEN),
                name="open_oldest_first",
            ),
            models.Index(fields=["thread", "status"], name="interrupts_of_a_thread"),
            models.Index(
                fields=["due_at"],
                condition=Q(status=InterruptStatus.OPEN, overdue_at__isnull=True),
                name="open_with_a_limit",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @classmethod
    def raise_for(cls, thread: Thread, asked: Asked, policy: dict[str, Any]) -> "Interrupt":
        """Store a question found at the head, under the policy of this moment."""
        same = cls.objects.filter(thread=thread, interrupt_id=asked.interrupt_id, payload_sha256=asked.payload_sha256)
        return cls.objects.create(
            thread=thread,
            interrupt_id=asked.interrupt_id,
            namespace=asked.namespace,
            node=asked.node,
            checkpoint_id=asked.checkpoint_id,
            payload=asked.payload,
            payload_sha256=asked.payload_sha256,
            asked=same.count() + 1,
            kind=asked.kind,
            title=asked.title[:200],
            context=asked.context[:300],
            response_schema=asked.response_schema,
            requested_by_id=thread.requested_by_id,
            **policy,
        )

    def ask_again(self) -> "Interrupt":
        """The very same question, open again under the very same policy, after its first row was closed."""
        fields = {field.attname: getattr(self, field.attname) for field in self._meta.concrete_fields}
        fresh = {"id": uuid.uuid4(), "asked": self.asked + 1, "status": InterruptStatus.OPEN, "closed_at": None}
        return Interrupt.objects.create(**{**fields, **fresh})

    def move(self, to: InterruptStatus, *, since: InterruptStatus) -> bool:
        """Compare and swap. False: somebody else moved it first, nothing was changed."""
        closing = {} if to == InterruptStatus.DECIDED else {"closed_at": Now()}
        moved = Interrupt.objects.filter(id=self.id, status=since).update(status=to, **closing)
        if moved:
            self.status = to
        return bool(moved)

    def mark_overdue(self) -> bool:
        """The limit has passed and the question stays open. False: that was known."""
        mine = Interrupt.objects.past_limit().filter(id=self.id)
        return bool(mine.update(overdue_at=Now()))

    def refuses_after(self, now: datetime) -> bool:
        """Whether nobody may decide any more, since the limit has decided; `now` is the database's clock."""
        return self.at_limit == AtLimit.REJECT and self.due_at is not None and self.due_at <= now

    @property
    def key(self) -> tuple[str, str]:
        return self.interrupt_id, self.payload_sha256

    @property
    def value(self) -> Any:
        """What was asked, parsed from the very bytes that were hashed."""
        return json.loads(bytes(self.payload))

    @property
    def is_open(self) -> bool:
        return self.status == InterruptStatus.OPEN
