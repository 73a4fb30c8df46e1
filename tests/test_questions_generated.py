"""Two thousand generated questions and replies: a correct answer, as the format's own reader finds, or BadAnswer."""

import copy
import json
import random
from typing import Any

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from chains.asking import MARK, Verdict
from chains.canonical import canonical_bytes
from chains.questions import BadAnswer, Item, Kind, Question, Reply, build_answer, read_question
from tests import format_readers
from tests.format_readers import Decided

SHA256, REVIEWER = "5" * 64, "Nadia Brandt"
VERDICTS = [verdict.value for verdict in Verdict]
DECISIONS = ("edit", "escalate", "approve", "respond", "reject")
TOOL = {
    "type": "object",
    "properties": {
        "amount": {"type": "number", "minimum": 0},
        "to": {"type": "string"},
        "at": {"type": ["null", "array"]},
    },
    "required": ["amount"],
}

NUMBERS = [0, -1, 7, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**400, 0.1, 1240.1, -0.0, 40.0, 5e-324, 1e22, 1e308]
TEXTS = ["", " ", "NaN", "1e999", "[1, 2", '{"a": 1}', "null", "\x00", "é👋\u202e", "\ud800", "x" * 300, "ORD-48213"]
SCALARS = [None, True, False, *NUMBERS, float("nan"), float("-inf"), *TEXTS]
NAMES = ["issue_refund", "send_mail", "Ärger 👋", "x"]


