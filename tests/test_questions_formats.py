"""Reading a question in each format, and answering it in the same: every verdict, and every way of being wrong."""

import json
from copy import deepcopy
from typing import Any

import pytest

from chains.asking import MARK, Verdict
from chains.canonical import canonical_bytes
from chains.questions import BadAnswer, Kind, Question, Reply, build_answer, read_question
from tests.graphs.formats import ADDRESS, CAMEL, MAIL, OTHER, REFUND, REFUND_SCHEMA, REQUEST, SNAKE

ALL = tuple(Verdict)
APPROVE, REJECT = Reply(Verdict.APPROVE), Reply(Verdict.REJECT)
CHEAPER = {**REFUND, "amount": 39.5}
EDIT = Reply(Verdict.EDIT, CHEAPER)
BOUND = {
    MARK: 1,
    "action": "issue_refund",
    "title": "Refund 40 EUR",
    "description": "",
    "arguments": REFUND,
    "allowed": ["approve", "edit"],
}
PAUSE = {"holdpoint_pause": 1, "before": ["act", "tell"], "next": ["act", "tell"], "state": {"log": []}}
CALL = {"type": "tool_approval", "tool_call_id": "1", "name": "issue_refund", "args": REFUND, "description": "Pay."}
NO_SCHEMA: None = None


def branch(verdict: str, **properties: Any) -> dict[str, Any]:
    fixed = {"type": {"const": verdict, "type": "string"}, **properties}
    return {"type": "object", "properties": fixed, "required": ["type", *properties]}


def call_schema(*verdicts: str, edit_key: str = "edited_action") -> dict[str, Any]:
    action = {
        "type": "object",
        "properties": {"name": {"const": "issue_refund"}, "args": {"$ref": "#/$defs/issue_refund"}},
        "required": ["name", "args"],
    }
    branches = {
        "approve": branch("approve"),
        "edit": branch("edit", **{edit_key: {"$ref": "#/$defs/EditedAction"}}),
        "reject": branch("reject"),
        "respond": branch("respond", message={"type": "string"}),
    }
    definitions = {"EditedAction": action, "issue_refund": REFUND_SCHEMA, **{name: branches[name] for name in verdicts}}
    return {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in verdicts], "$defs": definitions}


def read(value: Any, schema: dict[str, Any] | None = None, **tools: dict[str, Any]) -> Question:
    return read_question(value, schema, node="ask_them", tools=tools)


def answered(question: Question, *replies: Reply, **options: Any) -> Any:
    return build_answer(question, replies, payload_sha256="5" * 64, reviewer="Nadia", **options)


def refusal(question: Question, *replies: Reply, **options: Any) -> BadAnswer:
    with pytest.raises(BadAnswer) as refused:
        answered(question, *replies, **options)
    return refused.value


def changed(envelope: Any, path: str, value: Any) -> Any:
    """A copy with one thing put elsewhere; "a.0.b" leads there, and `...` takes it out."""
    copy = deepcopy(envelope)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = copy
    for step in steps:
        place = place[step]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return copy


def test_each_format_is_known_by_what_only_it_has() -> None:
    assert read(BOUND).kind is Kind.BOUND
    assert read(CALL, call_schema("approve", "reject")).kind is Kind.CALL
    assert read(SNAKE).kind is Kind.BATCH
    assert read(CAMEL).kind is Kind.BATCH
    assert read(REQUEST).kind is Kind.LEGACY
    assert read([OTHER, REQUEST]).kind is Kind.LEGACY
    assert read(json.dumps(REQUEST)).kind is Kind.LEGACY
    assert read({"q": 1}, ADDRESS).kind is Kind.SCHEMA
    assert read(PAUSE).kind is Kind.PAUSE
    assert read(CALL).kind is Kind.OPEN
    plain: list[Any] = [None, True, 0, 1.5, "", "{", "[1]", "{}", [], [[]], {}, '"quoted"']
    for value in [*plain, {"a": [REQUEST]}, json.dumps(SNAKE)]:
        assert read(value).kind is Kind.OPEN
        assert read(value).item.allowed == (Verdict.APPROVE, Verdict.REJECT, Verdict.RESPOND)


