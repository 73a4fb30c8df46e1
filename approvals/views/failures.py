"""What a failed thread's page says: where it failed, what to do, and to operators what the error was."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from approvals import inspection
from approvals.inspection import BrokenChain, NodeFailure, UnknownChain
from approvals.models import Run, Thread, ThreadStatus
from approvals.policies import Act, may
from approvals.views.reading import Reading

USUAL = "Steps that were finished stay finished. Retrying goes on from the last good step, with the one that failed."
ADVICE = {
    "WorkerLost": "The worker was lost each time it worked on this. Before you retry, have an operator look why.",
    "GraphRecursionError": "It went round in circles. A retry goes round again: edit its state, or go back to a step.",
    "HeldBack": "Somebody said no at a breakpoint. Edit its state to be asked anew, or end it.",
    "CheckpointsGone": "Nothing ran. Its record stays; what it had worked out is gone.",
    "BrokenChain": "Nothing ran. Retry it when its chain can be loaded again.",
    "UnknownChain": "Nothing ran. Retry it when its chain is registered again.",
    "Drifted": "Nothing ran. Retry it when the chain has the step again, or go back to a step that it still has.",
}


@dataclass(frozen=True)
class FailurePart:
    """`nodes` failed, of a node that is a graph itself the one in it; `head` is the checkpoint before them, "" when
    nothing was saved or the person may not go there.

    `technical` is for operators and empty for others.
    """

    nodes: tuple[str, ...]
    advice: str
    head: str
    technical: list[NodeFailure]


def failure_of(person: User, thread: Thread, run: Run | None, found: Reading) -> FailurePart | None:
    """None when the thread has not failed."""
    if thread.status != ThreadStatus.FAILED:
        return None
    state = found.state
    failures = _failures(thread)
    said = tuple(dict.fromkeys(failure.node for failure in failures))
    return FailurePart(
        nodes=said or (state.next if state else ()),
        advice=ADVICE.get(run.error_class, USUAL) if run else USUAL,
        head=state.checkpoint_id if state and state.next and _may_go_on_changed(person, thread) else "",
        technical=failures if may(person, Act.SEE_ERRORS, thread) else [],
    )


def _may_go_on_changed(person: User, thread: Thread) -> bool:
    return bool(may(person, Act.REPLAY, thread) and may(person, Act.EDIT_STATE, thread))


def _failures(thread: Thread) -> list[NodeFailure]:
    try:
        return inspection.failures_of(thread)
    except (BrokenChain, UnknownChain):
        return []