def _value(dice: random.Random, depth: int = 0) -> Any:
    if depth > 3 or dice.random() < 0.4:
        return dice.choice(SCALARS)
    inner = [_value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return inner if dice.random() < 0.5 else {dice.choice([*NAMES, "\x00", "type", ""]): part for part in inner}


def _arguments(dice: random.Random) -> dict[str, Any]:
    kinds: dict[str, list[Any]] = {"amount": NUMBERS, "to": TEXTS, "at": [None, [1]], "other": SCALARS}
    chosen = {name: dice.choice(kinds[name]) for name in dice.sample(sorted(kinds), dice.randrange(1, 4))}
    return chosen if dice.random() < 0.7 else {**chosen, dice.choice(NAMES): _value(dice)}


def _deep(levels: int) -> Any:
    found: Any = 1
    for level in range(levels):
        found = [found] if level % 2 else {"a": found}
    return found


# Drawn once for all: Hypothesis then combines them, which takes it a tenth of the time.
_DICE = random.Random(2020_12)
values = st.sampled_from([*SCALARS, *[_value(_DICE) for _ in range(400)], _deep(90), _deep(99), _deep(101), _deep(400)])
arguments = st.sampled_from([_arguments(_DICE) for _ in range(400)])
texts, names = st.sampled_from(TEXTS), st.sampled_from(NAMES)


@st.composite
def batches(draw: st.DrawFn) -> tuple[Any, None]:
    camel = draw(st.booleans())
    called = draw(st.lists(names, min_size=1, max_size=4))
    requests = [{"name": name, "args": draw(arguments), "description": draw(texts)} for name in called]
    allowed = st.lists(st.sampled_from(DECISIONS), min_size=1, max_size=5)
    name, decisions = ("actionName", "allowedDecisions") if camel else ("action_name", "allowed_decisions")
    rules = [{name: one, decisions: draw(allowed)} for one in draw(st.permutations(called) | st.just(called))]
    keys = ("actionRequests", "reviewConfigs") if camel else ("action_requests", "review_configs")
    return dict(zip(keys, (requests, rules), strict=True)), None


@st.composite
def requests(draw: st.DrawFn) -> Any:
    flags = {flag: draw(st.booleans()) for flag in format_readers.LEGACY_FLAGS.values()}
    return {"action_request": {"action": draw(names), "args": draw(arguments)}, "config": flags}


@st.composite
def legacies(draw: st.DrawFn) -> tuple[Any, None]:
    asked = draw(st.one_of(requests(), st.lists(requests(), min_size=1, max_size=3)))
    return (json.dumps(asked) if draw(st.booleans()) else asked), None


@st.composite
def bounds(draw: st.DrawFn) -> tuple[Any, None]:
    asked = {MARK: 1, "action": draw(names), "title": draw(texts), "arguments": draw(arguments)}
    asked["allowed"] = draw(st.lists(st.sampled_from(VERDICTS), min_size=1, max_size=4))
    return (asked | {"arguments_schema": TOOL} if draw(st.booleans()) else asked), None


@st.composite
def calls(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    name = draw(names)
    edited = {"name": {"const": name}, "args": {"$ref": "#/$defs/tool"}}
    extra: dict[str, Any] = {
        "edit": {"edited_action": {"type": "object", "properties": edited, "required": ["name", "args"]}},
        "respond": {"message": {"type": "string"}},
    }
    branches = [
        {"properties": {"type": {"const": one}, **extra.get(one, {})}, "required": ["type", *extra.get(one, {})]}
        for one in draw(st.lists(st.sampled_from(VERDICTS), min_size=1, unique=True))
    ]
    schema: dict[str, Any] = {"oneOf": branches} if branches[1:] else branches[0]
    return {"type": "tool_approval", "name": name, "args": draw(arguments)}, {**schema, "$defs": {"tool": TOOL}}


schemas = st.sampled_from(
    [TOOL, {}, {"type": "integer"}, {"type": ["string", "null"]}, {"type": "nonsense"}, {"$ref": "#"}]
)
pauses = st.builds(lambda state: {"holdpoint_pause": 1, "before": ["act"], "next": ["act"], "state": state}, arguments)
plain = st.tuples(
    st.one_of(batches(), calls(), legacies(), bounds()).map(lambda asked: asked[0]) | values | pauses, st.none()
)
questions = st.one_of(batches(), calls(), legacies(), bounds(), st.tuples(values, schemas), plain)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[Any, Any]:
    """A question with one part of it replaced or taken out, anywhere."""
    asked, schema = copy.deepcopy(draw(questions))
    place = asked
    while isinstance(place, dict | list) and place:
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        inner = place[key]
        if not (isinstance(inner, dict | list) and inner) or draw(st.integers(0, 2)) == 0:
            if draw(st.booleans()):
                place[key] = draw(values)
            else:
                del place[key]
            break
        place = inner
    return asked, schema


def _reply(dice: random.Random) -> Reply:
    said = dice.choice([None, _arguments(dice), _value(dice), {"amount": 0}, {"amount": 40.0, "to": "Ä"}])
    action = dice.choice(["", "", "", "", "", "x", "unknown"])
    return Reply(dice.choice(list(Verdict)), said, dice.choice(TEXTS), action)


replies = st.lists(st.sampled_from([_reply(_DICE) for _ in range(600)]), max_size=5)
FITTING = ({"amount": 0}, {"amount": 40.0, "to": "Ä"}, None)


@st.composite
def answered(draw: st.DrawFn, question: Question) -> list[Reply]:
    """Anything at all; or one fitting reply for each item, so that answers get through as well."""
    if draw(st.integers(0, 3)) == 0:
        return draw(replies)
    chosen = draw(st.integers(0, 10**6))
    return [_fitting(item, chosen >> place) for place, item in enumerate(question.items)]


def _fitting(item: Item, chosen: int) -> Reply:
    said = (*FITTING, item.arguments)[chosen % 4]
    return Reply(item.allowed[chosen % len(item.allowed)], said, TEXTS[chosen % len(TEXTS)] if chosen % 3 else "Words.")


@settings(max_examples=2000, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_an_answer_is_correct_or_there_is_none(data: st.DataObject) -> None:
    asked, schema = data.draw(questions | damaged())
    tools = data.draw(st.sampled_from([{}, {"issue_refund": TOOL, "x": TOOL}]))

    question = read_question(asked, schema, node="ask", tools=tools)
    given_replies = data.draw(answered(question))
    try:
        answer = build_answer(question, given_replies, payload_sha256=SHA256, reviewer=REVIEWER)
    except BadAnswer:
        event(f"{question.kind.value}: refused")
        return

    event(f"{question.kind.value}: answered")
    assert canonical_bytes(json.loads(json.dumps(answer))) == canonical_bytes(answer)
    assert schema is None or Draft202012Validator(schema).is_valid(answer)
    decided = _as_read(question, asked, schema, answer)
    assert len(decided) == len(given_replies)
    for item, one, reply in zip(question.items, decided, given_replies, strict=True):
        assert reply.verdict in item.allowed
        assert canonical_bytes(list(one)) == canonical_bytes(list(_expected(question.kind, reply)))


def _as_read(question: Question, asked: Any, schema: Any, answer: Any) -> list[Decided]:
    match question.kind:
        case Kind.BATCH:
            return format_readers.batch(asked, answer)
        case Kind.CALL:
            return format_readers.call(asked, schema, answer)
        case Kind.LEGACY:
            return format_readers.legacy(json.loads(asked) if isinstance(asked, str) else asked, answer)
        case Kind.BOUND:
            return format_readers.bound(asked, answer, sha256=SHA256, reviewer=REVIEWER)
        case _:
            return [("", answer, "")]


def _expected(kind: Kind, reply: Reply) -> Decided:
    """What the graph should understand of a reply."""
    if kind in (Kind.SCHEMA, Kind.OPEN, Kind.PAUSE):
        return "", _said(kind, reply), ""
    edited = reply.arguments if reply.verdict is Verdict.EDIT else None
    told = kind is Kind.BOUND or reply.verdict is Verdict.RESPOND
    told = told or (kind is not Kind.LEGACY and reply.verdict is Verdict.REJECT and bool(reply.message.strip()))
    return reply.verdict.value, edited, reply.message if told else ""


def _said(kind: Kind, reply: Reply) -> Any:
    if kind is Kind.SCHEMA:
        return reply.arguments
    if reply.verdict is not Verdict.RESPOND:
        return reply.verdict is Verdict.APPROVE
    if reply.arguments is not None:
        return reply.arguments
    try:
        return json.loads(reply.message, parse_constant=_not_json)
    except ValueError:
        return reply.message


def _not_json(name: str) -> Any:
    raise ValueError(name)
