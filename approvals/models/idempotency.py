"""IdempotencyKey: the same form sent twice is one act with one answer."""

import hashlib
import json
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, models, transaction
from django.db.models.functions import Now


class KeyReused(Exception):
    """This form was already sent with other contents. Reload the page and send it again."""


class IdempotencyKey(models.Model):
    """What one person's one form led to."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=64)
    fingerprint = models.CharField(max_length=64)
    result = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "key"], name="one_act_per_key")]

    def __str__(self) -> str:
        return self.key

    @classmethod
    def take(cls, *, person: User, key: str, body: Any) -> "tuple[IdempotencyKey, bool]":
        """The key's row and whether it is new. A second sender waits here until the first has committed.

        Call inside the transaction that does the act. Raises KeyReused when the same key came with another body.
        Without a key each sending is an act of its own.
        """
        if not key:
            return cls(person=person), True
        fingerprint = hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()
        try:
            with transaction.atomic():
                return cls.objects.create(person=person, key=key, fingerprint=fingerprint), True
        except IntegrityError:
            row = cls.objects.get(person=person, key=key)
        if row.fingerprint != fingerprint:
            raise KeyReused(KeyReused.__doc__)
        return row, False

    def remember(self, result: Any) -> None:
        if self.pk is not None:
            self.result = str(result)
            self.save(update_fields=["result"])