def test_an_item_says_what_would_be_done_and_what_it_takes() -> None:
    first, second, third = read(SNAKE).items

    assert (first.action, first.title, first.description) == ("issue_refund", "Issue refund", "A refund.")
    assert first.arguments == REFUND
    assert (first.allowed, second.allowed) == (ALL, (Verdict.APPROVE, Verdict.REJECT))
    assert third.allowed == (Verdict.REJECT, Verdict.EDIT)
    assert read(SNAKE).title == "Issue refund and 2 more"
    assert read(CAMEL).items[0].schema == REFUND_SCHEMA
    assert read(SNAKE, issue_refund=ADDRESS).items[0].schema == ADDRESS


@pytest.mark.parametrize(
    ("value", "schema", "reply", "answer"),
    [
        (BOUND, None, APPROVE, {"verdict": "approve", "sha256": "5" * 64, "message": "", "reviewer": "Nadia"}),
        (REQUEST, None, APPROVE, [{"type": "accept", "args": REQUEST["action_request"]}]),
        (REQUEST, None, EDIT, [{"type": "edit", "args": {"action": "issue_refund", "args": CHEAPER}}]),
        (REQUEST, None, Reply(Verdict.RESPOND, message=" why? "), [{"type": "response", "args": " why? "}]),
        (REQUEST, None, Reply(Verdict.REJECT, message="no"), [{"type": "ignore", "args": None}]),
        (CALL, call_schema("approve", "edit"), APPROVE, {"type": "approve"}),
        (
            CALL,
            call_schema("approve", "edit"),
            EDIT,
            {"type": "edit", "edited_action": {"name": "issue_refund", "args": CHEAPER}},
        ),
        (
            CALL,
            call_schema("approve", "edit", edit_key="editedAction"),
            EDIT,
            {"type": "edit", "editedAction": {"name": "issue_refund", "args": CHEAPER}},
        ),
        (CALL, call_schema("reject"), REJECT, {"type": "reject"}),
        (CALL, call_schema("reject"), Reply(Verdict.REJECT, message="no"), {"type": "reject", "message": "no"}),
        (CALL, call_schema("respond"), Reply(Verdict.RESPOND, message="7"), {"type": "respond", "message": "7"}),
        ("ok?", None, APPROVE, True),
        ("ok?", None, REJECT, False),
        ("ok?", None, Reply(Verdict.RESPOND, message="NaN"), "NaN"),
        ("ok?", None, Reply(Verdict.RESPOND, message="-Infinity"), "-Infinity"),
        ("ok?", None, Reply(Verdict.RESPOND, message=' {"a": 1.0} '), {"a": 1.0}),
        ("ok?", None, Reply(Verdict.RESPOND, {"a": [0]}), {"a": [0]}),
        ("ok?", {}, Reply(Verdict.RESPOND, None), None),
        ("ok?", {"type": "null"}, Reply(Verdict.RESPOND), None),
        ("ok?", {"type": "boolean"}, Reply(Verdict.RESPOND, False), False),
        ("ok?", ADDRESS, Reply(Verdict.RESPOND, {"street": "A"}), {"street": "A"}),
        (PAUSE, None, APPROVE, True),
    ],
)
def test_an_answer_is_built_byte_for_byte(value: Any, schema: Any, reply: Reply, answer: Any) -> None:
    assert canonical_bytes(answered(read(value, schema), reply)) == canonical_bytes(answer)


@pytest.mark.parametrize("envelope", [SNAKE, CAMEL])
def test_a_batch_is_answered_in_its_own_spelling_and_order(envelope: dict[str, Any]) -> None:
    question = read(envelope)
    key = "edited_action" if envelope is SNAKE else "editedAction"

    answer = answered(question, EDIT, *[REJECT] * (len(question.items) - 1))

    edited = {"type": "edit", key: {"name": "issue_refund", "args": CHEAPER}}
    assert answer["decisions"][0] == edited
    assert set(answer) == {"decisions"}


def test_the_rules_of_differently_named_actions_may_stand_in_any_order() -> None:
    rules = [
        {"action_name": "send_mail", "allowed_decisions": ["reject"]},
        {"action_name": "issue_refund", "allowed_decisions": ["approve", "escalate"]},
    ]

    requests = SNAKE["action_requests"]
    refund, mail = read({"action_requests": requests[:2], "review_configs": rules}).items

    assert (mail.allowed, refund.allowed) == ((Verdict.REJECT,), (Verdict.APPROVE,))
    assert read({"action_requests": requests, "review_configs": rules}).kind is Kind.OPEN


