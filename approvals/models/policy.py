"""Policy: who may decide what. What an open question was asked under is copied into it and never changes."""

from collections.abc import Mapping
from copy import copy
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class Risk(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class AtLimit(models.TextChoices):
    """What happens when nobody decided in time. There is no "approve": silence is not consent."""

    HOLD = "hold", "Stays open, marked overdue"
    REJECT = "reject", "Is rejected"


# What a chain's author may advise; who decides, and whether the requester may, is never theirs to say.
ADVISABLE = {"votes_needed", "risk", "undo_seconds", "decide_within", "at_limit"}


class PolicyQuerySet(models.QuerySet["Policy"]):
    def for_chain(self, chain: str) -> "Policy":
        """The first that matches, by priority. The default policy matches every chain, so there always is one."""
        matching = self.filter(Q(chain=chain) | Q(chain=""), is_active=True)
        return matching.order_by("-priority", "id")[0]


class Policy(models.Model):
    """A rule for the questions of a chain."""

    name = models.CharField(max_length=100, unique=True)
    chain = models.CharField(max_length=100, blank=True, help_text="The chain it covers; empty covers all.")
    priority = models.IntegerField(default=0, help_text="The highest that matches wins.")
    is_active = models.BooleanField(default=True)
    reviewers = models.ManyToManyField(Group, related_name="+", help_text="Members of these groups may decide.")
    votes_needed = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(20)],
        help_text="Different people who must approve. With more than one, editing is off: "
        "an edit would change what the others approved.",
    )
    four_eyes = models.BooleanField(default=True, help_text="The requester may not decide.")
    risk = models.CharField(max_length=8, choices=Risk, default=Risk.MEDIUM)
    undo_seconds = models.PositiveSmallIntegerField(
        default=5,
        validators=[MaxValueValidator(60)],
        help_text="How long a decision waits before the worker carries on.",
    )

    decide_within = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Seconds reviewers have to decide, counted by the database's clock. Empty: no limit.",
    )
    at_limit = models.CharField(
        max_length=6, choices=AtLimit, default=AtLimit.HOLD, help_text="What happens when nobody decided in time."
    )

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "policies"
        constraints = [
            models.CheckConstraint(condition=Q(votes_needed__gte=1, votes_needed__lte=20), name="votes_needed_is_sane"),
            models.CheckConstraint(condition=Q(undo_seconds__lte=60), name="undo_is_at_most_a_minute"),
            models.CheckConstraint(condition=Q(risk__in=Risk), name="policy_risk_is_known"),
            models.CheckConstraint(condition=Q(at_limit__in=AtLimit), name="policy_limit_is_known"),
            models.CheckConstraint(
                condition=Q(decide_within__isnull=True) | Q(decide_within__gte=1), name="time_to_decide_is_positive"
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
        return found

    def snapshot(self) -> dict[str, Any]:
        """What a question keeps of the policy it was asked under."""
        return {
            "policy": self.name,
            "reviewers": sorted(group.name for group in self.reviewers.all()),
            "votes_needed": self.votes_needed,
            "four_eyes": self.four_eyes,
            "risk": self.risk,
            "undo_seconds": self.undo_seconds,
            "due_at": Now() + timedelta(seconds=self.decide_within) if self.decide_within else None,
            "at_limit": self.at_limit,
        }
