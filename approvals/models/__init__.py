"""The rows, their rules, and the verbs that move them."""

from approvals.models.beat import Beat
from approvals.models.calendar import Calendar
from approvals.models.delegation import Delegation
from approvals.models.effect import Effect, EffectStatus
from approvals.models.event import Event, EventKind
from approvals.models.idempotency import IdempotencyKey, KeyReused
from approvals.models.interrupt import Asked, Interrupt
from approvals.models.interrupt_queries import InterruptStatus, QuestionKind
from approvals.models.keeping import Removal, RemovalStatus, Retention, RetentionNight
from approvals.models.moved import CheckpointPlace, CopiedThread, Hold
from approvals.models.notice import Notice, NoticeKind
from approvals.models.outbox import Outbox
from approvals.models.policy import NEVER_BY_ITSELF, AtLimit, Edits, Policy, PolicyVersion, Risk
from approvals.models.rules import OtherPolicy, Rules, Step, StepKind
from approvals.models.run import LIVE_RUNS, Run, RunKind, RunStatus
from approvals.models.thread import Thread, ThreadStatus
from approvals.models.verdict import ACCEPTING, Decision, Verdict, Via, Vote
from approvals.models.working import Comment, Draft, Snooze, Watch

__all__ = [
    "ACCEPTING",
    "LIVE_RUNS",
    "NEVER_BY_ITSELF",
    "Asked",
    "AtLimit",
    "Beat",
    "Calendar",
    "CheckpointPlace",
    "Comment",
    "CopiedThread",
    "Decision",
    "Delegation",
    "Draft",
    "Edits",
    "Effect",
    "EffectStatus",
    "Event",
    "EventKind",
    "Hold",
    "IdempotencyKey",
    "Interrupt",
    "InterruptStatus",
    "KeyReused",
    "Notice",
    "NoticeKind",
    "OtherPolicy",
    "Outbox",
    "Policy",
    "PolicyVersion",
    "QuestionKind",
    "Removal",
    "RemovalStatus",
    "Retention",
    "RetentionNight",
    "Risk",
    "Rules",
    "Run",
    "RunKind",
    "RunStatus",
    "Snooze",
    "Step",
    "StepKind",
    "Thread",
    "ThreadStatus",
    "Verdict",
    "Via",
    "Vote",
    "Watch",
]
