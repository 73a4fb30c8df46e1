"""What reviewers made of a question: its latest version, the versions before, and what each changed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from approvals import inspection, showing
from approvals.ballots import proposed
from approvals.inspection import Item, Question, Reply
from approvals.models import Event, EventKind, Interrupt, Verdict

Difference = tuple[str, Any, Any]
# Each makes a new row of the same question.
_AGAIN = (EventKind.EDIT_PROPOSED, EventKind.DECISION_UNDONE)


@dataclass(frozen=True)
class Version:
    """What one reviewer made of it. `cleared` are those whose approvals were of the version before."""

    by: str
    at: datetime
    note: str
    edits: list[Difference]
    cleared: list[str]


def as_it_stands(interrupt: Interrupt) -> Question:
    """The question with the values an edit begins with, and only what the policy lets people edit as controls."""
    question = inspection.question_of(interrupt)
    arguments = standing_arguments(interrupt, question)
    editable = interrupt.ruled.editable
    items = tuple(
        replace(item, arguments=values, schema=_locked(item.schema, editable) if editable else item.schema)
        for item, values in zip(question.items, arguments, strict=True)
    )
    return replace(question, items=items)


def standing_arguments(interrupt: Interrupt, question: Question) -> list[Any]:
    """Of each part: what it would be approved with now."""
    return [_arguments(item, reply) for item, reply in zip(question.items, _replies(interrupt, question), strict=True)]


def between(before: Interrupt, after: Interrupt) -> list[Difference]:
    """What differs for who approves: (label, before, after)."""
    old, new = _told(before), _told(after)
    found: list[Difference] = []
    for number in range(max(len(old), len(new))):
        one, two = (told[number] if number < len(told) else None for told in (old, new))
        several = max(len(old), len(new)) > 1
        found += [(f"{number + 1}. {label}" if several else label, *rest) for label, *rest in _differences(one, two)]
    return found


def versions_of(interrupt: Interrupt) -> list[Version]:
    """Newest first; none where it is as the graph asked it. Read from the record."""
    if not interrupt.is_proposal:
        return []
    lines = Event.objects.filter(thread_id=interrupt.thread_id, kind__in=_AGAIN)
    made = {event.data["again"]: event for event in lines}
    rows = {str(row.id): row for row in Interrupt.objects.filter(thread=interrupt.thread_id).select_related("thread")}
    return list(_walk(str(interrupt.id), made, rows))


def _walk(row: str, made: Mapping[str, Event], rows: Mapping[str, Interrupt]) -> Iterator[Version]:
    while (event := made.get(row)) is not None and (before := event.data["interrupt"]) in rows:
        if event.kind == EventKind.EDIT_PROPOSED:
            note, cleared = str(event.data.get("note", "")), list(event.data.get("cleared", ()))
            yield Version(event.actor_name, event.at, note, between(rows[before], rows[row]), cleared)
        row = before


@dataclass(frozen=True)
class _Told:
    item: Item
    arguments: Any
    action: str
    verdict: str


def _told(interrupt: Interrupt) -> list[_Told]:
    question = inspection.question_of(interrupt)
    values = standing_arguments(interrupt, question)
    return [
        _Told(item, arguments, reply.action or item.action, _verdict(reply))
        for item, reply, arguments in zip(question.items, _replies(interrupt, question), values, strict=True)
    ]


def _verdict(reply: Reply) -> str:
    """Of a part that a reviewer would have otherwise than edited or as it is; with what is said there."""
    if reply.verdict in (Verdict.APPROVE, Verdict.EDIT):
        return ""
    return f"{reply.verdict.label}: {reply.message}" if reply.message else str(reply.verdict.label)


def _differences(old: _Told | None, new: _Told | None) -> list[Difference]:
    schema = (new.item if new else old.item if old else None).schema  # type: ignore[union-attr]
    found = showing.changed(old.arguments if old else None, new.arguments if new else None, schema)
    if old and new and old.action != new.action:
        found = [("Action", old.action, new.action), *found]
    if old and new and old.verdict != new.verdict:
        found = [*found, ("Verdict", old.verdict or "Approved", new.verdict or "Approved")]
    return found


def _replies(interrupt: Interrupt, question: Question) -> list[Reply]:
    """What approving says of each part."""
    return list(proposed(interrupt)) or [Reply(Verdict.APPROVE)] * len(question.items)


def _arguments(item: Item, reply: Reply) -> Any:
    return reply.arguments if reply.verdict == Verdict.EDIT else item.arguments


def _locked(schema: Any, editable: tuple[str, ...]) -> Any:
    """The schema of the form; the answer is checked against the graph's own. What has no named fields is left: the
    box for its JSON shows all of it, and a change to what may not be edited is refused when it is sent.
    """
    fields = schema.get("properties") if isinstance(schema, Mapping) else None
    if not isinstance(fields, Mapping):
        return schema
    locked = {name: part if name in editable else _readonly(part) for name, part in fields.items()}
    return {**schema, "properties": locked}


def _readonly(part: Any) -> dict[str, Any]:
    return {**(part if isinstance(part, Mapping) else {}), "x-readonly": True}