RULES = SNAKE["review_configs"]
# An envelope, a place in it, and what breaks the format's rules there.
BREAKING: list[tuple[Any, str, list[Any]]] = [
    (BOUND, "allowed", [[], ["escalate"], [1], "approve", None, ...]),
    (BOUND, "arguments", [[], "x", 1, None, ...]),
    (BOUND, MARK, [2, "1", None, []]),
    (BOUND, "title", [1, None, ...]),
    (BOUND, "arguments_schema", ["object"]),
    (PAUSE, "before", ["act", [1], [], ...]),
    (PAUSE, "next", [{"act": 1}]),
    (PAUSE, "holdpoint_pause", [2]),
    (SNAKE, "action_requests", [[], {}, None, 1, "x", [None], [[]], SNAKE["action_requests"] * 34]),
    (SNAKE, "review_configs", [[], {}, None, 1, ["x"], RULES[:2], [*RULES, RULES[0]], RULES[::-1][1:], ...]),
    (SNAKE, "action_requests.0.name", ["send_mail", "other", "", " ", 1, None, ...]),
    (SNAKE, "action_requests.1.args", [[], "x", None, ...]),
    (SNAKE, "action_requests.1.description", [["x"]]),
    (SNAKE, "review_configs.1.allowed_decisions", [[], ["escalate"], [None], "approve", ...]),
    (SNAKE, "review_configs.1.action_name", ["other", "issue_refund", None, ...]),
    (SNAKE, "review_configs.1.args_schema", ["object"]),
    (SNAKE, "actionRequests", [CAMEL["actionRequests"]]),
    (SNAKE, "review_configs.2", [CAMEL["reviewConfigs"][0]]),
    (CAMEL, "reviewConfigs", [RULES, None, ...]),
    (REQUEST, "action_request", [None, [], "x", {}, {"action": "x"}, {"args": {}}]),
    (REQUEST, "action_request.action", ["", " ", 1, None]),
    (REQUEST, "action_request.args", [[], "x", None]),
    (REQUEST, "config", [None, [], "x", {}, {"allow_accept": False}]),
    (REQUEST, "config.allow_accept", [1, "true", None]),
    (REQUEST, "description", [7]),
    ([REQUEST, REQUEST], "1", [None, "x", {}, {"action_request": {}}]),
    ([REQUEST] * 101, "0", [REQUEST]),
]
BROKEN = [(envelope, path, value) for envelope, path, values in BREAKING for value in values]


@pytest.mark.parametrize(("envelope", "path", "value"), BROKEN)
def test_an_envelope_that_breaks_its_own_rules_is_not_guessed_at(envelope: Any, path: str, value: Any) -> None:
    broken = changed(envelope, path, value)

    question = read(broken)

    assert question.kind is Kind.OPEN
    assert canonical_bytes(question.item.arguments) == canonical_bytes(broken)
    assert question.item.allowed == (Verdict.RESPOND,)
    assert "looks like one of a known format" in question.item.description
    assert answered(question, Reply(Verdict.RESPOND, message='{"decisions": []}')) == {"decisions": []}
    refusal(question, APPROVE)


@pytest.mark.parametrize("path", ["name", "args"])
def test_a_broken_call_is_still_checked_by_its_own_schema(path: str) -> None:
    question = read(changed(CALL, path, None), call_schema("approve"))

    assert question.kind is Kind.SCHEMA
    assert "looks like one of a known format" in question.item.description
    assert answered(question, Reply(Verdict.RESPOND, {"type": "approve"})) == {"type": "approve"}
    refusal(question, Reply(Verdict.RESPOND, {"type": "reject"}))


@pytest.mark.parametrize("schema", [{"type": "string"}, {"oneOf": []}, {"oneOf": 7}, {"oneOf": [{"$ref": "#/none"}]}])
def test_a_call_whose_schema_names_no_decision_is_answered_by_that_schema(schema: dict[str, Any]) -> None:
    assert read(CALL, schema).kind is Kind.SCHEMA


