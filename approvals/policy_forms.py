"""The form of a policy, for pages and admin: what people type in their own units, and what is stored."""

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any

from django import forms
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.forms.utils import ErrorList

from approvals import inspection
from approvals.models import AtLimit, Calendar, Edits, Policy, Risk
from approvals.policy_changes import MANY, PLAIN
from approvals.policy_fields import NamesField, PeopleField, SecondsField
from approvals.policy_rules import HIGHEST, LOWEST, MOST_ESCALATIONS, MOST_REMINDERS, problems_of
from approvals.policy_trials import Draft

ROWS_TO_SPARE = 2
ROWS = {"remind_after": "Reminders", "escalation": "Escalation"}
SECTIONS = (
    ("Where it applies", ("name", "is_active", "priority", "chain", "action", "condition")),
    ("Who decides", ("reviewers", "people", "asks_manager", "votes_needed", "veto", "four_eyes")),
    ("What reviewers may do", ("edits", "editable", "approval_needs_note", "reject_reasons")),
    ("How careful", ("risk", "undo_seconds")),
    ("How fast", ("calendar", "start_within", "decide_within", "at_limit")),
    ("What needs nobody", ("auto_condition", "sampled_percent")),
)
HELP = {
    "priority": "Of the policies that match, the highest number wins.",
    "action": "The tool, action or node it covers. Empty: all.",
    "condition": "For example args.amount > 500, or double(args.amount) > 500.0 for numbers written as text. The "
    "language is CEL; it can speak of args, action, node, chain, requester, groups, input. Empty: always.",
    "people": "User names, separated by commas.",
    "votes_needed": "Different people who must approve the same thing.",
    "editable": "Names of arguments, separated by commas. Empty: all of them.",
    "reject_reasons": "To choose from when rejecting: one a line.",
    "undo_seconds": "Seconds a decision waits before the worker carries on, at most 60.",
    "start_within": "Until somebody should have claimed it. Empty: no limit.",
    "decide_within": "Empty: no limit.",
    "auto_condition": "For example double(args.amount) < 20.0. Nobody is asked then. Empty: somebody always is.",
    "sampled_percent": "Per cent of those that people decide all the same, drawn so that nobody can foresee which.",
    "calendar": "The hours that count.",
}


class PolicyForm(forms.Form):
    """One policy, but for its reminders and escalations. `version` is the one the form was made from."""

    version = forms.IntegerField(min_value=0, required=False, widget=forms.HiddenInput)
    name = forms.CharField(max_length=100)
    is_active = forms.BooleanField(required=False, label="In use")
    priority = forms.IntegerField(min_value=LOWEST, max_value=HIGHEST)
    chain = forms.ChoiceField(required=False)
    action = forms.CharField(required=False, max_length=200)
    condition = forms.CharField(required=False, max_length=500, label="Only when")
    reviewers = forms.ModelMultipleChoiceField(
        Group.objects.order_by("name"), required=False, widget=forms.CheckboxSelectMultiple, label="Members of"
    )
    people = PeopleField(required=False, label="These people, too")
    asks_manager = forms.BooleanField(required=False, label="The requester’s manager, too")
    votes_needed = forms.IntegerField(min_value=1, max_value=20, label="Approvals needed")
    veto = forms.BooleanField(required=False, label="One rejection is enough")
    four_eyes = forms.BooleanField(required=False, label="The requester may not decide")
    edits = forms.ChoiceField(choices=Edits.choices, widget=forms.RadioSelect, label="Editing what is asked")
    editable = NamesField(required=False, max_length=4_000, label="What may be edited")
    approval_needs_note = forms.BooleanField(required=False, label="Approving takes a reason, too")
    reject_reasons = NamesField(required=False, max_length=5_000, by_line=True, label="Reasons for rejecting")
    risk = forms.ChoiceField(choices=Risk.choices, widget=forms.RadioSelect)
    undo_seconds = forms.IntegerField(min_value=0, max_value=60, label="Time to undo")
    calendar = forms.ModelChoiceField(
        Calendar.objects.order_by("name"), required=False, empty_label="Every hour of every day"
    )
    start_within = SecondsField(required=False, label="Claim within")
    decide_within = SecondsField(required=False, label="Decide within")
    at_limit = forms.ChoiceField(choices=AtLimit.choices, widget=forms.RadioSelect, label="What nobody decided in time")
    auto_condition = forms.CharField(required=False, max_length=500, label="Approved without asking when")
    sampled_percent = forms.IntegerField(min_value=0, max_value=100, label="Sampled share")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = [(chain.name, f"{chain.title} ({chain.name})") for chain in inspection.chains()]
        now = str(self.initial.get("chain", ""))
        gone = [(now, f"{now} (not registered)")] if now and now not in dict(known) else []
        chains: Any = self.fields["chain"]
        chains.choices = [("", "Every chain"), *known, *gone]
        for name, field in self.fields.items():
            field.help_text = HELP.get(name, "")
            field.widget.attrs.setdefault("autocomplete", "off")
        for name in ("condition", "auto_condition", "action", "editable"):
            self.fields[name].widget.attrs.update({"class": "mono", "spellcheck": "false"})

    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        return [(title, [self[name] for name in names]) for title, names in SECTIONS]


