"""Delegation: somebody decides in somebody else's place for a while."""

from django.contrib.auth.models import User
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def current(self) -> "DelegationQuerySet":
        """By the database's clock."""
        return self.filter(starts_at__lte=Now(), ends_at__gt=Now(), ended_at__isnull=True, giver__is_active=True)

    def open(self) -> "DelegationQuerySet":
        """Current or still to come."""
        return self.filter(ends_at__gt=Now(), ended_at__isnull=True)


class Delegation(models.Model):
    """`taker` may decide what `giver` may decide. It is not handed on: a taker's taker gains nothing."""

    giver = models.ForeignKey(User, on_delete=models.CASCADE, related_name="given_delegations")
    taker = models.ForeignKey(User, on_delete=models.CASCADE, related_name="taken_delegations")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = DelegationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(starts_at__lt=F("ends_at")), name="delegation_ends_after_it_starts"),
            models.CheckConstraint(condition=~Q(giver=F("taker")), name="nobody_delegates_to_themselves"),
        ]
        indexes = [models.Index(fields=["taker", "ends_at"], name="delegations_of_a_taker")]

    def __str__(self) -> str:
        return f"{self.giver} to {self.taker}"
