"""Every format, in a real graph: it pauses, the answer is built, and the node receives exactly these bytes."""

import json
from typing import Any

import pytest

from chains.asking import Verdict
from chains.canonical import canonical_bytes
from chains.questions import BadAnswer, Kind, Reply
from tests.chain_desk import REVIEWER, ChainDesk
from tests.graphs import agents, formats
from tests.graphs.catalogue import GRAPHS
from tests.graphs.formats import MAIL, REFUND

APPROVE, REJECT = Reply(Verdict.APPROVE), Reply(Verdict.REJECT)
REASON = Reply(Verdict.REJECT, message="Not «this» one. \N{WAVING HAND SIGN}")
WORDS = Reply(Verdict.RESPOND, message="Ask Marta first.")
CHEAPER = {**REFUND, "amount": 39.5}
EDIT = Reply(Verdict.EDIT, CHEAPER)
SENT_BACK = {"action": "issue_refund", "args": REFUND}


def value(answer: Any) -> Reply:
    return Reply(Verdict.RESPOND, answer)


# graph, one reply for each item, what its node was resumed with
SINGLE: list[tuple[str, list[Reply], list[Any]]] = [
    ("bound", [APPROVE], [["approve", REFUND, "", REVIEWER]]),
    ("bound", [EDIT], [["edit", CHEAPER, "", REVIEWER]]),
    ("bound", [REASON], [["reject", REFUND, REASON.message, REVIEWER]]),
    ("bound", [WORDS], [["respond", REFUND, WORDS.message, REVIEWER]]),
    ("bound_narrow", [APPROVE], [["approve", MAIL, "", REVIEWER]]),
    ("legacy_object", [APPROVE], [[{"type": "accept", "args": SENT_BACK}]]),
    ("legacy_object", [EDIT], [[{"type": "edit", "args": {"action": "issue_refund", "args": CHEAPER}}]]),
    ("legacy_object", [WORDS], [[{"type": "response", "args": WORDS.message}]]),
    ("legacy_object", [REASON], [[{"type": "ignore", "args": None}]]),
    ("legacy_list", [APPROVE], [[{"type": "accept", "args": SENT_BACK}]]),
    ("legacy_list", [EDIT], [[{"type": "edit", "args": {"action": "issue_refund", "args": CHEAPER}}]]),
    (
        "legacy_several",
        [APPROVE, REJECT],
        [[{"type": "accept", "args": SENT_BACK}, {"type": "ignore", "args": None}]],
    ),
    ("legacy_text", [EDIT], [[{"type": "edit", "args": {"action": "issue_refund", "args": CHEAPER}}]]),
    ("legacy_text_list", [APPROVE], [[{"type": "accept", "args": {"action": "send_mail", "args": MAIL}}]]),
    (
        "batch_snake",
        [EDIT, REASON, REJECT],
        [
            {
                "decisions": [
                    {"type": "edit", "edited_action": {"name": "issue_refund", "args": CHEAPER}},
                    {"type": "reject", "message": REASON.message},
                    {"type": "reject"},
                ]
            }
        ],
    ),
    (
        "batch_snake",
        [WORDS, APPROVE, EDIT],
        [
            {
                "decisions": [
                    {"type": "respond", "message": WORDS.message},
                    {"type": "approve"},
                    {"type": "edit", "edited_action": {"name": "issue_refund", "args": CHEAPER}},
                ]
            }
        ],
    ),
    (
        "batch_camel",
        [EDIT, APPROVE],
        [
            {
                "decisions": [
                    {"type": "edit", "editedAction": {"name": "issue_refund", "args": CHEAPER}},
                    {"type": "approve"},
                ]
            }
        ],
    ),
    ("batch_broken", [value({"decisions": []})], [{"decisions": []}]),
    ("schema_dict", [value({"street": "Hauptstraße 1", "floor": 2})], [{"street": "Hauptstraße 1", "floor": 2}]),
    ("schema_model", [value({"colour": "red", "pieces": 10})], ["Choice", {"colour": "red", "pieces": 10}]),
    ("breakpoint_before", [APPROVE], ["worked", "worked"]),
    ("breakpoint_after", [APPROVE], ["worked", "worked"]),
    ("in_subgraph", [APPROVE], [["inner", [{"type": "accept", "args": SENT_BACK}]]]),
]


