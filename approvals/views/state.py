"""Editing the state of a thread: its plain keys as a form, a reason, and only what was changed is sent."""

import uuid
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse

from approvals import inspection, threads
from approvals.forms import RequiredReasonForm
from approvals.inspection import BadEdit, HeadMoved, StateForm
from approvals.models import Interrupt, Thread
from approvals.policies import Act, require
from approvals.schemaforms import SchemaForm, SchemaNotSupported, schema_form
from approvals.showing import same
from approvals.views import answers
from approvals.views.doors import Visit, find_thread, signed_in

PREFIX = "state"


@signed_in
def state(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    try:
        require(request.user, Act.EDIT_STATE, thread)
        stored = inspection.state_form(thread)
        if stored is None:
            return redirect("thread", thread.id)
        return _store(request, thread, stored) if request.method == "POST" else _draw(request, thread, stored)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread)


def _store(request: Visit, thread: Thread, stored: StateForm) -> HttpResponse:
    form, reason = _form(stored, request.POST), RequiredReasonForm(request.POST)
    if form.is_list_edit:
        return _draw(request, thread, stored, form=form, reason=reason)
    if not (form.is_valid() and reason.is_valid()):
        return _draw(request, thread, stored, form=form, reason=reason, status=422)
    seen = request.POST.get("seen_checkpoint", "")
    why = reason.cleaned_data["reason"]
    try:
        threads.edit_state(request.user, thread.id, _changed(form), seen_checkpoint_id=seen, reason=why)
    except (BadEdit, HeadMoved) as error:
        return _draw(request, thread, stored, form=form, reason=reason, error=error, status=422)
    messages.success(request, "The state is being edited. Nothing runs until somebody resumes it.")
    return answers.SeeOther(reverse("thread", args=[thread.id]))


def _draw(
    request: Visit,
    thread: Thread,
    stored: StateForm,
    *,
    form: SchemaForm | None = None,
    reason: Form | None = None,
    error: Exception | None = None,
    status: int = 200,
) -> HttpResponse:
    """A form that comes back keeps the checkpoint it was made from: what was read then is what is changed."""
    context = {
        "thread": thread,
        "form": form or _form(stored),
        "reason": reason or RequiredReasonForm(),
        "seen_checkpoint": request.POST.get("seen_checkpoint") or stored.checkpoint_id,
        "error": str(error or ""),
        "has_moved": isinstance(error, HeadMoved),
        "questions": Interrupt.objects.open().filter(thread=thread),
    }
    return render(request, "threads/state.html", context, status=status)


def _form(stored: StateForm, data: QueryDict | None = None) -> SchemaForm:
    try:
        return schema_form(stored.schema, data=data, initial=stored.values, prefix=PREFIX)
    except SchemaNotSupported:
        return schema_form({}, data=data, initial=stored.values, prefix=PREFIX)


def _changed(form: SchemaForm) -> dict[str, Any]:
    """The keys that differ, whole: LangGraph sets a key, not a part of one."""
    before = form.document or {}
    return {key: value for key, value in form.value.items() if key not in before or not same(before[key], value)}