@pytest.mark.parametrize("verdict", [Verdict.EDIT, Verdict.RESPOND])
@pytest.mark.parametrize(
    "question", [read(OTHER), read(CALL, call_schema("approve", "reject")), read(CAMEL), read(BOUND), read(PAUSE)]
)
def test_a_verdict_the_graph_does_not_take_is_refused(question: Question, verdict: Verdict) -> None:
    item = len(question.items) - 1
    if verdict in question.items[item].allowed:
        assert question.kind is Kind.BOUND
        return
    replies = [APPROVE] * item + [Reply(verdict, REFUND, "words")]

    error = refusal(question, *replies)

    assert "cannot be answered with" in str(error)
    assert error.item == item


@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_a_batch_takes_as_many_decisions_as_it_has_calls(count: int) -> None:
    error = refusal(read(SNAKE), *[REJECT] * count)

    assert str(error) == f"This asks 3 things and {count} were answered. Decide each of them."
    assert error.item is None


def test_an_edit_cannot_turn_one_tool_into_another_unless_the_chain_allows_it() -> None:
    question = read(SNAKE, delete_file={"type": "object", "properties": {"path": {"type": "string"}}})
    other = Reply(Verdict.EDIT, {"path": "/tmp/x"}, action="delete_file")

    assert refusal(question, other, REJECT, REJECT).path == "action"
    unknown = Reply(Verdict.EDIT, {}, action="unknown")
    assert refusal(question, unknown, REJECT, REJECT, may_rename=True).path == "action"
    wrong = Reply(Verdict.EDIT, {"path": 7}, action="delete_file")
    assert refusal(question, wrong, REJECT, REJECT, may_rename=True).path == "path"
    answer = answered(question, other, REJECT, REJECT, may_rename=True)

    assert answer["decisions"][0]["edited_action"] == {"name": "delete_file", "args": {"path": "/tmp/x"}}
    refusal(read(CALL, call_schema("edit")), other, may_rename=True)
    refusal(read(BOUND), other, may_rename=True)


@pytest.mark.parametrize("question", [read(REQUEST), read(SNAKE), read(BOUND)])
@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"amount": "40"}, "amount"),
        ({"amount": True}, "amount"),
        ({"urgent": "false"}, "urgent"),
        ({"urgent": 0}, "urgent"),
    ],
)
def test_without_a_schema_numbers_stay_numbers(question: Question, change: dict[str, Any], path: str) -> None:
    rest = [REJECT] * (len(question.items) - 1)

    assert refusal(question, Reply(Verdict.EDIT, {**REFUND, **change}), *rest).path == path
    harmless: list[dict[str, Any]] = [{"amount": 41}, {"amount": None}, {"order": 7}, {"lines": []}, {"new": "x"}]
    for fine in harmless:
        answered(question, Reply(Verdict.EDIT, {**REFUND, **fine}), *rest)


def test_a_legacy_request_is_checked_by_a_tool_of_that_name_only_if_it_fits_it_itself() -> None:
    assert read(REQUEST, issue_refund=REFUND_SCHEMA).item.schema == REFUND_SCHEMA
    assert read(REQUEST, issue_refund=ADDRESS).item.schema is None


DEEP: Any = 0
for _ in range(120):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "bad",
    ["a\x00b", {"a\x00": 1}, 2**64, -(2**63) - 1, 1e300, float("nan"), float("inf"), "\ud800", DEEP, {1: 2}, {3}],
    ids=repr,
)
def test_what_a_checkpoint_cannot_hold_is_never_sent(bad: Any) -> None:
    for question, reply in (
        (read("ok?"), Reply(Verdict.RESPOND, bad)),
        (read("ok?", {}), Reply(Verdict.RESPOND, bad)),
        (read(BOUND), Reply(Verdict.EDIT, {**REFUND, "note": bad})),
        (read(REQUEST), Reply(Verdict.EDIT, {**REFUND, "note": [bad]})),
    ):
        assert refusal(question, reply).item == 0


@pytest.mark.parametrize("words", ["1e999", "18446744073709551616", "9" * 5000, "[" * 100_000, '{"a": 1, "a": 2}', " "])
def test_words_that_are_json_nobody_could_send_are_refused(words: str) -> None:
    refusal(read("ok?"), Reply(Verdict.RESPOND, message=words))


@pytest.mark.parametrize("text", ["[" * 100_000, '{"config": NaN}', json.dumps(REQUEST)[:-1], '{"a": 1, "a": 2}'])
def test_text_that_only_begins_like_json_is_text(text: str) -> None:
    assert read(text).kind is Kind.OPEN
    assert read(text).item.arguments == text


