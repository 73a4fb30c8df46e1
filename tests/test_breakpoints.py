"""Static breakpoints: a thread stops at each of them for a person, whatever is doubled, killed or late."""

import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from approvals import decisions, threads
from approvals.models import Interrupt, InterruptStatus, Thread, ThreadStatus, Verdict
from approvals.opened import checkpointer
from chains.editing import Edit, edit_state
from chains.forking import fork
from chains.heads import PAUSE_ID, PAUSE_MARK, Head, HeadStatus, Pending, read_head
from chains.registry import BrokenChain, Chain, Registry
from chains.runner import Outcome, Work, advance
from tests.breakpoint_desk import Desk
from tests.conftest import Cast, open_question, work_off
from tests.graphs import awkward
from tests.test_main_job import ballot

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def desk(tmp_path: Path) -> Callable[[str], Desk]:
    return lambda name: Desk(name, tmp_path)


def pause(outcome: Outcome | Head) -> Pending:
    head = outcome if isinstance(outcome, Head) else outcome.head
    (pending,) = head.pending
    assert head.status is HeadStatus.WAITING
    assert pending.is_pause
    assert pending.interrupt_id.endswith(head.checkpoint_id)
    return pending


def test_a_breakpoint_asks_on_the_state_it_stopped_at(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")

    asked = pause(thread.run())

    assert asked.value == {
        PAUSE_MARK: 1,
        "before": ["pay"],
        "next": ["pay"],
        "state": {"effects": str(thread.effects), "amount": 40, "log": ["prepare"]},
    }
    assert (asked.node, asked.namespace, asked.response_schema) == ("pay", "", None)
    assert pause(thread.head()) == asked


def test_each_breakpoint_needs_an_answer_of_its_own(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")
    first = pause(thread.run())

    second = pause(thread.run(first))
    assert second.value["before"] == ["notify"]
    assert pause(thread.run(first)) == second  # the same doorbell, rung again
    assert thread.lines == ["prepare", "pay"]

    assert thread.run(first, second).head.status is HeadStatus.FINISHED
    assert thread.lines == ["prepare", "pay", "notify"]


def test_nothing_but_an_answer_about_these_very_bytes_goes_on(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")
    asked = pause(thread.run())
    with thread.graph() as graph:
        other = {(asked.interrupt_id, "0" * 64): True, ("pause-other", asked.sha256): True}
        assert pause(advance(graph, thread.thread_id, Work("1", answers=other))) == asked

    assert thread.lines == ["prepare"]


def test_an_answer_that_is_not_yes_holds_the_thread_back(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")
    asked = pause(thread.run())

    for answer in (False, None, "yes", {"verdict": "reject"}):
        outcome = thread.run(asked, say=answer)
        assert outcome.failure is not None
        assert "did not let the graph go on" in outcome.failure.message
    assert thread.lines == ["prepare"]


def test_a_process_killed_on_its_way_to_a_breakpoint_is_not_carried_past_it(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")
    thread.killed(dies_after_step=1)

    assert pause(thread.run()).value["before"] == ["pay"]
    assert thread.lines == ["prepare"]


def test_a_process_killed_before_any_breakpoint_carries_on_to_it(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")
    thread.killed(dies="prepare")

    assert pause(thread.run()).value["before"] == ["pay"]
    assert thread.lines == ["prepare", "prepare"]


def test_a_node_killed_after_its_breakpoint_is_carried_on_by_the_same_answer(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")
    with thread.graph() as graph:
        first = {"effects": str(thread.effects), "dies": "pay", "log": []}
        asked = pause(advance(graph, thread.thread_id, Work("1", first=first)))
    thread.killed(asked)
    assert thread.lines == ["prepare", "pay"]

    assert pause(thread.head()) == asked
    assert pause(thread.run()) == asked
    assert pause(thread.run(asked)).value["before"] == ["notify"]
    assert thread.lines == ["prepare", "pay", "pay"]


def test_a_step_of_which_one_node_has_finished_is_not_asked_about_again(
    desk: Callable[[str], Desk], tmp_path: Path
) -> None:
    thread = desk("side_by_side")
    asked = pause(thread.run())
    assert asked.value["next"] == ["notify", "pay"]
    with thread.graph() as graph:
        state = graph.get_state({"configurable": {"thread_id": thread.thread_id}})
        finished = next(task for task in state.tasks if task.name == "notify")
        graph.checkpointer.put_writes(state.config, [("log", ["notify"])], finished.id)

    assert thread.head().status is HeadStatus.UNFINISHED
    assert thread.run().head.status is HeadStatus.FINISHED
    assert thread.lines == ["prepare", "pay"]


def test_a_breakpoint_behind_a_node_asks_once_it_has_run(desk: Callable[[str], Desk]) -> None:
    thread = desk("after")

    asked = pause(thread.run())
    assert (asked.value["after"], asked.value["next"], asked.node) == (["prepare"], ["pay"], "pay")
    assert "before" not in asked.value

    assert thread.run(asked).head.status is HeadStatus.FINISHED
    assert thread.lines == ["prepare", "pay", "notify"]


def test_a_process_killed_right_behind_a_node_with_a_breakpoint_asks(desk: Callable[[str], Desk]) -> None:
    thread = desk("after")
    thread.killed(dies_after_step=1)

    assert pause(thread.run()).value["after"] == ["prepare"]
    assert thread.lines == ["prepare"]


def test_a_star_stops_before_every_node(desk: Callable[[str], Desk]) -> None:
    thread = desk("everywhere")
    outcome = thread.run()

    stopped_at = []
    while outcome.head.status is HeadStatus.WAITING:
        stopped_at.append(pause(outcome).node)
        outcome = thread.run(pause(outcome))

    assert stopped_at == ["prepare", "pay", "notify"]


@pytest.mark.parametrize("name", ["before", "after"])
def test_an_edit_at_a_breakpoint_is_asked_about_anew(desk: Callable[[str], Desk], name: str) -> None:
    thread = desk(name)
    asked = pause(thread.run())
    with thread.graph() as graph:
        head = read_head(graph, thread.thread_id)
        edited = edit_state(graph, thread.thread_id, Work("e"), Edit({"amount": 50}), expected=head.checkpoint_id)

    again = pause(edited)
    assert again.value["state"]["amount"] == 50
    assert pause(thread.run(asked)) == again
    assert thread.run(again).head.checkpoint_id != again.interrupt_id


@pytest.mark.parametrize("name", ["before", "after"])
def test_a_thread_taken_back_to_a_breakpoint_is_asked_about_anew(desk: Callable[[str], Desk], name: str) -> None:
    thread = desk(name)
    asked = pause(thread.run())
    thread.run(asked)
    with thread.graph() as graph:
        work = Work("f", answers={asked.key: True})
        fork(graph, thread.thread_id, work, asked.interrupt_id.removeprefix(PAUSE_ID))
        again = pause(advance(graph, thread.thread_id, work))

    assert again.interrupt_id != asked.interrupt_id
    assert again.value == asked.value
    assert pause(thread.run(asked)) == again


def test_asking_again_does_not_pass_a_breakpoint(desk: Callable[[str], Desk]) -> None:
    thread = desk("before")
    asked = pause(thread.run())

    assert pause(thread.run(ask_again_at=thread.head().checkpoint_id)) == asked
    assert thread.lines == ["prepare"]


def test_a_breakpoint_inside_a_subgraph_is_refused_in_words() -> None:
    found = Registry({"outer": "tests.graphs.stopping:outer"}, {})

    with pytest.raises(BrokenChain, match="static breakpoint inside its subgraph inside"):
        found.compile("outer")


def test_a_question_behind_a_breakpoint_is_asked_after_it(tmp_path: Path) -> None:
    asking = awkward.picky.compile(interrupt_before=["only"])
    found = Registry({}, {})
    found._chains["asking"] = Chain(name="asking", title="Asking", build=lambda context: asking)
    thread_id = str(uuid.uuid4())
    with checkpointer().hold(thread_id) as holding:
        graph = found.compile("asking", holding.saver)
        stopped = pause(advance(graph, thread_id, Work("1", first={"log": []})))
        (question,) = advance(graph, thread_id, Work("2", answers={stopped.key: True})).head.pending
        assert (question.is_pause, question.value) == (False, "How many?")
        failed = advance(graph, thread_id, Work("3", answers={question.key: "a few"}))
        assert failed.failure is not None
        again = advance(graph, thread_id, Work("4", ask_again_at=failed.head.checkpoint_id)).head
        assert [pending.value for pending in again.pending] == ["How many?"]


def test_people_decide_at_a_breakpoint_as_they_do_on_a_question(cast: Cast, tmp_path: Path) -> None:
    effects = tmp_path / "effects"
    thread = threads.submit(cast.rita, "stopping", {"effects": str(effects), "log": []})
    work_off(thread)
    question = open_question(thread)
    assert question.value["before"] == ["pay"]

    decisions.decide(cast.alice, question.id, ballot(question, Verdict.APPROVE))
    work_off(thread)
    second = open_question(thread)
    decisions.decide(cast.bob, second.id, ballot(second, Verdict.APPROVE))
    work_off(thread)

    assert Thread.objects.get(id=thread.id).status == ThreadStatus.DONE
    assert effects.read_text().splitlines() == ["prepare", "pay", "notify"]
    assert {row.status for row in Interrupt.objects.filter(thread=thread)} == {InterruptStatus.APPLIED}
