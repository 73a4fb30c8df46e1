"""Parts of a state that are too long for a page: one value on its own, and everything as a file."""

import json
import uuid

from django.http import Http404, HttpResponse
from django.shortcuts import render

from approvals import inspection
from approvals.inspection import BrokenChain, State, UnknownChain
from approvals.models import Thread
from approvals.trees import Tree, Way, inside
from approvals.views.doors import Visit, find_thread, signed_in
from approvals.views.reading import part_address

# Characters of JSON that are read of one channel.
MOST = 20_000_000
LETTERS = 200_000
LONGEST_PATH = 4_000


@signed_in
def part(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    """One value of the state at a checkpoint, a page of it at a time."""
    thread = find_thread(request.user, thread_id)
    state = _state(thread, request)
    way = _way(request.GET.get("path", "[]"))
    try:
        value = inside(state.values, way)
    except LookupError:
        raise Http404 from None
    start = _number(request.GET.get("start", ""))
    tree = Tree(part_address(thread, state.checkpoint_id, _namespace(request)), needle=request.GET.get("q", "")[:200])
    context = {"thread": thread, "state": state, "way": way, "tree": None, "text": "", "start": start}
    if isinstance(value, str):
        following = start + LETTERS if len(value) > start + LETTERS else 0
        context |= {"text": value[start : start + LETTERS], "size": len(value)}
        context["following"] = tree.part(way, start=following) if following else ""
    else:
        context["tree"] = tree.html(value, way=way, start=start)
    return render(request, "threads/part.html", context)


@signed_in
def raw(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    """The whole state at a checkpoint as JSON, to be saved: a browser should not have to draw it."""
    thread = find_thread(request.user, thread_id)
    state = _state(thread, request)
    answer = HttpResponse(json.dumps(state.values, indent=2, ensure_ascii=False), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="state-{state.checkpoint_id}.json"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _state(thread: Thread, request: Visit) -> State:
    """Raises Http404."""
    at, namespace = request.GET.get("at") or None, _namespace(request)
    try:
        state = inspection.state_of(thread, checkpoint_id=at, namespace=namespace, limit=MOST)
    except (UnknownChain, BrokenChain):
        state = None
    if state is None:
        raise Http404
    return state


def _namespace(request: Visit) -> str:
    return request.GET.get("ns", "")


def _way(text: str) -> Way:
    """Raises Http404 for what is no list of keys and numbers."""
    try:
        way = json.loads(text[:LONGEST_PATH])
    except (ValueError, RecursionError):
        raise Http404 from None
    if not isinstance(way, list) or not all(isinstance(step, str | int) for step in way):
        raise Http404
    return tuple(way)


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
