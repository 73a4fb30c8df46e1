"""A worker whose clock is behind goes on where one whose clock was right has stopped, and nothing runs twice."""

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from langgraph.checkpoint.base import id as checkpoint_ids
from langgraph.checkpoint.memory import InMemorySaver

from chains.editing import Edit, edit_state, preview_edit
from chains.forking import fork
from chains.heads import HeadStatus
from chains.ordering import come_after
from chains.registry import Graph
from chains.runner import Work, advance
from tests.graphs.editable import editable
from tests.graphs.slow import graph as slow
from tests.graphs.together import in_subgraph

HOURS = 3 * 3_600 * 10**9


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator["Clock"]:
    yield Clock(monkeypatch)
    checkpoint_ids._last_v6_timestamp = None


class Clock:
    """That of the machine on which LangGraph makes ids; a new machine remembers no earlier id."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._now = checkpoint_ids.time.time_ns
        self._monkeypatch = monkeypatch

    def on_another_machine(self, behind: int) -> None:
        self._monkeypatch.setattr(checkpoint_ids, "_last_v6_timestamp", None)
        self._monkeypatch.setattr(checkpoint_ids.time, "time_ns", lambda: self._now() - behind)


def test_a_worker_that_is_behind_carries_an_answer_out_once(clock: Clock, tmp_path: Path) -> None:
    graph, effects = slow.compile(checkpointer=InMemorySaver()), tmp_path / "effects"
    (question,) = advance(graph, "t", Work(run_id="1", first={"effects": str(effects)})).head.pending
    answer = {"verdict": "approve", "sha256": question.sha256}

    clock.on_another_machine(behind=HOURS)
    ended = advance(graph, "t", Work(run_id="2", answers={question.key: answer})).head

    assert (ended.status, ended.run_id) == (HeadStatus.FINISHED, "2")
    assert effects.read_text().splitlines().count("act 40") == 1


def test_what_a_subgraph_wrote_counts_too(clock: Clock) -> None:
    graph = in_subgraph.compile(checkpointer=InMemorySaver())
    head = advance(graph, "t", Work(run_id="1", first={})).head
    assert head.newest_id > head.checkpoint_id

    clock.on_another_machine(behind=HOURS)
    ended = advance(graph, "t", Work(run_id="2", answers={head.pending[0].key: "yes"})).head

    assert ended.status is HeadStatus.FINISHED


@pytest.mark.parametrize("act", ["edit", "replay"])
def test_an_edit_and_a_replay_on_such_a_machine_come_last(clock: Clock, act: str) -> None:
    graph = editable.compile(checkpointer=InMemorySaver())
    head = advance(graph, "t", Work(run_id="1", first={"amount": 900})).head
    clock.on_another_machine(behind=HOURS)

    if act == "edit":
        edit_state(graph, "t", Work(run_id="2"), Edit({"log": ["late"]}), expected=head.checkpoint_id)
    else:
        fork(graph, "t", Work(run_id="2"), head.checkpoint_id, Edit({"log": ["late"]}))

    assert graph.get_state({"configurable": {"thread_id": "t"}}).values["log"] == ["late"]


def test_a_page_on_such_a_machine_foresees_what_would_run(clock: Clock) -> None:
    graph: Graph = editable.compile(checkpointer=InMemorySaver())
    head = advance(graph, "t", Work(run_id="1", first={"amount": 900})).head
    clock.on_another_machine(behind=HOURS)

    preview = preview_edit(graph, "t", Edit({"amount": 1}, may_pass=True), expected=head.checkpoint_id)

    assert (preview.next, preview.skipped) == (("send",), ("review",))


@pytest.mark.parametrize("odd", ["", "not an id", "8a9e7c3e-0000-4000-8000-000000000000"])
def test_an_id_of_another_kind_moves_nothing(odd: str) -> None:
    before = checkpoint_ids._last_v6_timestamp

    come_after(odd)

    assert checkpoint_ids._last_v6_timestamp == before


def test_the_next_id_is_greater_than_the_one_that_was_seen(clock: Clock) -> None:
    seen = str(checkpoint_ids.uuid6())
    clock.on_another_machine(behind=HOURS)
    assert str(checkpoint_ids.uuid6()) < seen

    come_after(seen)

    assert str(UUID(str(checkpoint_ids.uuid6()))) > seen
