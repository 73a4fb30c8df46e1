"""Event: a line of the record. Timeline and audit are this one table."""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.contrib.postgres.indexes import BrinIndex
from django.db import connection, models

from approvals.models import sealing
from approvals.models.people import name_of, record_key
from approvals.models.thread import Thread

GENESIS = "0" * 64
# The lines that belong to no thread, such as changes of policies, are a chain of their own under this id.
DESK = uuid.UUID(int=0)
_DESK_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('holdpoint:desk', 0)), clock_timestamp()"


class EventKind(models.TextChoices):
    THREAD_SUBMITTED = "thread.submitted", "Submitted"
    THREAD_FINISHED = "thread.finished", "Finished"
    THREAD_FAILED = "thread.failed", "Failed"
    THREAD_STOPPED = "thread.stopped", "Stopped"
    STOP_REQUESTED = "stop.requested", "Stop requested"
    RUN_REQUESTED = "run.requested", "Asked to carry on"
    RUN_PUT_OFF = "run.put_off", "Tried again after an error that may pass"
    RUN_TAKEN_OVER = "run.taken_over", "Taken over from a worker that went silent"
    MESSAGE_SENT = "message.sent", "Message sent"
    COMMENT_MADE = "comment.made", "Commented"
    INTERRUPT_RAISED = "interrupt.raised", "Asked for review"
    INTERRUPT_BLOCKED = "interrupt.blocked", "Nobody can decide this"
    INTERRUPT_UNBLOCKED = "interrupt.unblocked", "Somebody can decide this again"
    INTERRUPT_SUPERSEDED = "interrupt.superseded", "Question replaced"
    INTERRUPT_CANCELLED = "interrupt.cancelled", "Question withdrawn"
    LIMIT_PASSED = "limit.passed", "Not decided in time"
    INTERRUPT_CLAIMED = "interrupt.claimed", "Claimed"
    INTERRUPT_RETURNED = "interrupt.returned", "Given back to the queue"
    INTERRUPT_ASSIGNED = "interrupt.assigned", "Assigned"
    INTERRUPT_REMINDED = "interrupt.reminded", "Reviewers reminded"
    INTERRUPT_ESCALATED = "interrupt.escalated", "Escalated"
    START_PASSED = "start.passed", "Not claimed in time"
    INTERRUPT_VIEWED = "interrupt.viewed", "Looked at"
    VOTE_CAST = "vote.cast", "Voted"
    VOTE_WITHDRAWN = "vote.withdrawn", "Vote withdrawn"
    EDIT_PROPOSED = "edit.proposed", "Changed what is asked"
    DECISION_MADE = "decision.made", "Decided"
    DECISION_APPLIED = "decision.applied", "Decision carried out"
    DECISION_UNDONE = "decision.undone", "Decision taken back"
    DECISION_VOIDED = "decision.voided", "Decision not carried out"
    GLASS_BROKEN = "glass.broken", "Decided by break glass"
    POLICY_CHANGED = "policy.changed", "Policy changed"
    CALENDAR_CHANGED = "calendar.changed", "Calendar changed"
    DELEGATION_CHANGED = "delegation.changed", "Delegation changed"
    DECISION_REFUSED = "decision.refused", "Refused"
    EFFECT_SETTLED = "effect.settled", "Outside call looked into"
    REPLAY_REFUSED = "replay.refused", "Going back refused"
    THREAD_REPLAYED = "thread.replayed", "Taken back to an earlier step"
    STATE_EDITED = "state.edited", "State edited"
    STATE_EDIT_REFUSED = "state.edit_refused", "Edit of the state refused"
    PEOPLE_CHANGED = "people.changed", "People or groups changed"
    CHECKPOINTS_REMOVED = "checkpoints.removed", "Checkpoints removed"
    CHECKPOINTS_RETURNED = "checkpoints.returned", "Checkpoints brought back"
    RETENTION_CHANGED = "retention.changed", "Retention changed"
    RETENTION_RAN = "retention.ran", "Old checkpoints looked for"
    SIGN_IN_LOCKED = "sign_in.locked", "Locked out after wrong passwords"
    RECORD_CHECKED = "record.checked", "Record checked"
    RECORD_EXPORTED = "record.exported", "Record exported"
    THREAD_HELD = "thread.held", "Held after a backup was put back"
    THREAD_RELEASED = "thread.released", "Let go on after a backup was put back"
    BACKUP_TAKEN = "backup.taken", "Backup taken"
    BACKUP_RESTORED = "backup.restored", "Backup put back"
    CHECKPOINTS_MOVED = "checkpoints.moved", "Checkpoints moved"


class Event(models.Model):
    """One thing that happened to a thread. Appended in the same transaction as the change, never changed after."""

    thread = models.ForeignKey(Thread, on_delete=models.DO_NOTHING, db_constraint=False, related_name="events")
    seq = models.PositiveIntegerField()
    kind = models.CharField(max_length=40, choices=EventKind)
    actor = record_key("+")
    actor_name = models.CharField(max_length=200, blank=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()
    previous_mac = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["thread", "seq"], name="events_follow_each_other")]
        indexes = [BrinIndex(fields=["at"], name="events_by_day", autosummarize=True)]

    def __str__(self) -> str:
        return self.kind

    @classmethod
    def append(cls, thread: Thread, kind: EventKind, *, by: User | None = None, **data: Any) -> "Event":
        """The next line of this thread's record. The thread must come from `Thread.objects.locked` (or be new):
        its lock is what puts the lines in one order, and its `now` is the database's clock.
        """
        return cls._append(thread.id, kind, by, data, at=thread.now)

    @classmethod
    def append_for_desk(cls, kind: EventKind, *, by: User | None = None, **data: Any) -> "Event":
        """The next line of what happened to no one thread. Call inside the transaction that makes the change."""
        with connection.cursor() as cursor:
            cursor.execute(_DESK_LOCK)
            at: datetime = cursor.fetchone()[1]
        return cls._append(DESK, kind, by, data, at=at)

    @classmethod
    def _append(
        cls, thread_id: uuid.UUID, kind: EventKind, by: User | None, data: dict[str, Any], *, at: datetime
    ) -> "Event":
        last = cls.objects.filter(thread_id=thread_id).order_by("-seq").first()
        event = cls(
            thread_id=thread_id,
            seq=last.seq + 1 if last else 1,
            kind=kind,
            actor=by,
            actor_name=name_of(by),
            data=sealing.as_kept(data),
            at=at,
            previous_mac=last.mac if last else GENESIS,
        )
        event.mac = event.computed_mac()
        event.save(force_insert=True)
        return event

    @property
    def sealed_text(self) -> str:
        return sealing.line_text(
            thread_id=self.thread_id,
            seq=self.seq,
            kind=self.kind,
            actor_id=self.actor_id,
            actor_name=self.actor_name,
            data=self.data,
            at=sealing.moment_text(self.at),
            previous_mac=self.previous_mac,
        )

    def computed_mac(self) -> str:
        """HMAC-SHA256 over this line and the one before, so that a changed or missing line shows."""
        return sealing.sealed(self.sealed_text, sealing.all_keys()[-1])

    @property
    def is_sealed(self) -> bool:
        """By a key of ours, old or new."""
        return sealing.key_of(self.sealed_text, self.mac) is not None