@pytest.mark.parametrize(("name", "replies", "received"), SINGLE)
def test_a_node_receives_exactly_what_was_answered(name: str, replies: list[Reply], received: list[Any]) -> None:
    desk = ChainDesk(name)

    desk.answer(*replies)

    assert desk.outcome.failure is None
    assert desk.is_finished
    assert desk.log == canonical_bytes(received)


def test_every_graph_of_the_catalogue_can_be_registered_and_stops_to_ask() -> None:
    kinds = set()
    for name, _ in GRAPHS:
        desk = ChainDesk(name)
        assert desk.outcome.failure is None, name
        assert desk.questions, name
        kinds |= {question.kind for question in desk.questions}

    assert kinds == set(Kind)


def test_several_questions_of_one_node_are_answered_one_after_the_other_in_any_type() -> None:
    desk = ChainDesk("free")
    said = ["null", "true", "-7", "40.0", "plain words", '["a", {"b": null}]', '"7"']
    expected = [None, True, -7, 40.0, "plain words", ["a", {"b": None}], "7"]

    for asked, words in zip(formats.FREE, said, strict=True):
        (question,) = desk.questions
        assert question.kind is Kind.OPEN
        assert canonical_bytes(question.item.arguments) == canonical_bytes(asked)
        desk.answer(Reply(Verdict.RESPOND, message=words))

    assert desk.is_finished
    assert desk.log == canonical_bytes(expected)


def test_a_plain_yes_and_no_are_true_and_false() -> None:
    desk = ChainDesk("free")

    for reply in (APPROVE, REJECT, APPROVE, REJECT, APPROVE, REJECT, APPROVE):
        desk.answer(reply)

    assert desk.log == canonical_bytes([True, False, True, False, True, False, True])


def test_parallel_questions_of_different_formats_are_answered_together() -> None:
    desk = ChainDesk("parallel_formats")
    replies: dict[Kind, list[Reply]] = {
        Kind.BATCH: [APPROVE, APPROVE, REJECT],
        Kind.LEGACY: [EDIT],
        Kind.OPEN: [REJECT],
    }

    desk.answer(*[reply for question in desk.questions for reply in replies[question.kind]])

    assert desk.is_finished
    batch = {"decisions": [{"type": "approve"}, {"type": "approve"}, {"type": "reject"}]}
    legacy = [{"type": "edit", "args": {"action": "issue_refund", "args": CHEAPER}}]
    assert sorted(desk.values["log"], key=str) == sorted(
        [["batch", batch], ["legacy", legacy], ["plain", False]], key=str
    )


@pytest.mark.parametrize("name", ["fan_out", "in_subgraphs"])
def test_questions_side_by_side_may_be_answered_one_by_one_in_any_order(name: str) -> None:
    desk = ChainDesk(name)
    first, second, third = desk.pending

    for pending in (second, third, first):
        assert not desk.is_finished
        desk.answer_one(pending, Reply(Verdict.RESPOND, message=f"for {pending.sha256}"))

    assert desk.is_finished
    received = {said for _, said in desk.values["log"]}
    assert received == {f"for {pending.sha256}" for pending in (first, second, third)}
    by_item = dict(desk.values["log"])
    assert len(by_item) == 3
    if name == "fan_out":
        assert by_item["lamp"] == f"for {pending_about('lamp', first, second, third).sha256}"


def pending_about(item: str, *pendings: Any) -> Any:
    return next(pending for pending in pendings if item in pending.payload.decode())


REFUND_CALL = agents.REFUND
CHEAPER_CALL = {**REFUND_CALL, "amount": 39, "urgent": True}
RUN_AS_ASKED = ("success", canonical_bytes({**REFUND_CALL, "urgent": False}).decode())
RUN_CHEAPER = ("success", canonical_bytes(CHEAPER_CALL).decode())
DELETED = ("success", "deleted /tmp/grüße")


