"""Drafts of decision forms: what of it is kept while somebody types, and the form as they left it."""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from django.contrib.auth.models import User
from django.http import QueryDict

from approvals import inspection
from approvals.forms import DecisionPost
from approvals.inspection import Question
from approvals.models import Draft as Kept
from approvals.models import Interrupt, Thread
from approvals.schemaforms.posted import ADD
from approvals.schemaforms.schema import reaches_sensitive
from approvals.views.ballot_forms import plain_names, typed
from approvals.views.questions import card_of
from approvals.views.unfinished import Draft
from approvals.views.versions import as_it_stands

_WORDS: Final = re.compile(r"note|reason_code|item-[0-9]{1,6}-(?:verdict|note)")
_FIELDS: Final = re.compile(r"(?:item-([0-9]{1,6})-)?(?:arguments|value)(?:\..*)?", re.DOTALL)
_EDIT: Final = "edit"


def keepable(person: User, interrupt: Interrupt, posted: QueryDict) -> str:
    """What may be kept of a form that is being filled in, as a query; "" when nothing was typed.

    Nothing of a form with secrets in it: which of its fields holds one can depend on what is typed into another.
    An edit that is under way outlives a note that is written on the page without its fields.
    """
    question = inspection.question_of(interrupt)
    data = plain_names(question, posted)
    pairs = [(name, text) for name, texts in data.lists() for text in texts if _is_kept(name, question)]
    if _EDIT in data:
        pairs.append((_EDIT, "1"))
    else:
        shown = {name for name, _ in pairs}
        pairs += [pair for pair in _edit_under_way(person, interrupt) if pair[0] not in shown]
    return urlencode(pairs) if any(text for _, text in pairs) else ""


def kept_draft(person: User, interrupt: Interrupt, *, is_editing: bool = False) -> Draft | None:
    """The form as its one owner left it; with the fields of an edit where the page shows them."""
    row = Kept.objects.filter(person=person, interrupt=interrupt).first()
    if row is None:
        return None
    data = QueryDict(row.query, mutable=True)
    if is_editing and _EDIT not in data:
        plain = card_of(person, interrupt, next="", is_editing=True).draft
        return replace(plain, note=data.get("note", ""))
    if not is_editing and _EDIT in data:
        for name in [name for name in data if name == _EDIT or _FIELDS.fullmatch(name)]:
            del data[name]
    data[ADD] = "-"  # drawn as it was left, and not found fault with
    return typed(as_it_stands(interrupt), DecisionPost.read(data), data)


def kept_drafts(person: User, thread: Thread, *, editing: str) -> dict[uuid.UUID, Draft]:
    """For the thread's page; `editing` names the question whose edit it shows, or is "1"."""
    rows = Interrupt.objects.open().filter(thread=thread, drafts__person=person).select_related("thread")
    found = {row.id: kept_draft(person, row, is_editing=editing in ("1", str(row.id))) for row in rows}
    return {which: draft for which, draft in found.items() if draft is not None}


def _is_kept(name: str, question: Question) -> bool:
    if _WORDS.fullmatch(name):
        return True
    field = _FIELDS.fullmatch(name)
    number = int(field[1] or 0) if field else 0
    return field is not None and number < len(question.items) and not _has_secrets(question.items[number].schema)


def _has_secrets(schema: Any) -> bool:
    try:
        return isinstance(schema, Mapping) and reaches_sensitive(schema, root=schema)
    except (LookupError, ValueError, TypeError, AttributeError, RecursionError):
        return True  # it is broken, and something in it may be meant


def _edit_under_way(person: User, interrupt: Interrupt) -> Iterator[tuple[str, str]]:
    row = Kept.objects.filter(person=person, interrupt=interrupt).first()
    data = QueryDict(row.query if row else "")
    if _EDIT in data:
        yield _EDIT, "1"
        yield from ((name, text) for name, texts in data.lists() for text in texts if name.startswith("arguments"))
