"""The rows, their rules, and the verbs that move them."""

from approvals.models.effect import Effect, EffectStatus
from approvals.models.event import Event, EventKind
from approvals.models.idempotency import IdempotencyKey, KeyReused
from approvals.models.interrupt import Asked, Interrupt, InterruptStatus, QuestionKind
from approvals.models.outbox import Outbox
from approvals.models.policy import AtLimit, Policy, Risk
from approvals.models.run import LIVE_RUNS, Run, RunKind, RunStatus
from approvals.models.thread import Thread, ThreadStatus
from approvals.models.verdict import Decision, Verdict, Via, Vote

__all__ = [
    "LIVE_RUNS",
    "Asked",
    "AtLimit",
    "Decision",
    "Effect",
    "EffectStatus",
    "Event",
    "EventKind",
    "IdempotencyKey",
    "Interrupt",
    "InterruptStatus",
    "KeyReused",
    "Outbox",
    "Policy",
    "QuestionKind",
    "Risk",
    "Run",
    "RunKind",
    "RunStatus",
    "Thread",
    "ThreadStatus",
    "Verdict",
    "Via",
    "Vote",
]
