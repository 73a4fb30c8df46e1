"""The page of one thread, put together from its rows and from what LangGraph has saved of it."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Sum
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from approvals import inspection
from approvals.forms import new_key
from approvals.inspection import Change
from approvals.models import (
    ACCEPTING,
    Decision,
    Effect,
    Event,
    EventKind,
    Interrupt,
    Removal,
    Run,
    RunKind,
    RunStatus,
    Thread,
    ThreadStatus,
    Verdict,
)
from approvals.policies import Act, may
from approvals.schemaforms import SchemaForm
from approvals.views import reading
from approvals.views.chain_forms import chain_form
from approvals.views.compare import groups_of
from approvals.views.doors import Visit
from approvals.views.failures import failure_of
from approvals.views.looking import comparisons, note_look
from approvals.views.pieces import DecidedPart, decided_parts
from approvals.views.questions import Card, card_of, edits_of
from approvals.views.timeline import SHOWN, timeline_of
from approvals.views.unfinished import Draft
from approvals.views.waiting import place_in_queue

TABS = ("changes", "messages", "state", "raw")
WORKING = (ThreadStatus.QUEUED, ThreadStatus.RUNNING)
TALKING = (ThreadStatus.DONE, ThreadStatus.PAUSED)
# Runs after which no question is what it was.
REPLACING = (RunKind.EDIT, RunKind.REPLAY, RunKind.FORK, RunKind.MESSAGE)
RESTING = (ThreadStatus.PAUSED, ThreadStatus.FAILED)


def thread_page(
    request: Visit,
    thread: Thread,
    *,
    drafts: Mapping[uuid.UUID, Draft] | None = None,
    message_form: SchemaForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """`drafts` are what was typed into forms that were refused, by question."""
    cards = _cards(request, thread, drafts or {})
    if cards and thread.status != ThreadStatus.PAUSED:
        # It may have come to rest since it was read, and a page with a question on it does not follow by itself.
        thread.refresh_from_db(fields=["status"])
    context: dict[str, Any] = {
        "thread": thread,
        "cards": cards,
        "can_decide": any(card.permission for card in cards),
        "place": place_in_queue(request.user, cards[0].interrupt) if cards else None,
        "decided": _decided(thread),
        "actions": _actions(request.user, thread, cards),
        "message_form": message_form or _message_form(request.user, thread),
        "key": new_key(),
        "removal": Removal.objects.of(thread),
        "was_refused": status >= 400,
        "must_confirm": message_form is not None and status == 409,
        **_evidence(request, thread, cards),
        **_progress(request.user, thread),
    }
    context["failure"] = failure_of(request.user, thread, context["failed_run"], context["reading"])
    answer = render(request, "threads/thread.html", context, status=status)
    note_look(answer, request, thread, context["head"])
    return answer


def _evidence(request: Visit, thread: Thread, cards: list[Card]) -> dict[str, Any]:
    found = reading.read(thread)
    changes = reading.changes_of(thread, found)
    tab = request.GET.get("tab", "")
    head = found.state.checkpoint_id if found.state else ""
    since = comparisons(request, thread, head, (found.steps[0].parent_id or "") if found.steps else "")
    return {
        "head": head,
        "groups": groups_of(changes),
        "shelves": reading.shelves(thread, found.state, q=request.GET.get("q", "")),
        "transcript": reading.transcript(thread, found.state, before=request.GET.get("before", "")),
        "comparisons": since,
        "reading": found,
        "changes": changes,
        "tab": tab if tab in TABS else _first_tab(cards, found),
        "tabs": _tabs(found, changes),
        "timeline": timeline_of(thread, found.steps, found.state)[:SHOWN],
    }


def _progress(person: User, thread: Thread) -> dict[str, Any]:
    run = thread.runs.live().first()
    return {
        "run": run,
        "is_working": thread.status in WORKING,
        "is_delayed": _is_delayed(run),
        "undoable": _undoable(person, thread, run),
        "failed_run": thread.runs.exclude(error_class="").order_by("-created_at").first(),
        "retries_allowed": inspection.retries_of(thread),
        "in_doubt": Effect.objects.in_doubt(thread) if thread.status == ThreadStatus.FAILED else [],
        "may_settle": may(person, Act.SETTLE, thread),
        "usage": thread.runs.aggregate(sent=Sum("tokens_in"), got=Sum("tokens_out"), cost=Sum("cost")),
    }


@dataclass(frozen=True)
class Decided:
    """A decision with what it changed: (label, before, after)."""

    decision: Decision
    edits: list[tuple[str, Any, Any]]
    parts: list[DecidedPart]
    # Chosen from the policy's list, when it was rejected.
    reason: str = ""


@dataclass(frozen=True)
class Actions:
    """What this person may do with this thread now, besides deciding."""

    edit_state: bool
    carry_on: bool
    retry: bool
    ask_again: bool
    stop: bool


def _cards(request: Visit, thread: Thread, drafts: Mapping[uuid.UUID, Draft]) -> list[Card]:
    """None while a worker is about to replace them: nobody could decide."""
    if thread.runs.live().filter(kind__in=REPLACING).exists():
        return []
    editing = request.GET.get("edit", "")
    page = reverse("thread", args=[thread.id])
    cards = []
    for interrupt in Interrupt.objects.open().filter(thread=thread).select_related("thread").oldest_first():
        edits = editing in ("1", str(interrupt.id))
        draft = drafts.get(interrupt.id)
        cards.append(card_of(request.user, interrupt, next=page, draft=draft, is_editing=edits))
    for number, card in enumerate(cards[1:], start=2):
        card.draft.told_apart(number)
    return cards


def _first_tab(cards: list[Card], found: reading.Reading) -> str:
    if cards:
        return "changes"
    return "messages" if found.state and found.state.messages else "state"


def _tabs(found: reading.Reading, changes: Sequence[Change]) -> list[tuple[str, str, int]]:
    """(name, label, how many)."""
    said = len(found.state.messages) if found.state else 0
    return [
        ("changes", "Changes", len(changes)),
        ("messages", "Messages", said),
        ("state", "State", 0),
        ("raw", "Raw", 0),
    ]


def _decided(thread: Thread) -> list[Decided]:
    decisions = Decision.objects.filter(interrupt__thread=thread).select_related("interrupt__thread")
    votes = Event.objects.filter(thread_id=thread.id, kind=EventKind.VOTE_CAST).order_by("seq")
    last = {vote.data.get("interrupt"): vote.data for vote in votes}
    return [
        _as_decided(found, last.get(str(found.interrupt_id), {})) for found in decisions.order_by("-decided_at", "-id")
    ]


def _as_decided(decision: Decision, vote: Mapping[str, Any]) -> Decided:
    """Of several parts, each; of one, only what was changed, since the rest stands in the decision."""
    reason = str(vote.get("reason_code", ""))
    # Whoever approves what another made of it says nothing of their own.
    is_version = decision.interrupt.is_proposal and decision.verdict in ACCEPTING
    told = decision.interrupt.proposal if is_version else vote.get("parts", [])
    parts = decided_parts(decision.interrupt, told or [])
    if len(parts) > 1:
        return Decided(decision, [], parts, reason)
    if parts:
        return Decided(decision, parts[0].edits, [], reason)
    answer = decision.answer  # of a decision from before parts were recorded
    was_edited = decision.verdict == Verdict.EDIT and isinstance(answer, dict)
    return Decided(decision, edits_of(decision.interrupt, answer.get("arguments")) if was_edited else [], [])


def _undoable(person: User, thread: Thread, run: Run | None) -> list[Interrupt]:
    """This person's decisions that no worker has taken up yet."""
    mine = Interrupt.objects.undoable().filter(thread=thread, decision__decided_by=person)
    return list(mine) if run is None or _is_delayed(run) else []


