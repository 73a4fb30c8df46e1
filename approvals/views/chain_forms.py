"""A chain's own form: for a first request, and for every further message."""

from typing import Any

from django.http import HttpRequest

from approvals.files import Shelf
from approvals.forms import DecisionPost
from approvals.inspection import Chain
from approvals.schemaforms import SchemaForm, SchemaNotSupported, schema_form

_ANY_OBJECT = {"type": "object"}


def chain_form(chain: Chain, person_id: int, *, posted: HttpRequest | None = None, data: Any = None) -> SchemaForm:
    """The form empty, as it was `posted`, or filled with `data` of an earlier POST."""
    if posted is not None:
        data = posted.POST
    key = DecisionPost.read(data).key if data is not None else ""
    return _form(
        chain,
        data=data,
        files=posted.FILES if posted is not None else None,
        shelf=Shelf(person_id=person_id, key=key),
    )


def _form(chain: Chain, **given: Any) -> SchemaForm:
    """A box for JSON where no form can be made of the schema; the graph itself then checks what it gets."""
    try:
        return schema_form(chain.input_schema, model=chain.input_model, **given)
    except SchemaNotSupported:
        return schema_form(_ANY_OBJECT, model=chain.input_model, **given)
