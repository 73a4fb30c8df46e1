"""Whatever somebody answers: the graph gets exactly that, or nothing happened and the question is still open.

`EXAMPLES=2000 python -m pytest tests/test_any_answer.py` tries more.
"""

import os
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, event, given, note, settings
from hypothesis import strategies as st

from approvals import decisions, inspection, threads
from approvals.ballots import Ballot, Seen
from approvals.inspection import BadAnswer, Item, Reply
from approvals.models import Decision, Interrupt, InterruptStatus, Thread, ThreadStatus, Verdict
from chains.canonical import canonical_bytes
from tests.conftest import Cast, open_question, work_off
from tests.graphs.catalogue import GRAPHS

EXAMPLES = int(os.environ.get("EXAMPLES", "200"))
# Their log holds what interrupt() returned and nothing else.
PLAIN = {"batch_snake", "batch_camel", "batch_broken", "free", "schema_dict"}
PLAIN |= {"legacy_object", "legacy_list", "legacy_several", "legacy_text", "legacy_text_list"}
MOST_STEPS = 9
VERDICTS = [Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT, Verdict.RESPOND]

texts = st.one_of(
    st.sampled_from(
        ["", " ", "No.", "null", "[]", "007", '{"a": 1}', "NaN", "\x00", "\ud800", '"\\ud800"', "[" * 3_000]
    ),
    st.sampled_from(["1e400", "9" * 400, '{"a": 1, "a": 2}', "x" * 4_001, "‮evil", '{"__root__": {}}', "true "]),
    st.text(max_size=20),
)
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-5, 50), st.floats(allow_nan=True), st.text(max_size=8)
)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)


@st.composite
def edits(draw: st.DrawFn, arguments: Any) -> Any:
    """What was proposed with one value changed, left out or added; now and then something else entirely."""
    if not isinstance(arguments, dict) or not arguments or draw(st.integers(0, 5)) == 0:
        return draw(st.one_of(values, st.just({"street": "Here", "floor": 3}), st.just({"colour": "red", "pieces": 2})))
    key = draw(st.sampled_from([*sorted(arguments), "extra", "amount"]))
    changed = {**arguments, key: draw(st.one_of(st.integers(0, 100), values))}
    return changed if draw(st.integers(0, 4)) else {name: value for name, value in arguments.items() if name != key}


@st.composite
def replies(draw: st.DrawFn, item: Item, *, sensibly: bool) -> Reply:
    allowed = [Verdict(verdict.value) for verdict in item.allowed]
    verdict = draw(st.sampled_from(allowed if sensibly else VERDICTS))
    wants = verdict == Verdict.EDIT or (verdict == Verdict.RESPOND and item.schema is not None)
    arguments = draw(edits(item.arguments)) if wants or (not sensibly and draw(st.booleans())) else None
    return Reply(verdict, arguments, draw(texts))


@st.composite
def ballots(draw: st.DrawFn, question: Interrupt, items: Sequence[Item]) -> Ballot:
    sensibly = draw(st.integers(0, 3)) > 0
    said = [draw(replies(item, sensibly=sensibly)) for item in items]
    said = said if sensibly else said[: draw(st.integers(0, len(said)))] or [*said, said[0]]
    seen = Seen(question.interrupt_id, question.checkpoint_id, question.payload_sha256)
    if len(items) == 1 and draw(st.booleans()):
        return Ballot(said[0].verdict, seen, arguments=said[0].arguments, note=said[0].message)
    return Ballot.of_parts(said, seen, note=draw(st.sampled_from(["", "For the record."])), key=str(uuid.uuid4()))


@pytest.mark.timeout(3600)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data(), chain=st.sampled_from([name for name, _ in GRAPHS]))
def test_an_answer_arrives_as_it_was_given_or_nothing_happened(cast: Cast, data: st.DataObject, chain: str) -> None:
    start = {"messages": [{"role": "user", "content": "Go."}]} if chain.startswith("agent") else {"log": []}
    thread = threads.submit(cast.rita, chain, start)
    work_off(thread)
    for _ in range(MOST_STEPS):
        question = Interrupt.objects.open().filter(thread=thread).order_by("created_at").first()
        if question is None:
            break
        items = inspection.question_of(question).items
        _try(cast, thread, question, data.draw(ballots(question, items)))
    _check(thread, chain)


