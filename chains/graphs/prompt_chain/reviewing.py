"""The question a reviewer gets, and where each verdict leads."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError

from chains.asking import Answer, Verdict
from chains.graphs.prompt_chain.options import Options
from chains.graphs.prompt_chain.state import CONTENT_LIMIT, NOTES, Analysis, ProcessedContent, State
from chains.graphs.prompt_chain.turns import request_text, reviewer_words
from chains.graphs.texts import StorableText, on_one_line

ACTION = "send_response"
TITLE_LIMIT = 60
# One character that is not white space, and no NUL, which no saver could keep.
WRITTEN = r"^[^\u0000]*[^\s\u0000][^\u0000]*$"
SENDABLE: TypeAdapter[str] = TypeAdapter(
    Annotated[StorableText, Field(min_length=1, max_length=CONTENT_LIMIT, pattern=r"\S")]
)
COMPLEXITIES = ("simple", "moderate", "complex")


def needs_review(state: State, options: Options) -> bool:
    """A reviewer who sent a draft back always sees the next one, whatever the options say."""
    analysis, draft = _worked_out(state)
    if reviewer_words(state) or options.review == "always":
        return True
    if options.review == "complexity":
        return COMPLEXITIES.index(analysis["complexity"]) >= COMPLEXITIES.index(options.review_complexity)
    return options.review == "confidence" and draft["confidence"] < options.review_confidence


def question(state: State, options: Options) -> dict[str, Any]:
    """What ask_human() is called with. Made from the state alone, so it is the same each time the node runs."""
    analysis, draft = _worked_out(state)
    return {
        "action": ACTION,
        "title": _title(analysis),
        "description": _description(analysis, draft, round_number=len(reviewer_words(state)) + 1),
        "arguments": {"request": request_text(state), "content": draft["content"]},
        "arguments_schema": _schema(request_text(state)),
        "allowed": allowed(state, options),
    }


def allowed(state: State, options: Options) -> tuple[Verdict, ...]:
    if len(reviewer_words(state)) < options.review_rounds:
        return (Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT, Verdict.RESPOND)
    return (Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT)


def keeps_the_rules(answer: Answer, state: State, options: Options) -> bool:
    """Holdpoint checks answers against the question before it stores them; this is for whoever resumes without it."""
    if answer.verdict not in allowed(state, options):
        return False
    if answer.verdict is not Verdict.EDIT:
        return True
    try:
        SENDABLE.validate_python(answer.arguments.get("content"))
    except ValidationError:
        return False
    return answer.arguments.get("request") == request_text(state)


def edited(state: State, answer: Answer) -> ProcessedContent:
    """The reviewer's text, byte for byte. The confidence stays what the model said of its own draft."""
    _, draft = _worked_out(state)
    note = on_one_line(f"Edited by {answer.reviewer or 'a reviewer'}.", limit=200)
    changes = [*draft["details"]["changes"], note][-NOTES:]
    return {**draft, "content": answer.arguments["content"], "details": {**draft["details"], "changes": changes}}


def refusal(answer: Answer) -> str:
    """What the requester reads instead of a reply."""
    reviewer = answer.reviewer or "A reviewer"
    reason = answer.message.strip()
    return f"No reply was sent: {reviewer} rejected the draft. " + (
        f"Reason: {reason}" if reason else "No reason was given."
    )


def _worked_out(state: State) -> tuple[Analysis, ProcessedContent]:
    analysis, draft = state["analysis"], state["processed_content"]
    if analysis is None or draft is None:
        raise ValueError("There is no draft to review: run the chain from its first step.")
    return analysis, draft


def _title(analysis: Analysis) -> str:
    named: dict[str, str] = {}
    for entity in analysis["key_entities"]:
        named.setdefault(entity["kind"], entity["text"])
    title = f"Reply to {named['person']}" if "person" in named else "Send a reply"
    subject = named.get("order") or named.get("invoice") or analysis["intent"]
    return on_one_line(f"{title} about {subject}", limit=TITLE_LIMIT)


def _description(analysis: Analysis, draft: ProcessedContent, *, round_number: int) -> str:
    intent = on_one_line(analysis["intent"], limit=80)
    parts = [
        intent[:1].upper() + intent[1:],
        f"{analysis['complexity']} request",
        f"confidence {draft['confidence']:.0%}",
    ]
    return ", ".join(parts if round_number == 1 else [*parts, f"draft {round_number}"])


def _schema(request: str) -> Mapping[str, Any]:
    return {
        "type": "object",
        "properties": {
            "request": {
                "title": "Request",
                "type": "string",
                "const": request,
                "readOnly": True,
                "x-readonly": True,
            },
            "content": {
                "title": "Reply",
                "description": "What is sent, word for word.",
                "type": "string",
                "minLength": 1,
                "maxLength": CONTENT_LIMIT,
                "pattern": WRITTEN,
                "x-widget": "textarea",
                "x-error": "Write the reply that is to be sent.",
            },
        },
        "required": ["request", "content"],
        "additionalProperties": False,
    }
