"""An edit of a state as people type it, in a form or as JSON: read, checked, and carried from page to page."""

from dataclasses import dataclass, field
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, QueryDict

from approvals import inspection
from approvals.forms import RequiredReasonForm
from approvals.inspection import BadEdit, Change, Edit, HeadMoved, PassesBy, StateForm
from approvals.models import Thread
from approvals.schemaforms import SchemaForm, SchemaNotSupported, schema_form
from approvals.schemaforms.reading import NotReadable, read_json
from approvals.schemaforms.values import json_text, unkeepable
from approvals.showing import same
from approvals.views import answers

FORM: Final = "form"
RAW: Final = "json"
PREFIX = "state"
# Names of what is not part of the edit itself, and so is not carried to the page that asks for a confirmation.
NOT_CARRIED = frozenset({"csrfmiddlewaretoken", "reason", "may_pass", "may_repeat", "confirmed", "back", "preview"})
NOT_AN_OBJECT = 'Enter an object in braces, for example {"key": "value"}.'


class Confirmation(RequiredReasonForm):
    """What is asked last. `needs` are the boxes that must be ticked this time."""

    may_pass = forms.BooleanField(required=False)
    may_repeat = forms.BooleanField(required=False)

    def __init__(self, posted: QueryDict, *, is_sent: bool, needs: frozenset[str] = frozenset()) -> None:
        super().__init__(posted if is_sent else None, initial={"reason": posted.get("reason", "")})
        self.needs = needs

    @property
    def problem(self) -> str:
        """The first thing that is missing, for programs."""
        return next((str(texts[0]) for texts in self.errors.values()), "")

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        for name in sorted(self.needs):
            if not cleaned.get(name):
                self.add_error(name, ValidationError(f"Send {name} if it is what you mean."))
        return cleaned


@dataclass
class Typed:
    """An edit as it was typed so far; `stored` is what it starts from. `error` says what is wrong with it."""

    stored: StateForm
    view: str = FORM
    form: SchemaForm | None = None
    raw: str = ""
    as_node: str = ""
    error: Exception | None = None
    changed: dict[str, Any] = field(default_factory=dict)

    @property
    def edit(self) -> Edit:
        """Whether it may pass a question by is asked later."""
        return Edit(self.changed, self.as_node, may_pass=True)

    @property
    def changes(self) -> list[Change]:
        before = {key: value for key, value in self.stored.values.items() if key in self.changed}
        return inspection.differences(before, self.changed)

    @property
    def is_bad(self) -> bool:
        return self.error is not None or bool(self.form is not None and self.form.is_bound and self.form.errors)

    @property
    def has_moved(self) -> bool:
        return isinstance(self.error, HeadMoved)


def empty(stored: StateForm, *, view: str) -> Typed:
    """For the page that nobody has typed on yet."""
    if view == RAW:
        return Typed(stored, RAW, raw=json_text(stored.values, indent=2))
    return Typed(stored, form=_form(stored))


def typed(stored: StateForm, data: QueryDict) -> Typed:
    """Call read() before using what it changes."""
    as_node = data.get("as_node", "")
    if data.get("view") == RAW:
        return Typed(stored, RAW, raw=data.get("values", "").replace("\r\n", "\n"), as_node=as_node)
    return Typed(stored, form=_form(stored, data), as_node=as_node)


def is_redrawn(found: Typed, data: QueryDict) -> bool:
    """The POST only adds or removes a row, or comes back from the page that asks for a confirmation."""
    return "back" in data or bool(found.form is not None and found.form.is_list_edit)


def read(found: Typed) -> bool:
    """Whether what was typed makes sense so far; the graph has not been asked yet."""
    if found.form is not None:
        if not found.form.is_valid():
            return False
        value = found.form.value
    else:
        try:
            value = read_json(found.raw)
        except NotReadable as error:
            found.error = error
            return False
    if not isinstance(value, dict):
        found.error = BadEdit(NOT_AN_OBJECT)
        return False
    before = found.stored.values
    # LangGraph cannot take a key away. A control that was emptied says null; JSON that leaves a key out says nothing.
    emptied = dict.fromkeys(before.keys() - value.keys()) if found.form is not None else {}
    told = {**value, **emptied}
    found.changed = {key: part for key, part in told.items() if key not in before or not same(before[key], part)}
    for path, said in unkeepable(found.changed):
        place = [str(step) for step in path]
        found.error = BadEdit(": ".join([*filter(None, [".".join(place)]), said]), "".join(place[:1]))
        return False
    return True


def carried(data: QueryDict) -> list[tuple[str, str]]:
    """Hidden controls that bring the same edit back."""
    return [(name, text) for name, texts in data.lists() for text in texts if name not in NOT_CARRIED]


def stored_for(request: HttpRequest, thread: Thread, *, checkpoint_id: str = "") -> StateForm | None:
    """What the page was made from: rows keep their numbers only there. Its checkpoint may not be the head any more."""
    stored = inspection.state_form(thread, checkpoint_id=checkpoint_id)
    seen = request.POST.get("seen_checkpoint", "")
    if stored is None or checkpoint_id or seen in ("", stored.checkpoint_id):
        return stored
    return inspection.state_form(thread, checkpoint_id=seen) or stored


def refusal(request: HttpRequest, found: Typed, thread: Thread) -> HttpResponse:
    """For programs: why the edit was not taken."""
    error = found.error
    if isinstance(error, HeadMoved | PassesBy):
        return answers.answer(request, error, thread=thread)
    if error is not None:
        return answers.refused(str(error), field=getattr(error, "key", ""))
    problems = found.form.problems if found.form is not None else []
    return answers.refused(problems[0].text if problems else "This does not fit.", field=_field(found))


def _field(found: Typed) -> str:
    names = found.form.errors if found.form is not None else {}
    return next(iter(names), "")


def _form(stored: StateForm, data: QueryDict | None = None) -> SchemaForm:
    try:
        return schema_form(stored.schema, data=data, initial=stored.values, prefix=PREFIX)
    except SchemaNotSupported:
        return schema_form({}, data=data, initial=stored.values, prefix=PREFIX)
