"""Secrets on the page that asks once more: typed again there, since what is carried along stands in its HTML."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from django.http import QueryDict

from approvals.schemaforms import SchemaForm
from approvals.views.unfinished import Draft

AGAIN: Final = "again"


@dataclass(frozen=True)
class Secret:
    name: str
    label: str


def secrets_in(draft: Draft, data: QueryDict) -> list[Secret]:
    """What was typed into a password box, now or, on the page that asks once more, before."""
    asked = set(data.getlist(AGAIN))
    forms = (draft.form, *(part.form for part in draft.parts))
    return [
        one for form in forms if form is not None for one in _secrets(form) if data.get(one.name) or one.name in asked
    ]


def is_any_missing(data: QueryDict) -> bool:
    """Left empty, a secret would silently stay what it was before the edit that is being confirmed."""
    return any(not data.get(name) for name in data.getlist(AGAIN))


def _secrets(form: SchemaForm) -> Iterator[Secret]:
    for leaf in form.secrets:
        yield Secret(leaf.html_name, leaf.trail or leaf.hints.label)
