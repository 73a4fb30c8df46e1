"""The steps of a thread, and its state at any one of them. Looking changes nothing."""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpResponse
from django.shortcuts import render

from approvals import inspection
from approvals.inspection import BrokenChain, Lane, State, Step, UnknownChain
from approvals.models import Interrupt, Removal, Thread
from approvals.policies import Act, may
from approvals.views.doors import Visit, find_thread, signed_in
from approvals.views.looking import comparisons
from approvals.views.reading import shelves, transcript

SOURCES = {"input": "Input taken in", "loop": "Started", "update": "State edited", "fork": "Branch"}
MADE_BY_PEOPLE = ("input", "update", "fork")
PER_PAGE = 25


@dataclass(frozen=True)
class Line:
    """A step as it is listed; `share` is its length in percent of the longest."""

    step: Step
    title: str
    waited: bool
    share: int
    is_shown: bool
    lane: Lane

    @property
    def dot(self) -> int:
        return _middle(self.lane.at)

    @property
    def above(self) -> list[int]:
        """Where lanes come down from, into the dot."""
        return [_middle(lane) for lane in self.lane.above]

    @property
    def past(self) -> list[int]:
        return [_middle(lane) for lane in self.lane.past]

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
    namespace = request.GET.get("ns", "")
    try:
        steps = inspection.steps_of(thread, before=before or None, limit=PER_PAGE)
        state = inspection.state_of(thread, checkpoint_id=_asked_step(request, steps), namespace=namespace)
    except (UnknownChain, BrokenChain) as error:
        steps, state, trouble = [], None, str(error)
    else:
        trouble = ""
    lines = _lines(thread, steps, state, is_newest=not before)
    context = {
        "thread": thread,
        "lines": lines,
        "shelves": shelves(thread, state, q=request.GET.get("q", ""), namespace=namespace),
        "transcript": transcript(thread, state, before=request.GET.get("said", ""), namespace=namespace),
        "namespace": namespace,
        "comparisons": [] if before or not steps else comparisons(request, thread, steps[0].checkpoint_id),
        "removal": Removal.objects.of(thread),
        "may_replay": may(request.user, Act.REPLAY, thread),
        "state": state,
        "is_past": not namespace and not any(line.is_shown and line.step.is_head for line in lines),
        "trouble": trouble,
        "before": before,
        "older": steps[-1].cursor if len(steps) == PER_PAGE else "",
    }
    return render(request, "threads/history.html", context)


def _asked_step(request: Visit, steps: list[Step]) -> str | None:
    """The step asked for; else the newest listed, as it was stored."""
    asked = request.GET.get("step", "")
    if request.GET.get("ns"):  # checkpoints of a subgraph have ids of their own
        return asked or None
    return asked or (steps[0].checkpoint_id if steps else None)


def _lines(thread: Thread, steps: list[Step], state: State | None, *, is_newest: bool) -> list[Line]:
    asked_at = list(Interrupt.objects.filter(thread=thread).values_list("created_at", flat=True))
    longest = max((step.duration for step in steps if step.duration), default=timedelta())
    shown = state.checkpoint_id if state else ""
    return [
        Line(
            step=step,
            title=titled(step.node) or SOURCES.get(step.source, step.source),
            waited=any(_began(step) < moment < step.created_at for moment in asked_at),
            share=_share(step.duration, longest),
            is_shown=step.checkpoint_id == shown,
            lane=lane,
        )
        for step, lane in zip(steps, inspection.lanes_of(steps, is_newest=is_newest), strict=True)
    ]


def titled(nodes: str) -> str:
    return ", ".join(inspection.node_label(name) for name in nodes.split(", "))


def _middle(lane: int) -> int:
    """Of a lane in the drawing, where each is ten wide."""
    return 10 * lane + 5


def _began(step: Step) -> datetime:
    return step.created_at - (step.duration or timedelta())


def _share(length: timedelta | None, longest: timedelta) -> int:
    return max(2, round(100 * length / longest)) if length and longest else 2
