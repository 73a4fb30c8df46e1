"""What LangGraph has saved of a thread, read for a page; a chain that is gone or broken takes no page down."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.safestring import SafeString

from approvals import inspection
from approvals.inspection import BrokenChain, Change, Drawing, Message, State, Step, ToolCall, UnknownChain
from approvals.models import Thread
from approvals.trees import MARKDOWN, Tree, matches, may_be_markdown

# Where chains put what the requester is to read.
RESULT = "final_response"
MESSAGES_SHOWN = 40
# Of one message's text; the rest is one link away.
LETTERS = 6_000
CALL_LINES = 40
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Reading:
    """`trouble` says why there is nothing to show."""

    state: State | None = None
    drawing: Drawing | None = None
    steps: tuple[Step, ...] = ()
    trouble: str = ""

    @property
    def result(self) -> Any:
        """The chain's answer, or what the model said last; None when there is neither."""
        if self.state is None:
            return None
        if self.state.values.get(RESULT):
            return self.state.values[RESULT]
        return next((said.text for said in reversed(self.state.messages) if said.role == "ai" and said.text), None)


def read(thread: Thread) -> Reading:
    try:
        return Reading(
            state=inspection.state_of(thread),
            drawing=inspection.drawing_of(thread),
            steps=tuple(inspection.steps_of(thread)),
        )
    except (UnknownChain, BrokenChain) as error:
        return Reading(trouble=str(error))


def changes_of(thread: Thread, found: Reading) -> list[Change]:
    """What the last finished step changed."""
    if found.state is None:
        return []
    return inspection.changes_since(thread, found.steps[0].parent_id if found.steps else None, found.state)


@dataclass(frozen=True)
class Shelf:
    """One channel as a tree."""

    name: str
    type: str
    size: int
    complete: bool
    is_open: bool
    tree: SafeString


@dataclass(frozen=True)
class Shelves:
    """A state by channel. `q` is what was searched for; `found`, in how many places that are shown."""

    shelves: Sequence[Shelf] = ()
    q: str = ""
    found: int = 0
    raw: str = ""


def shelves(thread: Thread, state: State | None, *, q: str = "", namespace: str = "") -> Shelves:
    """Channels share the lines of a page; a channel that is too big for what is left is opened on its own."""
    if state is None:
        return Shelves()
    q = q.strip()[:LONGEST_SEARCH]
    address = part_address(thread, state.checkpoint_id, namespace)
    tree = Tree(address, needle=q)
    found = []
    for channel in state.channels:
        if q and not matches(channel.name, channel.value, q):
            continue
        is_open = bool(q) or channel.size < 1_500
        inside = tree.inside_of(channel.name, channel.value, (channel.name,))
        found.append(Shelf(channel.name, channel.type, channel.size, channel.complete, is_open, inside))
    return Shelves(found, q, tree.found, address.replace("/part/?", "/raw/?").rstrip("&"))


def part_address(thread: Thread, checkpoint_id: str, namespace: str = "") -> str:
    """Ends so that more can follow. It names the checkpoint: what is shown must not change under the reader."""
    place = {"at": checkpoint_id, **({"ns": namespace} if namespace else {})}
    return f"{reverse('part', args=[thread.id])}?{urlencode(place)}&"


@dataclass(frozen=True)
class Call:
    """A tool call with what came of it, once it is there."""

    call: ToolCall
    arguments: SafeString
    result: "Said | None"


@dataclass(frozen=True)
class Said:
    """A message as it is shown; `rest` leads to a text that is longer, `length` characters long, and `markdown` to the
    text as Markdown where it may be some. `key` names this text on the page.
    """

    message: Message
    text: str
    calls: Sequence[Call]
    rest: str
    length: int
    markdown: str
    key: str


@dataclass(frozen=True)
class Transcript:
    """`earlier` are left out; `before` is where the page before this one ends, and `end` where this one does."""

    said: Sequence[Said] = ()
    earlier: int = 0
    before: int = 0
    is_last: bool = True
    end: int = 0

    @property
    def page(self) -> str:
        """What leads back to these messages."""
        return "" if self.is_last else f"&before={self.end}"


def transcript(thread: Thread, state: State | None, *, before: str = "", namespace: str = "") -> Transcript:
    """The newest messages, or those before the one with this number. A tool's result stands with its call."""
    if state is None:
        return Transcript()
    end = int(before) if before.isascii() and before.isdigit() and len(before) < 9 else len(state.messages)
    end = min(end, len(state.messages))
    start = max(end - MESSAGES_SHOWN, 0)
    address = part_address(thread, state.checkpoint_id, namespace)
    results = {message.answers: message for message in state.messages[start:] if message.answers}
    shown = state.messages[start:end]
    calls = {call.id for message in shown for call in message.tool_calls if call.id}
    said = [
        _said(message, results, address) for message in shown if not message.answers or message.answers not in calls
    ]
    return Transcript(said, start, start, end == len(state.messages), end)


def _said(message: Message, results: dict[str, Message], address: str) -> Said:
    tree = Tree(address, left=CALL_LINES)
    way = (*message.place, "content")
    calls = []
    for index, call in enumerate(message.tool_calls):
        found = results.get(call.id) if call.id else None
        arguments = tree.html(call.arguments, way=(*message.place, "tool_calls", index, "args"))
        calls.append(Call(call, arguments, _said(found, {}, address) if found else None))
    length = len(message.text)
    key = _key(message)
    markdown = tree.part(way, said=key, **{"as": MARKDOWN}) if may_be_markdown(message.text) else ""
    rest = tree.part(way) if length > LETTERS else ""
    return Said(message, message.text[:LETTERS], calls, rest, length, markdown, key)


def _key(message: Message) -> str:
    """Another text at the same place is another one: what somebody has opened stays open only as long as it is true."""
    return hashlib.sha256(json.dumps([message.place, message.text]).encode()).hexdigest()[:16]