@pytest.mark.parametrize("name", ["agent_batched", "agent_per_call"])
@pytest.mark.parametrize(
    ("refund", "deletion", "refunded", "deleted"),
    [
        (APPROVE, APPROVE, RUN_AS_ASKED, DELETED),
        (Reply(Verdict.EDIT, CHEAPER_CALL), APPROVE, RUN_CHEAPER, DELETED),
        (
            REASON,
            REJECT,
            ("error", f"User rejected the tool call for `issue_refund` with reason: {REASON.message}"),
            (
                "error",
                "User rejected the tool call for `delete_file` with id call-3. The tool was not executed. "
                "Do not retry this tool call unless the user explicitly requests it.",
            ),
        ),
        (WORDS, APPROVE, ("success", WORDS.message), DELETED),
    ],
)
def test_an_agent_runs_its_tools_as_was_decided(
    name: str, refund: Reply, deletion: Reply, refunded: tuple[str, str], deleted: tuple[str, str]
) -> None:
    desk = ChainDesk(name)
    by_action = {"issue_refund": refund, "delete_file": deletion}

    desk.answer(*[by_action[item.action] for question in desk.questions for item in question.items])

    assert desk.outcome.failure is None
    assert desk.is_finished
    assert desk.tool_results == {
        "issue_refund": refunded,
        "delete_file": deleted,
        "look_up": ("success", "found ORD-48213"),
    }


def test_calls_asked_about_one_by_one_are_answered_one_by_one() -> None:
    desk = ChainDesk("agent_per_call")
    refund = next(pending for pending in desk.pending if pending.value["name"] == "issue_refund")
    deletion = next(pending for pending in desk.pending if pending is not refund)

    desk.answer_one(deletion, REASON)
    (left,) = desk.pending
    assert left.key == refund.key
    desk.answer_one(left, Reply(Verdict.EDIT, CHEAPER_CALL))

    assert desk.is_finished
    assert desk.tool_results["issue_refund"] == RUN_CHEAPER
    assert desk.tool_results["delete_file"][0] == "error"


def test_a_call_with_a_single_way_to_answer_is_answered_that_way() -> None:
    asking, editing = ChainDesk("agent_per_call_one_way"), ChainDesk("agent_per_call_edit")

    asking.answer(Reply(Verdict.RESPOND, message="Green."))
    editing.answer(Reply(Verdict.EDIT, CHEAPER_CALL))

    assert asking.tool_results == {"ask_user": ("success", "Green.")}
    assert editing.tool_results == {"issue_refund": RUN_CHEAPER}


@pytest.mark.parametrize("name", ["agent_batched", "agent_per_call", "agent_per_call_edit"])
@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        ({**REFUND_CALL, "amount": "39"}, "amount"),
        ({**REFUND_CALL, "amount": 39.5}, "amount"),
        ({**REFUND_CALL, "lines": [{"sku": "L-1"}]}, "lines.0"),
        ({**REFUND_CALL, "urgend": True}, "urgend"),
        ({"order": "ORD-48213"}, ""),
        ([REFUND_CALL], ""),
        (None, ""),
    ],
)
def test_an_edit_that_its_tool_would_refuse_never_reaches_the_agent(name: str, arguments: Any, path: str) -> None:
    desk = ChainDesk(name)
    asked = next(pending for pending in desk.pending if "issue_refund" in pending.payload.decode())
    replies = [Reply(Verdict.EDIT, arguments), APPROVE][: len(desk.read(asked).items)]

    with pytest.raises(BadAnswer) as refused:
        desk.built(asked, *replies)

    assert refused.value.path == path
    assert refused.value.item == 0


def test_the_tools_of_an_agent_tell_what_may_be_edited() -> None:
    desk = ChainDesk("agent_batched")
    (question,) = desk.questions

    assert set(desk.tools) == {"issue_refund", "delete_file", "look_up", "ask_user"}
    assert question.item.schema == desk.tools["issue_refund"]
    assert json.loads(json.dumps(question.item.schema))["required"] == ["order", "amount", "lines"]
