"""The steps of a thread, and its state at any one of them. Looking changes nothing."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render

from approvals import inspection
from approvals.inspection import BrokenChain, State, Step, UnknownChain
from approvals.models import Interrupt, Thread
from approvals.views.doors import Visit, find_thread, signed_in

SOURCES = {"input": "Input taken in", "loop": "Started", "update": "State edited", "fork": "Branch"}
MADE_BY_PEOPLE = ("input", "update", "fork")
PER_PAGE = 50


@dataclass(frozen=True)
class Line:
    """A step as it is listed; `share` is its length in percent of the longest."""

    step: Step
    title: str
    waited: bool
    share: int
    is_shown: bool

    @property
    def by(self) -> str:
        """Who made this step; the machine's own steps carry the name of whoever set it going, which says little."""
        return self.step.by or "" if self.step.source in MADE_BY_PEOPLE else ""

    @property
    def reason(self) -> str:
        return self.step.reason or "" if self.by else ""


@signed_in
def history(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    before = request.GET.get("before", "")
    try:
        steps = inspection.steps_of(thread, before=before or None, limit=PER_PAGE)
        state = inspection.state_of(thread, checkpoint_id=_asked_step(request, steps))
    except (UnknownChain, BrokenChain) as error:
        steps, state, trouble = [], None, str(error)
    else:
        trouble = ""
    context = {
        "thread": thread,
        "lines": _lines(thread, steps, state),
        "state": state,
        "trouble": trouble,
        "before": before,
        "older": steps[-1].cursor if len(steps) == PER_PAGE else "",
    }
    return render(request, "threads/history.html", context)


def _asked_step(request: Visit, steps: list[Step]) -> str | None:
    """The step asked for; else the newest listed, as it was stored."""
    asked = request.GET.get("step", "")
    return asked or (steps[0].checkpoint_id if steps else None)


def _lines(thread: Thread, steps: list[Step], state: State | None) -> list[Line]:
    asked_at = list(Interrupt.objects.filter(thread=thread).values_list("created_at", flat=True))
    longest = max((step.duration for step in steps if step.duration), default=timedelta())
    shown = state.checkpoint_id if state else ""
    return [
        Line(
            step=step,
            title=step.node or SOURCES.get(step.source, step.source),
            waited=any(_began(step) < moment < step.created_at for moment in asked_at),
            share=_share(step.duration, longest),
            is_shown=step.checkpoint_id == shown,
        )
        for step in steps
    ]


def _began(step: Step) -> datetime:
    return step.created_at - (step.duration or timedelta())


def _share(length: timedelta | None, longest: timedelta) -> int:
    return max(2, round(100 * length / longest)) if length and longest else 2
