"""Two checkpoints of a thread side by side, path by path; the address can be sent to somebody else."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from approvals import inspection
from approvals.inspection import BrokenChain, Change, State, UnknownChain
from approvals.templatetags.holdpoint import compared
from approvals.views.doors import Visit, find_thread, signed_in

# Of one text; and of all texts of a page, after which only the beginnings are shown.
LETTERS = 20_000
PAGE_LETTERS = 300_000
BEGINNING = 600
# Unchanged words between two changes that stay readable; more are folded.
CONTEXT = 160


@dataclass(frozen=True)
class Row:
    """One change. `words` are ("same", "old", "new" or "fold", text) where both sides are text."""

    path: str
    kind: str
    old: str
    new: str
    words: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Group:
    """The changes of one channel."""

    name: str
    rows: Sequence[Row]


@signed_in
def compare(request: Visit, thread_id: uuid.UUID) -> HttpResponse:
    thread = find_thread(request.user, thread_id)
    names = request.GET.get("from", ""), request.GET.get("to", "")
    before: State | None
    try:
        before, after, changes = inspection.between(thread, *names)
        trouble = "" if before and after else "One of these steps is not saved any more, or never was. Choose another."
    except (UnknownChain, BrokenChain) as error:
        before, after, changes, trouble = None, None, [], str(error)
    context = {
        "thread": thread,
        "names": names,
        "before": before,
        "after": after,
        "groups": groups_of(changes),
        "count": len(changes),
        "unchanged": _unchanged(before, after, changes),
        "trouble": trouble,
    }
    return render(request, "threads/compare.html", context, status=404 if trouble and not before and not after else 200)


def groups_of(changes: Sequence[Change]) -> list[Group]:
    left = PAGE_LETTERS
    groups = []
    for name, found in groupby(changes, key=lambda change: _channel(change.path)):
        rows = []
        for change in found:
            rows.append(_row(change, LETTERS if left > 0 else BEGINNING))
            left -= len(rows[-1].old) + len(rows[-1].new) + sum(len(text) for _, text in rows[-1].words)
        groups.append(Group(name, rows))
    return groups


def _row(change: Change, letters: int) -> Row:
    if change.kind == "moved":
        return Row(change.path, change.kind, str(change.old), _cut(change.new, letters))
    is_text = isinstance(change.old, str) and isinstance(change.new, str)
    if change.kind == "changed" and is_text and letters == LETTERS and max(map(len, _texts(change))) <= LETTERS:
        parts = inspection.words_between(*_texts(change))
        return Row(change.path, change.kind, "", "", list(_folded(parts)))
    old = "" if change.kind == "added" else _cut(change.old, letters)
    return Row(change.path, change.kind, old, "" if change.kind == "removed" else _cut(change.new, letters))


def _texts(change: Change) -> tuple[str, str]:
    return str(change.old), str(change.new)


def _cut(value: Any, letters: int) -> str:
    text = str(compared(value))
    rest = len(text) - letters
    return text if rest <= 0 else f"{text[:letters]}… {rest:,} more characters, to be seen at the step itself"


def _folded(parts: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """What stayed, without the middle of long runs."""
    for number, (kind, text) in enumerate(parts):
        if kind != "same" or len(text) <= 3 * CONTEXT:
            yield kind, text
            continue
        if number:
            yield "same", text[:CONTEXT]
        yield "fold", f"{len(text) - CONTEXT * (1 + bool(number)):,} characters unchanged"
        if number < len(parts) - 1:
            yield "same", text[-CONTEXT:]


def _channel(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]


def _unchanged(before: State | None, after: State | None, changes: Sequence[Change]) -> list[str]:
    touched = {_channel(change.path) for change in changes}
    return [channel.name for channel in after.channels if channel.name not in touched] if before and after else []