def test_an_empty_answer_is_refused_where_words_are_the_answer() -> None:
    for question in (read("ok?"), read(REQUEST), read(CALL, call_schema("respond"))):
        assert refusal(question, Reply(Verdict.RESPOND, message=" \n")).path == "message"


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "number", "multipleOf": 0.01}, [1240.1, 0.07, 3], [0.001, "1"]),
        ({"type": "array", "uniqueItems": True}, [[1, 2, True], [{"a": 1}, {}]], [[1, 1.0], [{"a": 1}, {"a": 1.0}]]),
        ({"type": "integer"}, [1, 1.0], [1.5, True, "1"]),
        ({"enum": [1, "a", None]}, [1, "a", None], [True, "A", 0]),
        ({"type": "string", "format": "date"}, ["2026-02-28"], ["2026-02-30", 7]),
        ({"prefixItems": [{"type": "string"}], "items": False}, [["a"]], [["a", 1], [1]]),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"const": 5}}}, [5], [6]),
        ({"type": "object", "unevaluatedProperties": False, "properties": {"a": True}}, [{"a": 1}], [{"b": 1}]),
    ],
)
def test_answers_are_checked_by_draft_2020_12(schema: dict[str, Any], good: list[Any], bad: list[Any]) -> None:
    question = read("?", schema)

    for value in good:
        assert canonical_bytes(answered(question, Reply(Verdict.RESPOND, value))) == canonical_bytes(value)
    for value in bad:
        refusal(question, Reply(Verdict.RESPOND, value))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "strnig"},
        {"$ref": "#/$defs/nowhere"},
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"pattern": "("},
        {"minimum": "1"},
        {"properties": []},
    ],
    ids=json.dumps,
)
def test_a_schema_that_cannot_be_checked_lets_nothing_pass(schema: dict[str, Any]) -> None:
    assert "Tell its author" in str(refusal(read("?", schema), Reply(Verdict.RESPOND, "x")))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_schema_never_makes_anybody_fetch_another(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[Any] = []
    monkeypatch.setattr("urllib.request.urlopen", lambda request, **options: fetched.append(request))

    refusal(read("?", {"$ref": "http://127.0.0.1:9/schema.json"}), Reply(Verdict.RESPOND, "x"))
    refusal(read("?", {"$id": "http://127.0.0.1:9/a/", "$ref": "b.json"}), Reply(Verdict.RESPOND, "x"))

    assert fetched == []


def test_a_known_format_with_a_schema_of_its_own_must_fit_both() -> None:
    question = read(REQUEST, {"type": "object"})

    assert question.kind is Kind.LEGACY
    refusal(question, APPROVE)


def test_a_complaint_names_the_field_and_stays_short() -> None:
    error = refusal(read("?", ADDRESS), Reply(Verdict.RESPOND, {"street": "", "floor": "x" * 10_000}))

    assert error.path in {"street", "floor"}
    assert len(str(error)) < 400


@pytest.mark.parametrize(
    ("value", "title"),
    [
        ("  First line \n second", "First line"),
        ({"message": "", "prompt": "Go?"}, "Go?"),
        ({"question": ["x"]}, "Ask them asks"),
        (None, "Ask them asks"),
        ("a\x00b", "a\N{REPLACEMENT CHARACTER}b"),
        ("x" * 500, "x" * 200),
        ({**BOUND, "title": ""}, "issue_refund"),
        ({**BOUND, "title": " "}, "Ask them asks"),
        (changed(SNAKE, "action_requests", [{"name": "___", "args": MAIL}]), "Ask them asks"),
        (PAUSE, "Paused before act, tell"),
    ],
)
def test_a_title_is_the_first_thing_a_person_would_read(value: Any, title: str) -> None:
    assert read(value).title == title


def test_words_the_graph_is_not_told_are_known_beforehand() -> None:
    assert read(REQUEST).item.silent == (Verdict.REJECT,)
    assert read("ok?").item.silent == (Verdict.APPROVE, Verdict.REJECT)
    assert read(SNAKE).item.silent == ()


def test_an_answer_shares_nothing_with_the_question() -> None:
    request = deepcopy(REQUEST)

    answered(read(request), APPROVE)[0]["args"]["args"]["amount"] = 1

    assert request == REQUEST