def _is_delayed(run: Run | None) -> bool:
    return run is not None and run.status == RunStatus.PENDING and run.not_before > timezone.now()


def _actions(person: User, thread: Thread, cards: list[Card]) -> Actions:
    rests = thread.status in RESTING and not thread.runs.live().exists() and not Removal.hindrance(thread)
    carries_on = rests and not cards and bool(may(person, Act.CARRY_ON, thread))
    return Actions(
        edit_state=rests and bool(may(person, Act.EDIT_STATE, thread)),
        carry_on=carries_on and thread.status == ThreadStatus.PAUSED,
        retry=carries_on and thread.status == ThreadStatus.FAILED,
        ask_again=carries_on and Interrupt.objects.pending().filter(thread=thread).exists(),
        stop=not thread.is_ended and bool(may(person, Act.STOP, thread)),
    )


def _message_form(person: User, thread: Thread) -> SchemaForm | None:
    """For chains with several turns: the form of the next one, for the person whose thread it is. While a question is
    open, sending it needs a word more: it discards the question.
    """
    if thread.status not in TALKING or thread.runs.live().exists() or not may(person, Act.MESSAGE, thread):
        return None
    if Removal.hindrance(thread):
        return None
    try:
        chain = inspection.chain(thread.chain)
    except (inspection.UnknownChain, inspection.BrokenChain):
        return None
    return chain_form(chain, person.id) if chain.multi_turn else None
