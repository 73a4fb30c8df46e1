"""Parts of a state: one value on its own, a text as Markdown, what is found in it, and everything as a file."""

import json
import re
import uuid
from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from approvals import inspection
from approvals.inspection import BrokenChain, State, UnknownChain
from approvals.markdown import NoMarkdown, TooLong, rendered
from approvals.models import Thread
from approvals.trees import MARKDOWN, Tree, Way, inside, may_be_markdown
from approvals.views.doors import Visit, find_thread, signed_in
from approvals.views.reading import part_address, shelves

# Characters of JSON that are read of one channel.
MOST = 20_000_000
LETTERS = 200_000
LONGEST_PATH = 4_000
SAID = re.compile(r"[0-9a-f]{16}")


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
    tree = Tree(part_address(thread, state.checkpoint_id, _namespace(request)), needle=request.GET.get("q", "")[:200])
    start = _number(request.GET.get("start", ""))
    text = _text(state, way, value)
    context = {"thread": thread, "state": state, "way": way, "tree": None}
    if text is not None and request.GET.get("as") == MARKDOWN:
        context |= {**_written(text, start, tree, way), **_as_markdown(text), **_back(thread, request, tree.part(way))}
    elif isinstance(value, str):
        context |= _written(value, start, tree, way)
    else:
        context["tree"] = tree.html(value, way=way, start=start)
    if text and may_be_markdown(text):
        context["markdown"] = tree.part(way, **{"as": MARKDOWN})
    return render(request, "threads/part.html", context)


@signed_in
def find(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    """What the search in a state finds, while it is typed: only the found part of the page."""
    thread = find_thread(request.user, thread_id)
    state = _head(thread, request) or _state(thread, request)
    q, namespace = request.GET.get("q", ""), _namespace(request)
    found = shelves(thread, state, q=q, namespace=namespace)
    answer = render(request, "threads/_found.html", {"thread": thread, "state": state, "shelves": found})
    answer["HX-Replace-Url"] = _page(thread, request)
    return answer


@signed_in
def raw(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    """The whole state at a checkpoint as JSON, to be saved: a browser should not have to draw it."""
    thread = find_thread(request.user, thread_id)
    state = _state(thread, request)
    answer = HttpResponse(json.dumps(state.values, indent=2, ensure_ascii=False), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="state-{state.checkpoint_id}.json"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


def _text(state: State, way: Way, value: Any) -> str | None:
    """The text there, or that of the message there, whose content may be in blocks."""
    if isinstance(value, str):
        return value
    return next((said.text for said in state.messages if (*said.place, "content") == way), None)


def _written(text: str, start: int, tree: Tree, way: Way) -> dict[str, Any]:
    following = start + LETTERS if len(text) > start + LETTERS else 0
    return {
        "text": text[start : start + LETTERS],
        "size": len(text),
        "following": tree.part(way, start=following) if following else "",
    }


def _as_markdown(text: str) -> dict[str, Any]:
    try:
        return {"is_markdown": True, "html": rendered(text)}
    except (TooLong, NoMarkdown) as error:
        return {"is_markdown": True, "html": "", "trouble": str(error)}


def _back(thread: Thread, request: Visit, plain: str) -> dict[str, str]:
    """Where the text stands as it was written: where somebody came from, in the transcript or on its own."""
    said = request.GET.get("said", "")
    if not SAID.fullmatch(said):
        return {"plain": plain}
    before = _number(request.GET.get("before", ""))
    is_history, namespace = request.GET.get("from") == "history", _namespace(request)
    place: dict[str, Any] = {"step": request.GET.get("at", "")} if is_history else {"tab": "messages"}
    place |= {"ns": namespace} if is_history and namespace else {}
    place |= {"said" if is_history else "before": before} if before else {}
    page = reverse("history" if is_history else "thread", args=[thread.id])
    return {"plain": f"{page}?{urlencode(place)}", "said": said}


def _page(thread: Thread, request: Visit) -> str:
    """The page that shows the same, for whoever comes back to it or sends its address on."""
    asked = {name: request.GET[name] for name in ("tab", "step", "ns", "before", "q") if request.GET.get(name)}
    page = reverse("thread" if "tab" in asked else "history", args=[thread.id])
    return f"{page}?{urlencode(asked)}"


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


def _head(thread: Thread, request: Visit) -> State | None:
    """What the page of a thread shows: the head, with what parallel nodes have finished. None once it has moved on."""
    if "tab" not in request.GET:
        return None
    try:
        state = inspection.state_of(thread)
    except (UnknownChain, BrokenChain):
        return None
    return state if state and state.checkpoint_id == request.GET.get("at") else None


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
