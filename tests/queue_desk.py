"""What tests of working the queue share: clients, forms, moments."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F
from django.test import Client

from approvals.models import Interrupt, Snooze

JSON: dict[str, Any] = {"HTTP_ACCEPT": "application/json"}


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def fresh(question: Interrupt) -> Interrupt:
    return Interrupt.objects.get(id=question.id)


def seen(question: Interrupt, **typed: str) -> dict[str, str]:
    return {
        "seen_interrupt": question.interrupt_id,
        "seen_checkpoint": question.checkpoint_id,
        "seen_sha256": question.payload_sha256,
        **typed,
    }


def decide(client: Client, question: Interrupt, **typed: str) -> Any:
    return client.post(f"/interrupts/{question.id}/decision/", seen(question, **typed), **JSON)


def let_claim_lapse(question: Interrupt, *, ago: timedelta = timedelta(seconds=1)) -> None:
    """As if the lease had ended that long before the question was asked."""
    Interrupt.objects.filter(id=question.id).update(claim_ends_at=F("created_at") - ago)


def let_snooze_end(person: User) -> None:
    Snooze.objects.filter(person=person).update(until=F("at") - timedelta(seconds=1))
