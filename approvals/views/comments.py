"""What people say about a thread, and watching it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals import comments, watching
from approvals.forms import DecisionPost
from approvals.models import Comment, Thread, Watch
from approvals.views import answers
from approvals.views.doors import Visit, acting, find_thread, signed_in

SHOWN = 30
MOST_SHOWN = 1_000


@dataclass(frozen=True)
class Talk:
    """The newest comments of a thread, oldest first; `earlier` are left out."""

    thread: Thread
    said: Sequence[Comment]
    earlier: int
    watches: bool


def talk_of(person: User, thread: Thread, *, everything: bool = False) -> Talk:
    rows = Comment.objects.filter(thread=thread)
    said = list(rows.order_by("-at", "-id")[: MOST_SHOWN if everything else SHOWN])[::-1]
    watches = Watch.objects.filter(person=person, thread=thread).exists()
    return Talk(thread, said, rows.count() - len(said), watches)


@signed_in
def talk(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    """GET draws the list for a page that has it on screen; POST says something."""
    thread = find_thread(request.user, thread_id)
    if request.method != "POST":
        everything = "all" in request.GET
        shown = {"talk": talk_of(request.user, thread, everything=everything), "everything": everything}
        return render(request, "work/said.html" if everything else "work/_said.html", shown)
    text = request.POST.get("text", "")
    try:
        said = comments.comment(request.user, thread.id, text, key=DecisionPost.read(request.POST).key)
    except answers.EXPECTED as error:
        return answers.answer(request, error, thread=thread, note=text)
    messages.success(request, _who_was_told(said))
    return answers.SeeOther(f"{reverse('thread', args=[thread.id])}#comments")


@acting
def watch(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    if "end" in request.POST:
        watching.unwatch(request.user, thread.id)
        messages.success(request, "You do not watch this any more.")
    else:
        watching.watch(request.user, thread.id)
        messages.success(request, "You watch this: a notice tells you of decisions, the end and failures.")
    return answers.SeeOther(reverse("thread", args=[thread.id]))


def _who_was_told(said: comments.Said) -> str:
    """Who may not see the thread and who does not exist read alike."""
    told = f"Commented. Told: {', '.join(said.comment.told)}." if said.comment.told else "Commented."
    unknown = ", ".join(f"@{name}" for name in said.unknown)
    return f"{told} Nobody who may see this is called {unknown}, so they were not told." if unknown else told