class ReminderForm(forms.Form):
    after = SecondsField(required=False, label="Remind after")


class EscalationForm(forms.Form):
    after = SecondsField(required=False, label="Escalate after")
    groups = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="Then ask, too")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        known = set(Group.objects.values_list("name", flat=True)) | set(self.initial.get("groups", []))
        groups: Any = self.fields["groups"]
        groups.choices = [(name, name) for name in sorted(known)]

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if not self.errors and bool(found.get("after")) != bool(found.get("groups")):
            self.add_error("after" if found.get("groups") else "groups", "Give a time and at least one group.")
        return found


def _rows(form: type[forms.Form], most: int) -> Any:
    return forms.formset_factory(form, extra=ROWS_TO_SPARE, max_num=most, absolute_max=most, validate_max=True)


Reminders = _rows(ReminderForm, MOST_REMINDERS)
Escalations = _rows(EscalationForm, MOST_ESCALATIONS)


class PolicyForms:
    """All forms of one policy; `policy` is a row, or a new one that is not saved yet."""

    def __init__(self, policy: Policy, data: Mapping[str, Any] | None = None) -> None:
        self.policy = policy
        self.form = PolicyForm(data, initial=_initial(policy))
        self.reminders = Reminders(data, prefix="reminders", initial=[{"after": s} for s in policy.remind_after])
        self.escalations = Escalations(data, prefix="escalations", initial=policy.escalation)
        self.problems_of_rows: dict[str, ErrorList] = {}

    def is_valid(self) -> bool:
        return all([self.form.is_valid(), self.reminders.is_valid(), self.escalations.is_valid()])

    @property
    def is_whole(self) -> bool:
        """Whether there is enough of it to say what it comes to."""
        return bool(self.form.is_bound and self.is_valid())

    def problems_of_draft(self) -> dict[str, list[str]]:
        return problems_of(self.drafted().policy)

    @property
    def seen_version(self) -> int:
        return self.form.cleaned_data.get("version") or 0

    @property
    def fields(self) -> dict[str, Any]:
        """As policy_changes.save() takes them."""
        given = {name: value for name, value in self.form.cleaned_data.items() if name != "version"}
        steps = [row.cleaned_data for row in self.escalations if row.cleaned_data.get("after")]
        after = [row.cleaned_data["after"] for row in self.reminders if row.cleaned_data.get("after")]
        given["remind_after"] = sorted(after)
        given["escalation"] = [
            {"after": step["after"], "groups": sorted(step["groups"])}
            for step in sorted(steps, key=lambda step: int(step["after"]))
        ]
        return given

    def drafted(self) -> Draft:
        """What would be saved, without saving it."""
        policy, given = copy(self.policy), self.fields
        for name in PLAIN:
            setattr(policy, name, given[name])
        return Draft.of(policy, groups=list(given["reviewers"]), people=given["people"])

    def refuse(self, error: ValidationError) -> None:
        """Say beside each field what the verb did not take."""
        for name, texts in error.message_dict.items():
            if name in self.form.fields:
                self.form.add_error(name, [text for text in texts if text not in self.form.errors.get(name, [])])
            else:
                self.problems_of_rows[name] = ErrorList(texts)

    @property
    def problems(self) -> list[tuple[str, str, str]]:
        """(anchor, label, what is wrong), in the order of the page."""
        found = [(f.id_for_label or f"id_{f.name}", str(f.label), str(text)) for f in self.form for text in f.errors]
        for rows, label in zip((self.reminders, self.escalations), ROWS.values(), strict=True):
            for row in rows.forms:
                found += [(field.auto_id, label, str(text)) for field in row for text in field.errors]
            found += [("", label, str(text)) for text in rows.non_form_errors()]
        return found + [("", ROWS[name], str(text)) for name, texts in self.problems_of_rows.items() for text in texts]


def new_policy() -> Policy:
    return Policy(priority=0)


def _initial(policy: Policy) -> dict[str, Any]:
    plain = {name: getattr(policy, name) for name in PLAIN}
    saved: Iterable[str] = MANY if not policy._state.adding else ()
    many: dict[str, list[Group | User]] = {name: list(getattr(policy, name).all()) for name in saved}
    return {"version": policy.version if policy.pk else 0, **plain, **many, "calendar": policy.calendar_id}
