"""The forms a decision is typed into, and the ballot that comes out of what was typed."""

import re
from dataclasses import replace
from typing import Any

from django.http import QueryDict

from approvals import showing
from approvals.ballots import Ballot
from approvals.forms import DecisionPost
from approvals.inspection import BadAnswer, Item, Question, Reply
from approvals.models import QuestionKind, Verdict
from approvals.schemaforms import SchemaForm, SchemaNotSupported, schema_form
from approvals.schemaforms.reading import NotReadable, read_json
from approvals.views.unfinished import BadBallot, Draft, PartDraft

ARGUMENTS, ANSWER = "arguments", "value"
# What can be chosen, in the order people read it.
LABELS = {
    Verdict.APPROVE.value: "Approve",
    Verdict.EDIT.value: "Edit",
    Verdict.RESPOND.value: "Respond",
    Verdict.REJECT.value: "Reject",
}
UNCHANGED = "You changed nothing. Change a value, or approve it as it is."
NO_VERDICT = "Choose what to do with it: approve, edit, reject or respond."
NO_SUCH_VERDICT = "There is no such verdict. Choose one of those that are offered."
OTHER_VERDICT = "You chose something else for this one. Send your verdicts, or choose the same here."
NO_ARGUMENTS = "Send the edited arguments, too."
_PART = re.compile(r"item-([0-9]{1,6})-")


def fresh(question: Question, *, is_editing: bool, can_edit: bool) -> Draft:
    """Nothing typed yet: the form of an edit holds what was proposed, the form of an answer is empty."""
    item = question.item
    if len(question.items) > 1:
        numbered = enumerate(question.items)
        return Draft(parts=tuple(PartDraft(form=_part_form(one, n) if can_edit else None) for n, one in numbered))
    if is_editing:
        return Draft(form=_form(item.schema, None, initial=item.arguments, prefix=ARGUMENTS), is_editing=True)
    if question.kind.value == QuestionKind.SCHEMA:
        return Draft(form=_form(item.schema, None, initial=None, prefix=ANSWER))
    return Draft()


def plain_names(question: Question, data: QueryDict) -> QueryDict:
    """A program may name the only part of a question like those of any other: `item-0-verdict` for `verdict`."""
    if len(question.items) > 1 or not any(name.startswith("item-0-") for name in data):
        return data
    form = ANSWER if question.kind.value == QuestionKind.SCHEMA else ARGUMENTS
    found = QueryDict(mutable=True)
    for name, texts in data.lists():
        plain = name.removeprefix("item-0-")
        found.setlist(f"{form}{plain.removeprefix(ARGUMENTS)}" if plain.startswith(ARGUMENTS) else plain, texts)
    return found


def typed(question: Question, posted: DecisionPost, data: QueryDict) -> Draft:
    """What came with the form, right or wrong."""
    draft, item = Draft(note=posted.note, reason_code=posted.reason_code), question.item
    if len(question.items) > 1:
        return replace(draft, parts=tuple(_part(one, number, data) for number, one in enumerate(question.items)))
    if question.kind.value == QuestionKind.SCHEMA:
        return replace(draft, form=_form(item.schema, data, initial=None, prefix=ANSWER))
    if posted.verdict == Verdict.EDIT or "edit" in data:
        form = _form(item.schema, data, initial=item.arguments, prefix=ARGUMENTS)
        return replace(draft, form=form, is_editing=True)
    return draft


def ballot_of(question: Question, posted: DecisionPost, draft: Draft, data: QueryDict) -> Ballot:
    """Raises BadAnswer when what was typed is no ballot yet."""
    if posted.verdict == Verdict.ABSTAIN:
        return Ballot(posted.verdict, posted.seen, note=posted.note, key=posted.key, breaks_glass=posted.breaks_glass)
    _refuse_other_parts(question, data)
    if draft.is_list_edit:
        raise BadAnswer("")
    if draft.parts:
        replies = _replies(question, posted, draft, data)
        ballot = Ballot.of_parts(replies, posted.seen, note=posted.note, key=posted.key)
    else:
        ballot = _whole_ballot(question, posted, draft, data)
    return replace(ballot, reason_code=posted.reason_code, breaks_glass=posted.breaks_glass)


