"""The threads of the golden corpus: how a release makes each, and how every later one must be able to end it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from approvals import decisions, inspection, threads
from approvals.ballots import Ballot
from approvals.inspection import Edit, Reply
from approvals.models import Interrupt, Thread, Verdict
from tests.conftest import REQUEST, Cast, open_question, work_off
from tests.graphs import golden
from tests.support_desk import BOTH, MARTA
from tests.test_main_job import ballot, seen

MORE = "One more thing: please send the invoice again."
WRITTEN = "Dear Marta,\n\n40 € it is — “promised”."


@dataclass(frozen=True)
class Case:
    """`end` carries on with a thread as `make` leaves it. `keys` of the state are then compared with what the release
    that wrote the corpus made of the same thread: those that neither times nor new numbers are in.
    """

    make: Callable[[Cast], Thread]
    end: Callable[[Cast, Thread], None]
    keys: tuple[str, ...]


def _submitted(chain: str, values: Mapping[str, Any]) -> Callable[[Cast], Thread]:
    def make(cast: Cast) -> Thread:
        thread = threads.submit(cast.rita, chain, dict(values))
        work_off(thread)
        return thread

    return make


def _approve(cast: Cast, thread: Thread) -> None:
    """All that it asks, until it asks nothing."""
    while waiting := list(Interrupt.objects.open().filter(thread=thread).order_by("node")):
        for question in waiting:
            decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
        work_off(thread)


def _nothing(cast: Cast, thread: Thread) -> None:
    """It has ended."""


def _finished(cast: Cast) -> Thread:
    thread = ASKED(cast)
    _approve(cast, thread)
    return thread


def _decided(cast: Cast) -> Thread:
    """Edited by alice, and no worker has heard of it yet."""
    thread = ASKED(cast)
    question = open_question(thread)
    arguments = {**question.value["arguments"], "content": WRITTEN}
    decisions.decide(cast.alice, question.id, ballot(question, Verdict.EDIT, arguments=arguments))
    return thread


def _work_off(cast: Cast, thread: Thread) -> None:
    work_off(thread)


def _edited(cast: Cast) -> Thread:
    """Its question is gone, and nobody has resumed it."""
    thread = ASKED(cast)
    threads.edit_state(
        cast.oscar,
        thread.id,
        {"processed_content": _rewritten(thread)},
        seen_checkpoint_id=open_question(thread).checkpoint_id,
        reason="The draft missed the point.",
    )
    work_off(thread)
    return thread


def _resume(cast: Cast, thread: Thread) -> None:
    threads.carry_on(cast.oscar, thread.id, reason="Go on.")
    work_off(thread)
    _approve(cast, thread)


def _forked(cast: Cast) -> Thread:
    """It went back to before its question, with another text, and asks anew."""
    thread = ASKED(cast)
    steps = inspection.steps_of(thread)
    before = next(step.checkpoint_id for step in steps if "review" in _next(thread, step.checkpoint_id))
    edit = Edit({"processed_content": _rewritten(thread)})
    threads.replay(cast.oscar, thread.id, before, reason="Once more.", edit=edit)
    work_off(thread)
    return thread


def _talked(cast: Cast) -> Thread:
    """Its second turn waits."""
    thread = _finished(cast)
    threads.send_message(cast.rita, thread.id, {"request": MORE})
    work_off(thread)
    return thread


def _decide_batch(cast: Cast, thread: Thread) -> None:
    question = open_question(thread)
    refund, _ = question.value["action_requests"]
    changed = Reply(Verdict.EDIT, arguments={**refund["args"], "amount": "12.50"})
    parts = Ballot.of_parts([changed, Reply(Verdict.REJECT, message="No letter yet.")], seen(question))
    decisions.decide(cast.alice, question.id, parts)
    work_off(thread)
    _approve(cast, thread)


def _retry(cast: Cast, thread: Thread) -> None:
    """The line is up again."""
    golden.line["up"] = True
    try:
        threads.carry_on(cast.oscar, thread.id, reason="The line is up.")
        work_off(thread)
    finally:
        golden.line["up"] = False


def _rewritten(thread: Thread) -> dict[str, Any]:
    form = inspection.state_form(thread)
    assert form is not None
    return {**form.values["processed_content"], "content": WRITTEN}


def _next(thread: Thread, checkpoint_id: str) -> tuple[str, ...]:
    state = inspection.state_of(thread, checkpoint_id=checkpoint_id)
    return state.next if state else ()


ASKED = _submitted("prompt_chain", {"request": REQUEST})
OF_PROMPT_CHAIN = ("final_response", "analysis", "processed_content")

CASES = {
    "prompt_chain_paused": Case(ASKED, _approve, OF_PROMPT_CHAIN),
    "prompt_chain_finished": Case(_finished, _nothing, OF_PROMPT_CHAIN),
    "prompt_chain_decided": Case(_decided, _work_off, OF_PROMPT_CHAIN),
    "prompt_chain_edited": Case(_edited, _resume, OF_PROMPT_CHAIN),
    "prompt_chain_forked": Case(_forked, _approve, OF_PROMPT_CHAIN),
    "prompt_chain_talked": Case(_talked, _approve, OF_PROMPT_CHAIN),
    "support_agent_paused": Case(_submitted("support_agent", {**MARTA, "message": BOTH}), _decide_batch, ()),
    "subgraph_paused": Case(_submitted("golden_nested", {}), _approve, ("log",)),
    "parallel_paused": Case(_submitted("golden_beside", {}), _approve, ("log",)),
    "bound_paused": Case(_submitted("golden_bound", {}), _approve, ("log",)),
    "typed_paused": Case(_submitted("golden_typed", {}), _approve, ("log", "order", "stamp")),
    "failed": Case(_submitted("golden_failing", {}), _retry, ("log",)),
}
