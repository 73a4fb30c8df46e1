"""What a thread is told to do besides being decided on: another message, carry on, stop."""

import uuid

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse

from approvals import inspection, threads
from approvals.forms import DecisionPost, ReasonForm
from approvals.threads import Discards
from approvals.views import answers
from approvals.views.chain_forms import chain_form
from approvals.views.doors import Visit, acting, find_thread
from approvals.views.thread_page import thread_page


@acting
def send_message(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    key = DecisionPost.read(request.POST).key
    try:
        chain = inspection.chain(thread.chain)
        form = chain_form(chain, request.user.id, posted=request)
        if form.is_list_edit or not form.is_valid():
            return thread_page(request, thread, message_form=form, status=200 if form.is_list_edit else 422)
        discard = "discard" in request.POST
        threads.send_message(request.user, thread.id, form.value, key=key, discard=discard)
    except Discards as error:
        if answers.wants_json(request):
            return answers.answer(request, error, thread=thread)
        return thread_page(request, thread, message_form=form, status=409)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread)
    return _see_thread(request, thread_id, "Sent. The worker takes it up now.")


@acting
def carry_on(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    try:
        if "again" in request.POST:
            threads.ask_again(request.user, thread.id, reason=_reason(request))
        else:
            threads.carry_on(request.user, thread.id, reason=_reason(request))
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread)
    return _see_thread(request, thread_id, "The worker carries on now.")


@acting
def settle_effect(request: Visit, thread_id: uuid.UUID, effect_id: int) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    happened = "happened" in request.POST
    try:
        threads.settle_effect(request.user, thread.id, effect_id, happened=happened, reason=_reason(request))
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread)
    return _see_thread(request, thread_id, "Noted.")


@acting
def stop(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    try:
        stopped = threads.stop(request.user, thread.id, reason=_reason(request))
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread)
    word = "Stopped." if stopped.is_ended else "It stops when the step it is in has ended."
    return _see_thread(request, thread_id, word)


def _reason(request: Visit) -> str:
    """The field holds no more than fits; a program that sends more is cut off like the field would."""
    form = ReasonForm(request.POST)
    return form.cleaned_data["reason"] if form.is_valid() else ""


def _see_thread(request: Visit, thread_id: uuid.UUID, word: str) -> HttpResponse:
    messages.success(request, word)
    return answers.SeeOther(reverse("thread", args=[thread_id]))
