"""What a row of a question, a vote or a decision is held to: a digest of what must never change, kept in its line.

The lists are written out, and never changed: a later column must not make old lines look broken.
"""

import uuid
from datetime import datetime
from typing import Any

from django.db.models import Model, Value

from approvals.models import sealing

# By the label of the model. What is not named here moves on: status, claims, deadlines.
HELD: dict[str, tuple[str, ...]] = {
    "approvals.Interrupt": (
        "id", "thread_id", "interrupt_id", "namespace", "node", "checkpoint_id", "payload_sha256", "asked", "kind",
        "title", "context", "response_schema", "requested_by_id", "policy", "reviewers", "people", "rules",
        "votes_needed", "four_eyes", "risk", "undo_seconds", "at_limit", "proposal", "proposal_by_id",
        "proposal_by_name", "created_at",
    ),
    "approvals.Vote": (
        "interrupt_id", "payload_sha256", "seen_checkpoint_id", "verdict", "note", "reason_code", "reviewer_id",
        "reviewer_name", "for_name", "number", "is_carried_over", "created_at",
    ),
    "approvals.Decision": (
        "interrupt_id", "payload_sha256", "verdict", "answer", "note", "decided_by_id", "decided_by_name",
        "decided_via", "decided_at",
    ),
}  # fmt: skip


def digest_of(row: Model) -> str:
    """For the line that tells of this row, when the row was just made."""
    held = {name: _plain(getattr(row, name)) for name in HELD[row._meta.label]}
    return sealing.digest(sealing.as_kept(held))


def _plain(value: Any) -> Any:
    if isinstance(value, Value):
        return value.value
    if isinstance(value, datetime):
        return sealing.moment_text(value)
    return str(value) if isinstance(value, uuid.UUID) else value