def _try(cast: Cast, thread: Thread, question: Interrupt, ballot: Ballot) -> None:
    refusal = _refusal(cast, question, ballot)
    if refusal is not None:
        assert str(refusal).strip()
        question.refresh_from_db()
        assert question.is_open
        assert not question.votes.exists()
        return
    work_off(thread)
    thread.refresh_from_db()
    event(f"taken: {thread.status}")
    if thread.status == ThreadStatus.FAILED:
        note(f"failed: {thread.runs.latest('created_at').error_message}")
        _ask_again(cast, thread)


def _refusal(cast: Cast, question: Interrupt, ballot: Ballot) -> BadAnswer | None:
    try:
        decisions.decide(cast.alice, question.id, ballot)
    except BadAnswer as error:
        note(f"refused: {error}")
        event("refused")
        return error
    return None


def _ask_again(cast: Cast, thread: Thread) -> None:
    """A node may still refuse what fits its question: it can always be asked anew, and nothing of it is lost."""
    threads.ask_again(cast.oscar, thread.id, reason="The graph did not take it.")
    work_off(thread)
    thread.refresh_from_db()
    assert thread.status == ThreadStatus.PAUSED
    assert Interrupt.objects.open().filter(thread=thread).exists()


def _check(thread: Thread, chain: str) -> None:
    """The thread rests where people can do something about it, and the graph has what the record says."""
    thread.refresh_from_db()
    assert thread.status in {ThreadStatus.DONE, ThreadStatus.PAUSED}
    assert not thread.runs.live().exists()
    state = inspection.state_of(thread)
    assert state is not None
    if thread.status == ThreadStatus.DONE and chain in PLAIN:
        given = Decision.objects.filter(interrupt__thread=thread, applied_at__isnull=False).order_by("decided_at", "id")
        answers = [decision.answer for decision in given]
        assert [canonical_bytes(value) for value in _log(state)] == [canonical_bytes(value) for value in answers]
    decided = Interrupt.objects.filter(thread=thread, status=InterruptStatus.DECIDED)
    assert thread.status == ThreadStatus.PAUSED or not decided.exists()


def _log(state: Any) -> list[Any]:
    log = state.values["log"]
    return list(log)


@pytest.mark.parametrize(
    ("chain", "failing", "better"),
    [
        ("refusing_open", Reply(Verdict.APPROVE), Reply(Verdict.RESPOND, message="yes")),
        ("refusing_schema", Reply(Verdict.RESPOND, 7), Reply(Verdict.RESPOND, 8)),
        ("refusing_legacy", Reply(Verdict.APPROVE), Reply(Verdict.RESPOND, message="yes")),
        ("refusing_batch", Reply(Verdict.APPROVE), Reply(Verdict.REJECT, message="No.")),
        ("refusing_call", Reply(Verdict.APPROVE), Reply(Verdict.REJECT, message="No.")),
    ],
)
def test_a_question_whose_answer_the_node_fails_on_is_asked_again(
    cast: Cast, client: Client, chain: str, failing: Reply, better: Reply
) -> None:
    thread = threads.submit(cast.rita, chain, {"log": []})
    work_off(thread)
    first = open_question(thread)
    _say(cast, first, failing)
    work_off(thread)
    client.force_login(cast.oscar)
    page = f"/t/{thread.id}/"

    assert Thread.objects.get(id=thread.id).status == ThreadStatus.FAILED
    assert "An approval is not enough." in client.get(page).content.decode()
    assert "Ask again" in client.get(page).content.decode()
    assert client.post(f"{page}runs/", {"again": "1", "reason": "It wants more."}).status_code == 303
    work_off(thread)
    again = open_question(thread)
    assert (again.payload_sha256, again.kind) == (first.payload_sha256, first.kind)
    _say(cast, again, better)
    work_off(thread)

    assert Thread.objects.get(id=thread.id).status == ThreadStatus.DONE
    assert _log(inspection.state_of(thread)) == [Decision.objects.get(interrupt=again).answer]


def _say(cast: Cast, question: Interrupt, reply: Reply) -> None:
    parts = len(inspection.question_of(question).items)
    seen = Seen(question.interrupt_id, question.checkpoint_id, question.payload_sha256)
    decisions.decide(cast.alice, question.id, Ballot.of_parts([reply] * parts, seen))
