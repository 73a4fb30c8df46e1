"""What LangGraph has saved of a thread, read for a page; a chain that is gone or broken takes no page down."""

from dataclasses import dataclass
from typing import Any

from approvals import inspection
from approvals.inspection import BrokenChain, Change, Drawing, State, Step, UnknownChain
from approvals.models import Thread

# Where chains put what the requester is to read.
RESULT = "final_response"


@dataclass(frozen=True)
class Reading:
    """`trouble` says why there is nothing to show."""

    state: State | None = None
    drawing: Drawing | None = None
    steps: tuple[Step, ...] = ()
    trouble: str = ""

    @property
    def result(self) -> Any:
        """The chain's answer, or what the model said last; None when there is neither."""
        if self.state is None:
            return None
        if self.state.values.get(RESULT):
            return self.state.values[RESULT]
        return next((said.text for said in reversed(self.state.messages) if said.role == "ai" and said.text), None)


def read(thread: Thread) -> Reading:
    try:
        return Reading(
            state=inspection.state_of(thread),
            drawing=inspection.drawing_of(thread),
            steps=tuple(inspection.steps_of(thread)),
        )
    except (UnknownChain, BrokenChain) as error:
        return Reading(trouble=str(error))


def changes_of(thread: Thread) -> list[Change]:
    try:
        return inspection.changes_of(thread)
    except (UnknownChain, BrokenChain):
        return []