def _whole_ballot(question: Question, posted: DecisionPost, draft: Draft, data: QueryDict) -> Ballot:
    if posted.verdict is None or posted.verdict == Verdict.WITHDRAW:
        raise BadAnswer(NO_VERDICT)
    action = _other_action(question.item, data.get("action"))
    arguments = None
    if draft.form is not None and posted.verdict in (Verdict.EDIT, Verdict.RESPOND):
        prefix = ARGUMENTS if draft.is_editing else ANSWER
        arguments = _filled(draft.form, data, prefix, question.item if draft.is_editing else None)
    if action:
        reply = Reply(posted.verdict, arguments, posted.note, action)
        return Ballot.of_parts([reply], posted.seen, note=posted.note, key=posted.key)
    return Ballot(posted.verdict, posted.seen, arguments=arguments, note=posted.note, key=posted.key)


def _other_action(item: Item, posted: str | None) -> str:
    """The tool a program names, when it is not the one asked about. Whether it may is checked with the answer."""
    return "" if posted is None or posted.split() == item.action.split() else posted


def _replies(question: Question, posted: DecisionPost, draft: Draft, data: QueryDict) -> list[Reply]:
    """Raises BadBallot with every part that is not ready."""
    replies, errors = [], []
    for number, item in enumerate(question.items):
        try:
            replies.append(_reply(item, posted, draft.parts[number], data, number))
        except BadAnswer as error:
            error.item = number
            errors.append(error)
    if errors:
        raise BadBallot(errors)
    return replies


def _reply(item: Item, posted: DecisionPost, part: PartDraft, data: QueryDict, number: int) -> Reply:
    for_all = posted.verdict if posted.verdict != Verdict.MIXED else None
    if part.verdict and part.verdict not in LABELS:
        raise BadAnswer(NO_SUCH_VERDICT, "verdict")
    if part.verdict and for_all is not None and part.verdict != for_all:
        raise BadAnswer(OTHER_VERDICT, "verdict")
    verdict = part.verdict or for_all
    if not verdict:
        raise BadAnswer(NO_VERDICT, "verdict")
    arguments = None
    if verdict == Verdict.EDIT and part.form is not None:
        arguments = _filled(part.form, data, f"item-{number}-{ARGUMENTS}", item)
    action = _other_action(item, data.get(f"item-{number}-action"))
    return Reply(Verdict(verdict), arguments, part.note or (posted.note if for_all else ""), action)


def _filled(form: SchemaForm, data: QueryDict, name: str, item: Item | None) -> Any:
    """The JSON that was filled in, or that a program sent whole under the form's own name."""
    if name in data:
        value = _whole(data.get(name, ""), name)
        is_same = item is not None and showing.same(value, item.arguments)
    elif form.is_valid():
        value = form.value
        is_same = item is not None and not form.changes
    else:
        raise BadAnswer(" ".join(problem.text for problem in form.problems) or NO_ARGUMENTS, name)
    if is_same:
        raise BadAnswer(UNCHANGED)
    return value


def _whole(text: str, name: str) -> Any:
    try:
        return read_json(text)
    except (NotReadable, ValueError, RecursionError) as error:
        raise BadAnswer(
            f"This is not JSON that can be kept. {' '.join(getattr(error, 'messages', ()))}", name
        ) from error


def _refuse_other_parts(question: Question, data: QueryDict) -> None:
    count = len(question.items)
    for name in data:
        found = _PART.match(name)
        if found and int(found[1]) >= count:
            parts = "one part" if count == 1 else f"{count} parts"
            raise BadAnswer(f"This question has {parts}, so there is no {name}. Reload the page and look again.")


def _part(item: Item, number: int, data: QueryDict) -> PartDraft:
    return PartDraft(
        verdict=data.get(f"item-{number}-verdict", ""),
        note=data.get(f"item-{number}-note", "").replace("\r\n", "\n"),
        form=_part_form(item, number, data),
    )


def _part_form(item: Item, number: int, data: QueryDict | None = None) -> SchemaForm | None:
    if Verdict.EDIT.value not in {verdict.value for verdict in item.allowed}:
        return None
    prefix = f"item-{number}-{ARGUMENTS}"
    was_shown = data is not None and any(name.startswith(f"{prefix}.") for name in data)
    return _form(item.schema, data if was_shown else None, initial=item.arguments, prefix=prefix)


def _form(schema: Any, data: QueryDict | None, *, initial: Any, prefix: str) -> SchemaForm:
    """A box for JSON where there is no schema, or none that a form can be made of; the answer is checked later."""
    box = {} if prefix == ANSWER else {"title": "Arguments"}
    try:
        return schema_form(schema or box, data=data, initial=initial, prefix=prefix)
    except SchemaNotSupported:
        return schema_form(box, data=data, initial=initial, prefix=prefix)
