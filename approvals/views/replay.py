"""Going back to an earlier step: what would run again, which outside calls may happen twice, and a person's word."""

import uuid
from dataclasses import replace
from datetime import datetime

from django.contrib import messages
from django.db.models import Q
from django.db.models.query import QuerySet
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from approvals import inspection, threads
from approvals.answered import answered_before, unasked
from approvals.inspection import BadEdit, Edit, HeadMoved, Plan, StateForm
from approvals.models import Effect, EffectStatus, Interrupt, Thread
from approvals.policies import Act, may, require
from approvals.views import answers, state_edits
from approvals.views.doors import Visit, find_thread, signed_in
from approvals.views.state import draw
from approvals.views.state_edits import FORM, RAW, Confirmation, Typed

GONE = "That step is not saved any more. Reload the history."
BACK = "It goes back now, and on from there. What had happened stays in the history."


@signed_in
def replay(request: Visit, thread_id: uuid.UUID, checkpoint_id: str) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    try:
        require(request.user, Act.REPLAY, thread)
        threads.require_status(thread, *threads.REPLAYABLE)
        stored = state_edits.stored_for(request, thread, checkpoint_id=checkpoint_id)
        if stored is None:
            raise HeadMoved(GONE)
        if request.method == "POST":
            return _take(request, thread, stored)
        view = request.GET.get("edit", "")
        if view in (FORM, RAW):
            require(request.user, Act.EDIT_STATE, thread)
            return draw(request, thread, state_edits.empty(stored, view=view), replays=checkpoint_id)
        return _ask(request, thread, Typed(stored), inspection.plan_replay(thread, checkpoint_id), None)
    except BadEdit as error:  # nothing runs after this step
        return answers.answer(request, threads.NotNow(str(error)), thread=thread)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread)


def _take(request: Visit, thread: Thread, stored: StateForm) -> HttpResponse:
    """With `view` the POST carries an edit; without, the step is taken as it was saved."""
    if "view" not in request.POST:
        return _go(request, thread, Typed(stored), None)
    require(request.user, Act.EDIT_STATE, thread)
    found = state_edits.typed(stored, request.POST)
    if state_edits.is_redrawn(found, request.POST) or not state_edits.read(found):
        return draw(request, thread, found, replays=stored.checkpoint_id)
    try:
        return _go(request, thread, found, found.edit)
    except BadEdit as error:
        found.error = error
        return draw(request, thread, found, replays=stored.checkpoint_id)


def _go(request: Visit, thread: Thread, found: Typed, edit: Edit | None) -> HttpResponse:
    plan = inspection.plan_replay(thread, found.stored.checkpoint_id, edit)
    silent = unasked(thread, plan.checkpoint_id, plan.next, edit)
    if answers.wants_json(request) and "preview" in request.POST:
        effects = [effect.name for effect in _effects_since(thread, plan)]
        facts = {"next": plan.next, "again": plan.again, "passes_by": plan.skipped, "effects": effects}
        return JsonResponse({**facts, **({"unasked": silent} if silent else {})})
    is_sent = "confirmed" in request.POST or answers.wants_json(request)
    asked = Confirmation(request.POST, is_sent=is_sent, needs=_needs(thread, plan, silent))
    if not (asked.is_bound and asked.is_valid()):
        if answers.wants_json(request):
            return answers.refused(asked.problem, field=next(iter(asked.errors)))
        return _ask(request, thread, found, plan, asked, silent)
    if edit is not None:
        edit = replace(edit, may_pass=asked.cleaned_data["may_pass"])
    reason = asked.cleaned_data["reason"]
    sent = threads.replay(request.user, thread.id, plan.checkpoint_id, reason=reason, edit=edit)
    if answers.wants_json(request):
        return JsonResponse({"thread": str(sent.id), "status": sent.status}, status=202)
    messages.success(request, BACK)
    return answers.SeeOther(reverse("thread", args=[thread.id]))


def _needs(thread: Thread, plan: Plan, silent: tuple[str, ...]) -> frozenset[str]:
    repeats = {"may_repeat"} if _effects_since(thread, plan).exists() else set()
    return frozenset(repeats | ({"may_pass"} if plan.skipped or silent else set()))


def _ask(
    request: Visit,
    thread: Thread,
    found: Typed,
    plan: Plan,
    asked: Confirmation | None,
    silent: tuple[str, ...] = (),
) -> HttpResponse:
    asked = asked or Confirmation(request.POST, is_sent=False, needs=_needs(thread, plan, silent))
    open_now = Interrupt.objects.open().filter(thread=thread)
    context = {
        "thread": thread,
        "found": found,
        "plan": plan,
        "since": _moment(plan),
        "asked": asked,
        "carried": state_edits.carried(request.POST) if found.changed else [],
        "effects": _effects_since(thread, plan),
        "answered": answered_before(thread, plan.checkpoint_id),
        "unasked": silent,
        "questions": open_now,
        "may_edit": may(request.user, Act.EDIT_STATE, thread),
        "may_reroute": may(request.user, Act.REROUTE, thread),
    }
    return render(request, "threads/replay.html", context, status=422 if asked.errors else 200)


def _moment(plan: Plan) -> datetime | None:
    return datetime.fromisoformat(plan.since) if plan.since else None


def _effects_since(thread: Thread, plan: Plan) -> QuerySet[Effect]:
    """By time, and by node as well: the checkpoint's time is a worker's, the effect's is the database's."""
    moment = _moment(plan)
    since = Q(begun_at__gte=moment) if moment else Q()
    made = Effect.objects.filter(thread=thread).exclude(status=EffectStatus.NOT_DONE)
    return made.filter(since | Q(node__in=plan.again)).order_by("begun_at", "id")
