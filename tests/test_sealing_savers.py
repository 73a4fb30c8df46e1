"""Sealed checkpoints show nothing of what a thread holds, and work as they do unsealed."""

from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.memory import InMemorySaver

from chains.asking import Verdict
from chains.checkpointers.sealing import Keys
from chains.runner import advance
from chains.snapshots.lean import lean
from tests.prompt_desk import MARTA, Desk
from tests.sealing_desk import (
    CANARY,
    SOUGHT,
    THREAD,
    Store,
    answered,
    counting_graph,
    drop_store,
    found_in,
    graph_on,
    key_text,
    open_store,
    sealed,
    told,
    walk,
    work,
)
from tests.test_saver_conformance import METHODS, awaited
from tests.waiting import run_apart

KEYS = Keys.parse(key_text("one"))


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = open_store(request.param, tmp_path)
    yield made
    drop_store(made)


def test_nothing_of_a_thread_can_be_read_in_any_table(store: Store) -> None:
    outcome = walk(graph_on(store.saver(KEYS)))

    assert outcome.head.pending, "the walk ends at the question again"
    assert found_in(store.everything()) == set()


def test_the_search_finds_everything_where_nothing_is_sealed(store: Store) -> None:
    walk(graph_on(store.saver(None)))

    assert found_in(store.everything()) == set(SOUGHT)


def test_every_step_reads_back_as_it_does_unsealed(store: Store) -> None:
    graph = graph_on(store.saver(KEYS))
    walk(graph)
    twin = graph_on(InMemorySaver())
    walk(twin)

    assert told(graph) == told(twin)
    assert CANARY["reason"] in str(told(graph))


def test_the_chain_that_comes_with_holdpoint_runs_sealed(store: Store) -> None:
    desk = Desk(saver=store.saver(KEYS))
    desk.ask(f"{MARTA} {CANARY['input']}")
    desk.answer(Verdict.RESPOND, message=CANARY["answer"])
    desk.answer(Verdict.APPROVE)

    dump = store.everything()
    assert CANARY["input"] in str(desk.state["messages"])
    assert not desk.is_waiting
    assert [word for word in (b"canary", b"Marta", b"40.00", b"Nadia", b"Priya") if word in dump] == []


def test_a_yes_is_stored_as_long_as_a_no_and_as_nothing() -> None:
    seal = sealed(KEYS)

    assert len({len(seal.dumps_typed(value)[1]) for value in (True, False, None, 0, 7, "approve", "reject")}) == 1


def test_a_sealed_saver_conforms(store: Store) -> None:
    saver = awaited(store.saver(KEYS))
    capable = METHODS if store.kind == "postgresql" else tuple(name for name in METHODS if name != "prune")

    async def opened() -> AsyncGenerator[BaseCheckpointSaver[Any], None]:
        yield saver

    report = run_apart(validate(checkpointer_test(name="sealed")(opened), capabilities=set(capable)))

    assert [line for result in report.results.values() for line in result.failures] == []
    assert {name: report.results[name].passed for name in capable} == dict.fromkeys(capable, True)


def test_only_the_newest_is_left_by_pruning_and_goes_on(tmp_path: Path) -> None:
    store = open_store("postgresql", tmp_path)
    graph = graph_on(store.saver(KEYS))
    outcome = walk(graph)

    store.saver(KEYS).prune([THREAD])
    resumed = answered(graph, "run-9", outcome, "yes")
    assert (len(told(graph)) > 1, len(resumed.head.pending)) == (True, 1)
    drop_store(store)


def test_what_was_sealed_of_metadata_can_be_asked_for(store: Store) -> None:
    saver = store.saver(KEYS)
    walk(graph_on(saver))
    config: Any = {"configurable": {"thread_id": THREAD, "checkpoint_ns": ""}}

    by_person = list(saver.list(config, filter={"holdpoint_by": CANARY["person"], "source": "update"}))
    assert [found.metadata["source"] for found in by_person] == ["update", "update"]
    assert len(list(saver.list(config, filter={"holdpoint_by": CANARY["person"]}, limit=3))) == 3
    assert list(saver.list(config, filter={"holdpoint_by": "somebody else"})) == []
    assert len(list(saver.list(None))) > len(by_person)


def test_a_listing_without_long_values_reads_sealed_checkpoints(tmp_path: Path) -> None:
    store = open_store("postgresql", tmp_path)
    saver = store.saver(KEYS)
    graph = graph_on(saver)
    advance(graph, THREAD, work("run-1", first={"text": "short"}))
    head = saver.get_tuple({"configurable": {"thread_id": THREAD, "checkpoint_ns": ""}})
    assert head is not None
    saver.put_writes(head.config, [("words", ["long" * 1000]), ("text", "short")], "task", "path")

    (found, *_) = list(lean(saver).list(head.config))
    assert [value for task, _, value in found.pending_writes or [] if task == "task"] == [None, "short"]
    assert dict(found.metadata)["holdpoint_by"] == CANARY["person"]
    drop_store(store)


def test_a_channel_of_differences_is_rebuilt_from_sealed_ones(store: Store) -> None:
    graph = counting_graph(store.saver(KEYS))
    config: Any = {"configurable": {"thread_id": THREAD}}
    for _ in range(7):
        graph.invoke({"log": [CANARY["words"]]}, config)

    assert graph.get_state(config).values["log"] == [CANARY["words"], "seen"] * 7
    assert found_in(store.everything()) == set()


def test_many_threads_may_seal_and_open_at_once() -> None:
    seal = sealed(KEYS)
    values = [{"n": number, "text": "x" * number * 50} for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(seal.dumps_typed, values * 4))
        assert list(pool.map(seal.loads_typed, stored)) == values * 4
    assert len({blob[:12] for _, blob in stored}) == len(stored)
