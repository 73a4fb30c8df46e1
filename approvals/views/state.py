"""Editing the state of a thread: typed, then looked at as a difference with what runs next, then confirmed."""

import uuid

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals import inspection, threads
from approvals.answered import unasked
from approvals.inspection import BadEdit, Edit, HeadMoved, Preview
from approvals.models import Interrupt, Thread
from approvals.policies import Act, may, require
from approvals.views import answers, state_edits
from approvals.views.doors import Visit, find_thread, signed_in
from approvals.views.state_edits import FORM, RAW, Confirmation, Typed

STORED = "The state is being edited. Nothing runs until somebody resumes it."


@signed_in
def state(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    try:
        require(request.user, Act.EDIT_STATE, thread)
        threads.require_status(thread, *threads.EDITABLE)
        stored = state_edits.stored_for(request, thread)
        if stored is None:
            return redirect("thread", thread.id)
        if request.method == "POST":
            return _take(request, thread, state_edits.typed(stored, request.POST))
        return draw(request, thread, state_edits.empty(stored, view=request.GET.get("view", "")))
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread)


def draw(request: Visit, thread: Thread, found: Typed, *, replays: str = "") -> HttpResponse:
    """The form as it stands. `replays` is the checkpoint that the thread goes back to with the edit, if it does."""
    if found.is_bad and answers.wants_json(request):
        return state_edits.refusal(request, found, thread)
    page = reverse("replay", args=[thread.id, replays]) if replays else reverse("state", args=[thread.id])
    name = "edit" if replays else "view"
    context = {
        "thread": thread,
        "found": found,
        "form": found.form,
        "seen_checkpoint": request.POST.get("seen_checkpoint") or found.stored.checkpoint_id,
        "reason": request.POST.get("reason", ""),
        "page": page,
        "tabs": [(FORM, "Form", f"{page}?{name}={FORM}"), (RAW, "JSON", f"{page}?{name}={RAW}")],
        "replays": replays,
    }
    return render(request, "threads/state.html", context, status=422 if found.is_bad else 200)


def _take(request: Visit, thread: Thread, found: Typed) -> HttpResponse:
    if state_edits.is_redrawn(found, request.POST) or not state_edits.read(found):
        return draw(request, thread, found)
    seen = request.POST.get("seen_checkpoint", "")
    try:
        preview = inspection.preview_state_edit(thread, found.edit, seen_checkpoint_id=seen)
        if answers.wants_json(request):
            return _store_for_program(request, thread, found, preview, seen=seen)
        silent = unasked(thread, seen, preview.next, found.edit)
        asked = _confirmation(request, preview, silent)
        if asked.is_bound and asked.is_valid():
            _store(request, thread, found.edit, seen=seen, reason=asked.cleaned_data["reason"])
            messages.success(request, STORED)
            return answers.SeeOther(reverse("thread", args=[thread.id]))
    except (BadEdit, HeadMoved) as error:
        found.error = error
        return draw(request, thread, found)
    return _ask(request, thread, found, preview, asked, silent)


def _confirmation(request: Visit, preview: Preview, silent: tuple[str, ...]) -> Confirmation:
    needs = frozenset({"may_pass"}) if preview.skipped or silent else frozenset()
    return Confirmation(request.POST, is_sent="confirmed" in request.POST, needs=needs)


def _ask(
    request: Visit, thread: Thread, found: Typed, preview: Preview, asked: Confirmation, silent: tuple[str, ...]
) -> HttpResponse:
    open_now = list(Interrupt.objects.open().filter(thread=thread))
    context = {
        "thread": thread,
        "found": found,
        "preview": preview,
        "asked": asked,
        "carried": state_edits.carried(request.POST),
        "questions": open_now,
        "passed": [question for question in open_now if _outer_node(question) in preview.skipped],
        "unasked": silent,
        "may_reroute": may(request.user, Act.REROUTE, thread),
    }
    return render(request, "threads/state_confirm.html", context, status=422 if asked.errors else 200)


def _outer_node(question: Interrupt) -> str:
    """The node of the outermost graph that waits for the answer: for a subgraph, the one that runs it."""
    return question.namespace.partition(":")[0] or question.node


def _store(request: Visit, thread: Thread, edit: Edit, *, seen: str, reason: str) -> Thread:
    return threads.edit_state(
        request.user,
        thread.id,
        dict(edit.values),
        seen_checkpoint_id=seen,
        reason=reason,
        as_node=edit.as_node,
        may_pass="may_pass" in request.POST,
    )


def _store_for_program(request: Visit, thread: Thread, found: Typed, preview: Preview, *, seen: str) -> HttpResponse:
    """Programs say what they mean the first time; with `preview` they only ask what would come of it."""
    if "preview" in request.POST:
        changes = [{"path": one.path, "before": one.old, "after": one.new} for one in found.changes]
        silent = unasked(thread, seen, preview.next, found.edit)
        facts = {"next": preview.next, "passes_by": preview.skipped, "changes": changes}
        return JsonResponse({**facts, **({"unasked": silent} if silent else {})})
    asked = Confirmation(request.POST, is_sent=True)
    if not asked.is_valid():
        return answers.refused(asked.problem, field="reason")
    stored = _store(request, thread, found.edit, seen=seen, reason=asked.cleaned_data["reason"])
    return JsonResponse({"thread": str(stored.id), "status": stored.status}, status=202)
