"""What machines do: hold a thread, let its chain take the step its head calls for, record what came of it."""

from approvals.execution.checks import NotFit, examine, refuse_unfit
from approvals.execution.look import look
from approvals.execution.questions import cancel_questions
from approvals.execution.starting import refuse_apart, take_checkpoints
from approvals.execution.sweep import due_runs, not_rung
from approvals.opened import set_up_checkpoints
from chains.checkpointers import BadPlace, SaverFailed

__all__ = [
    "BadPlace",
    "NotFit",
    "SaverFailed",
    "cancel_questions",
    "due_runs",
    "examine",
    "look",
    "not_rung",
    "refuse_apart",
    "refuse_unfit",
    "set_up_checkpoints",
    "take_checkpoints",
]
