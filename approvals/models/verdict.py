"""Vote and Decision: one reviewer's verdict on exact bytes, and what the votes came to."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from approvals.models.event import Event, EventKind
from approvals.models.facts import digest_of
from approvals.models.interrupt import Interrupt
from approvals.models.interrupt_queries import InterruptStatus
from approvals.models.people import name_of, record_key
from approvals.models.thread import Thread


class Verdict(models.TextChoices):
    APPROVE = "approve", "Approved"
    EDIT = "edit", "Approved with changes"
    REJECT = "reject", "Rejected"
    RESPOND = "respond", "Sent back"
    # Of the parts of one question, which got different verdicts. Nobody chooses it.
    MIXED = "mixed", "Decided one by one"
    # These two are votes, never decisions.
    ABSTAIN = "abstain", "Abstained"
    WITHDRAW = "withdraw", "Withdrew their vote"


ACCEPTING = (Verdict.APPROVE, Verdict.EDIT, Verdict.MIXED)


class Via(models.TextChoices):
    PAGE = "page", "Page"
    COMMAND = "command", "Command"
    POLICY = "policy", "Policy"
    GLASS = "glass", "Break glass"


class VoteQuerySet(models.QuerySet["Vote"]):
    def standing(self) -> "VoteQuerySet":
        """Each reviewer's last word, unless they took it back."""
        later = Vote.objects.filter(
            interrupt=OuterRef("interrupt"), reviewer=OuterRef("reviewer"), number__gt=OuterRef("number")
        )
        return self.exclude(Exists(later)).exclude(verdict=Verdict.WITHDRAW).order_by("created_at", "id")


class Vote(models.Model):
    """One reviewer's verdict. `payload_sha256` is part of a composite key to the interrupt (migration 0002).

    A vote is never changed: to withdraw it is a vote, too, and only after that one votes again (migration 0007).
    """

    interrupt = models.ForeignKey(Interrupt, on_delete=models.PROTECT, related_name="votes")
    payload_sha256 = models.CharField(max_length=64)
    # What the person had on screen, from the form.
    seen_checkpoint_id = models.CharField(max_length=64)
    verdict = models.CharField(max_length=8, choices=Verdict)
    note = models.TextField(blank=True)
    reason_code = models.CharField(max_length=100, blank=True)
    reviewer = record_key("+")
    reviewer_name = models.CharField(max_length=200)
    # In whose place, when it was by delegation.
    for_name = models.CharField(max_length=200, blank=True)
    number = models.PositiveSmallIntegerField(default=1)
    # Given to the very same bytes when they were asked before.
    is_carried_over = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())

    objects = VoteQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["interrupt", "reviewer", "number"], name="one_vote_per_reviewer"),
            models.CheckConstraint(condition=Q(verdict__in=Verdict), name="vote_verdict_is_known"),
            models.CheckConstraint(condition=Q(reviewer__isnull=False), name="vote_has_a_reviewer"),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.reviewer_name}"

    @classmethod
    def cast(
        cls,
        interrupt: Interrupt,
        *,
        by: User,
        verdict: Verdict,
        seen_checkpoint_id: str,
        note: str = "",
        reason_code: str = "",
        for_name: str = "",
    ) -> "Vote":
        return cls.objects.create(
            interrupt=interrupt,
            payload_sha256=interrupt.payload_sha256,
            seen_checkpoint_id=seen_checkpoint_id,
            verdict=verdict,
            note=note,
            reason_code=reason_code,
            reviewer=by,
            reviewer_name=name_of(by),
            for_name=for_name,
            number=cls.objects.filter(interrupt=interrupt, reviewer=by).count() + 1,
        )

    @classmethod
    def carry_over(cls, votes: Iterable["Vote"], to: Interrupt) -> list["Vote"]:
        """To a question that is asked anew with the very same bytes. Whose, says approvals.carrying. The line that
        tells of the new question tells their digests.
        """
        fields = [field.attname for field in cls._meta.concrete_fields if field.attname not in {"id", "created_at"}]
        fresh = {"interrupt_id": to.id, "number": 1, "is_carried_over": True}
        again = [Vote(**{**{name: getattr(vote, name) for name in fields}, **fresh}) for vote in votes]
        return Vote.objects.bulk_create(again)


