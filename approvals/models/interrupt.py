"""Interrupt: a question a chain asked, as exact bytes."""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.db.models.functions import Greatest, Now

from approvals.models.interrupt_queries import PENDING_INTERRUPTS, InterruptQuerySet, InterruptStatus, QuestionKind
from approvals.models.people import name_of, record_key
from approvals.models.policy import AtLimit, Risk
from approvals.models.rules import Rules
from approvals.models.thread import Thread


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
    people = ArrayField(models.IntegerField(), default=list)
    rules = models.JSONField(default=dict)
    votes_needed = models.PositiveSmallIntegerField()
    four_eyes = models.BooleanField()
    risk = models.CharField(max_length=8, choices=Risk)
    undo_seconds = models.PositiveSmallIntegerField()
    due_at = models.DateTimeField(null=True, blank=True)
    at_limit = models.CharField(max_length=7, choices=AtLimit, default=AtLimit.HOLD)
    # When the limit was seen to have passed and the question was left open.
    overdue_at = models.DateTimeField(null=True, blank=True)
    # Of rules.steps: when the next is due, and how many are done.
    next_step_at = models.DateTimeField(null=True, blank=True)
    steps_done = models.PositiveSmallIntegerField(default=0)
    escalated_to = ArrayField(models.CharField(max_length=150), default=list, blank=True)
    # Until when somebody should have claimed it; while it is claimed, the time that was left.
    start_by = models.DateTimeField(null=True, blank=True)
    start_left = models.DurationField(null=True, blank=True)
    claimed_by = record_key("claimed_interrupts")
    claimed_by_name = models.CharField(max_length=200, blank=True)
    claim_ends_at = models.DateTimeField(null=True, blank=True)
    # What a reviewer made of it, part by part, when that needs somebody else's approval: the replies, as JSON.
    proposal = models.JSONField(null=True, blank=True)
    proposal_by = record_key("+")
    proposal_by_name = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    closed_at = models.DateTimeField(null=True, blank=True)

    objects = InterruptQuerySet.as_manager()

    class Meta:
        permissions = [("may_break_glass", "May decide alone in an emergency, past who is asked and how many")]
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
            models.CheckConstraint(
                condition=Q(claimed_by__isnull=True, claim_ends_at__isnull=True)
                | Q(claimed_by__isnull=False, claim_ends_at__isnull=False),
                name="claim_has_an_end",
            ),
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
            models.Index(fields=["next_step_at"], condition=Q(status=InterruptStatus.OPEN), name="open_with_a_step"),
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

    def ask_again(self, **changes: Any) -> "Interrupt":
        """The very same question, open again, after its first row was closed: under the very same policy, unless
        `changes` name what another says.
        """
        fields = {field.attname: getattr(self, field.attname) for field in self._meta.concrete_fields}
        free = {"claimed_by_id": None, "claimed_by_name": "", "claim_ends_at": None}
        fresh = {
            "id": uuid.uuid4(),
            "asked": self._asked_so_far() + 1,
            "status": InterruptStatus.OPEN,
            "closed_at": None,
        }
        return Interrupt.objects.create(**{**fields, **free, **fresh, **changes})

    def _asked_so_far(self) -> int:
        same = Interrupt.objects.filter(thread=self.thread_id, interrupt_id=self.interrupt_id)
        return same.filter(payload_sha256=self.payload_sha256).count()

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
        """Whether nobody may decide any more, since the limit decides; `now` is the database's clock.

        What was left open at its limit is people's again.
        """
        decides = self.at_limit in (AtLimit.REJECT, AtLimit.APPROVE) and self.overdue_at is None
        return decides and self.due_at is not None and self.due_at <= now

    def is_claimed_by_another(self, person: User) -> bool:
        claimed = Interrupt.objects.filter(id=self.id, claimed_by__isnull=False, claim_ends_at__gt=Now())
        return claimed.exclude(claimed_by=person).exists()

    def hold(self, person: User, *, until: datetime, left: timedelta | None) -> None:
        """A claim, until it is ended or lapses. The clock for beginning stands still meanwhile, with this `left`."""
        self._set(claimed_by=person, claimed_by_name=name_of(person), claim_ends_at=until)
        self._set(start_by=None, start_left=left)

    def renew_claim(self, person: User, *, seconds: float) -> None:
        """When this person holds it. A longer claim is not cut short."""
        until = Greatest("claim_ends_at", Now() + timedelta(seconds=seconds))
        Interrupt.objects.filter(id=self.id, claimed_by=person, claim_ends_at__gt=Now()).update(claim_ends_at=until)

    def let_go(self, *, start_by: datetime | None) -> None:
        """No claim any more; the clock for beginning runs again, until then."""
        self._set(claimed_by=None, claimed_by_name="", claim_ends_at=None, start_by=start_by, start_left=None)

    def put_down(self) -> None:
        """No claim, and it has been begun."""
        self._set(claimed_by=None, claimed_by_name="", claim_ends_at=None, start_by=None, start_left=None)

    def _set(self, **changes: Any) -> None:
        Interrupt.objects.filter(id=self.id).update(**changes)
        for name, value in changes.items():
            setattr(self, name, value)

    @property
    def ruled(self) -> Rules:
        return Rules.of(self.rules)

    @property
    def policies(self) -> list[str]:
        """The names of all policies it was asked under, the strictest first."""
        return [self.policy, *(other.policy for other in self.ruled.others)]

    @property
    def is_proposal(self) -> bool:
        """Whether it is about what a reviewer made of it rather than what the graph asked."""
        return self.proposal is not None

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
