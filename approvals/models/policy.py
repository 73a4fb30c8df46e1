"""Policy: who may decide what. What an open question was asked under is copied into it and never changes."""

from collections.abc import Mapping
from copy import copy
from typing import Any

from django.contrib.auth.models import Group, User
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.models.calendar import Calendar
from approvals.models.people import name_of, record_key


class Risk(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class AtLimit(models.TextChoices):
    """What happens when nobody decided in time. Silence is consent only where a policy says so outright."""

    HOLD = "hold", "Stays open, marked overdue"
    REJECT = "reject", "Is rejected"
    APPROVE = "approve", "Is approved (low and medium risk only)"


class Edits(models.TextChoices):
    NONE = "none", "Nobody may edit"
    SECOND = "second", "Somebody else must approve what was edited"
    ALONE = "alone", "Who edits may approve it alone"


# What a chain's author may advise; who decides, and whether the requester may, is never theirs to say.
ADVISABLE = {"votes_needed", "risk", "undo_seconds", "decide_within", "at_limit"}
NEVER_BY_ITSELF = (Risk.HIGH, Risk.CRITICAL)
LONGEST_CONDITION = 500


def _words(longest: int, **options: Any) -> Any:
    return ArrayField(models.CharField(max_length=longest), default=list, blank=True, **options)


class Policy(models.Model):
    """A rule for the questions of a chain, as it is now; PolicyVersion keeps what it was."""

    name = models.CharField(max_length=100, unique=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    priority = models.IntegerField(default=0, help_text="The highest that matches wins.")
    is_active = models.BooleanField(default=True)

    chain = models.CharField(max_length=100, blank=True, help_text="The chain it covers; empty covers all.")
    action = models.CharField(
        max_length=200, blank=True, help_text="The tool, action or node it covers; empty covers all."
    )
    condition = models.CharField(
        max_length=LONGEST_CONDITION,
        blank=True,
        help_text="When it applies, such as: args.amount > 500 (the language is CEL). Empty: always.",
    )

    reviewers = models.ManyToManyField(
        Group, related_name="+", blank=True, help_text="Members of these groups may decide."
    )
    people = models.ManyToManyField(User, related_name="+", blank=True, help_text="So may these people.")
    asks_manager = models.BooleanField(default=False, help_text="So may the requester's manager.")
    votes_needed = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Different people who must approve the same thing.",
    )
    veto = models.BooleanField(
        default=True, help_text="One rejection is enough. Otherwise as many must reject as would have to approve."
    )
    four_eyes = models.BooleanField(default=True, help_text="The requester may not decide.")
    edits = models.CharField(
        max_length=6, choices=Edits, default=Edits.SECOND, help_text="Whether what is asked may be edited."
    )
    editable = _words(200, help_text="Names of the arguments that may be edited, separated by commas. Empty: all.")
    approval_needs_note = models.BooleanField(default=False, help_text="Approving takes a reason, too.")
    reject_reasons = _words(100, help_text="Reasons to choose from when rejecting, separated by commas.")

    risk = models.CharField(max_length=8, choices=Risk, default=Risk.MEDIUM)
    undo_seconds = models.PositiveSmallIntegerField(
        default=5,
        validators=[MaxValueValidator(60)],
        help_text="How long a decision waits before the worker carries on.",
    )

    calendar = models.ForeignKey(
        Calendar,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The hours that count. Empty: every hour of every day.",
    )
    start_within = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Seconds until somebody should have claimed it. A claim stops this clock.",
    )
    decide_within = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Seconds reviewers have to decide, counted by the database's clock. Empty: no limit.",
    )
    at_limit = models.CharField(
        max_length=7, choices=AtLimit, default=AtLimit.HOLD, help_text="What happens when nobody decided in time."
    )
    remind_after = ArrayField(
        models.PositiveIntegerField(validators=[MinValueValidator(1)]),
        default=list,
        blank=True,
        help_text="Seconds after which reviewers are reminded, separated by commas.",
    )
    # [{"after": seconds, "groups": [names]}]
    escalation = models.JSONField(default=list, blank=True)

    auto_condition = models.CharField(
        max_length=LONGEST_CONDITION,
        blank=True,
        help_text="What is approved without asking, such as: args.amount < 20. Empty: nothing.",
    )
    sampled_percent = models.PositiveSmallIntegerField(
        default=10,
        validators=[MaxValueValidator(100)],
        help_text="Of what would be approved without asking, the share that people decide all the same.",
    )

    class Meta:
        verbose_name_plural = "policies"
        ordering = ("-priority", "id")
        constraints = [
            models.CheckConstraint(condition=Q(votes_needed__gte=1, votes_needed__lte=20), name="votes_needed_is_sane"),
            models.CheckConstraint(condition=Q(undo_seconds__lte=60), name="undo_is_at_most_a_minute"),
            models.CheckConstraint(condition=Q(sampled_percent__lte=100), name="sample_is_a_percentage"),
            models.CheckConstraint(condition=Q(risk__in=Risk), name="policy_risk_is_known"),
            models.CheckConstraint(condition=Q(edits__in=Edits), name="policy_edits_are_known"),
            models.CheckConstraint(condition=Q(at_limit__in=AtLimit), name="policy_limit_is_known"),
            models.CheckConstraint(
                condition=~Q(risk__in=NEVER_BY_ITSELF) | (~Q(at_limit=AtLimit.APPROVE) & Q(auto_condition="")),
                name="high_risk_is_never_approved_by_itself",
            ),
            models.CheckConstraint(
                condition=Q(decide_within__isnull=True) | Q(decide_within__gte=1), name="time_to_decide_is_positive"
            ),
            models.CheckConstraint(
                condition=Q(start_within__isnull=True) | Q(start_within__gte=1), name="time_to_start_is_positive"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def advised(self, advice: Mapping[str, Any]) -> "Policy":
        """This policy as a chain's author would have it, while no policy of the operators' names the chain."""
        if self.chain or not advice:
            return self
        found = copy(self)
        for name in ADVISABLE & advice.keys():
            setattr(found, name, advice[name])
        if found.risk in NEVER_BY_ITSELF:
            found.auto_condition = ""
            found.at_limit = AtLimit.HOLD if found.at_limit == AtLimit.APPROVE else found.at_limit
        return found

    @property
    def content(self) -> dict[str, Any]:
        """All of it, as JSON with names instead of ids: what a version keeps, and what two versions differ in."""
        plain = {
            field.name: getattr(self, field.name)
            for field in self._meta.concrete_fields
            if field.name not in {"id", "version", "calendar"}
        }
        return {
            **plain,
            "calendar": self.calendar.name if self.calendar else "",
            "reviewers": sorted(group.name for group in self.reviewers.all()),
            "people": sorted(person.get_username() for person in self.people.all()),
        }


class PolicyVersion(models.Model):
    """A policy as it once was. Appended with each change, never changed."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    content = models.JSONField()
    changed_by = record_key("+")
    changed_by_name = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["policy", "version"], name="one_row_per_policy_version")]
        ordering = ("-version",)

    def __str__(self) -> str:
        return f"{self.policy}, version {self.version}"

    @classmethod
    def keep(cls, policy: Policy, *, by: User | None) -> "PolicyVersion":
        return cls.objects.create(
            policy=policy,
            version=policy.version,
            content=policy.content,
            changed_by=by,
            changed_by_name=name_of(by),
        )