class DecisionQuerySet(models.QuerySet["Decision"]):
    def to_apply(self, thread_id: Any) -> "DecisionQuerySet":
        """Decided and not yet carried out, with their questions."""
        waiting = self.filter(interrupt__thread_id=thread_id, applied_at__isnull=True, voided_at__isnull=True)
        return waiting.select_related("interrupt")


class Decision(models.Model):
    """What the votes on one question came to. Its existence is what makes the question decided."""

    interrupt = models.OneToOneField(Interrupt, on_delete=models.PROTECT, related_name="decision")
    payload_sha256 = models.CharField(max_length=64)
    verdict = models.CharField(max_length=8, choices=Verdict)
    # The value the node receives, as built and checked when the decision was made.
    answer = models.JSONField()
    note = models.TextField(blank=True)
    decided_by = record_key("decisions")
    decided_by_name = models.CharField(max_length=200)
    decided_via = models.CharField(max_length=8, choices=Via)
    decided_at = models.DateTimeField(db_default=Now())
    applied_at = models.DateTimeField(null=True, blank=True)
    applied_generation = models.PositiveIntegerField(null=True, blank=True)
    voided_at = models.DateTimeField(null=True, blank=True)
    void_reason = models.CharField(max_length=300, blank=True)

    objects = DecisionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(verdict__in=[*ACCEPTING, Verdict.REJECT, Verdict.RESPOND]), name="decision_verdict_is_known"
            ),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True) | Q(voided_at__isnull=True),
                name="applied_or_void_not_both",
            ),
            models.CheckConstraint(
                condition=Q(applied_at__isnull=True, applied_generation__isnull=True)
                | Q(applied_at__isnull=False, applied_generation__isnull=False),
                name="applied_by_a_generation",
            ),
        ]
        indexes = [models.Index(fields=["-decided_at", "-id"], name="decisions_newest_first")]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.decided_by_name}"

    @classmethod
    def make(
        cls,
        thread: Thread,
        interrupt: Interrupt,
        *,
        verdict: Verdict,
        answer: Any,
        note: str,
        via: Via,
        by: User | None = None,
        **told: Any,
    ) -> "Decision":
        """The row, the question's move and the line of the record, which says what is `told`, too. Both rows locked."""
        made = cls._record(interrupt, verdict=verdict, answer=answer, note=note, by=by, via=via)
        interrupt.move(InterruptStatus.DECIDED, since=InterruptStatus.OPEN)
        Event.append(
            thread,
            EventKind.DECISION_MADE,
            by=by,
            interrupt=str(interrupt.id),
            verdict=verdict.value,
            note=note,
            via=via.value,
            payload_sha256=interrupt.payload_sha256,
            row_sha256=digest_of(made),
            **told,
        )
        return made

    @classmethod
    def _record(
        cls, interrupt: Interrupt, *, verdict: Verdict, answer: Any, note: str, by: User | None, via: Via
    ) -> "Decision":
        return cls.objects.create(
            interrupt=interrupt,
            payload_sha256=interrupt.payload_sha256,
            verdict=verdict,
            answer=models.Value(None, models.JSONField()) if answer is None else answer,  # null is an answer, too
            note=note,
            decided_by=by,
            decided_by_name=name_of(by),
            decided_via=via,
        )

    def apply(self, generation: int) -> bool:
        """Mark as carried out. False: it already was, or it is void."""
        waiting = Decision.objects.filter(id=self.id, applied_at__isnull=True, voided_at__isnull=True)
        return bool(waiting.update(applied_at=Now(), applied_generation=generation))

    def void(self, reason: str) -> bool:
        waiting = Decision.objects.filter(id=self.id, applied_at__isnull=True, voided_at__isnull=True)
        return bool(waiting.update(voided_at=Now(), void_reason=reason[:300]))
