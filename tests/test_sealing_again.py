"""Sealing what is there already: for the first time, or with a new key. All of a thread or none of it."""

import itertools
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from chains.checkpointers.resealing import CannotReseal, WouldBeLost, keys_in_use, reseal_thread
from chains.checkpointers.sealing import Keys, NotSealed, SealBroken, Sealed, UnknownKey
from chains.heads import HeadStatus
from tests.sealing_desk import (
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
    told,
    walk,
)

OLD_TEXT, NEW_TEXT = key_text("old"), key_text("new")
OLD, NEW, BOTH = Keys.parse(OLD_TEXT), Keys.parse(NEW_TEXT), Keys.parse(f"{NEW_TEXT},{OLD_TEXT}")
OTHER = "0c4b8f6a-0000-4000-8000-00000000cafe"


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = open_store(request.param, tmp_path)
    yield made
    drop_store(made)


def test_a_thread_saved_before_sealing_was_on_is_sealed_and_goes_on(store: Store) -> None:
    outcome = walk(graph_on(store.saver(None)))
    before = told(graph_on(store.saver(None)))

    assert reseal_thread(store.saver(NEW), THREAD, plain_too=True) > 20

    graph = graph_on(store.saver(NEW))
    assert told(graph) == before
    assert answered(graph, "run-9", outcome, "yes").head.status is HeadStatus.WAITING
    store.shrink()
    assert found_in(store.everything()) == set()


def test_sealing_a_thread_twice_changes_nothing_the_second_time(store: Store) -> None:
    walk(graph_on(store.saver(None)))
    reseal_thread(store.saver(NEW), THREAD, plain_too=True)
    rows = store.everything()

    assert reseal_thread(store.saver(NEW), THREAD, plain_too=True) == 0
    assert reseal_thread(store.saver(BOTH), THREAD) == 0
    assert store.kind == "sqlite" or store.everything() == rows


def test_with_a_new_first_key_the_old_one_is_soon_not_needed(store: Store) -> None:
    walk(graph_on(store.saver(OLD)))
    before = told(graph_on(store.saver(OLD)))
    walk(graph_on(store.saver(BOTH)), OTHER)
    assert set(keys_in_use(store.saver(BOTH))) == {"old", "new"}
    assert told(graph_on(store.saver(BOTH))) == before

    rows = keys_in_use(store.saver(BOTH))["old"]
    assert reseal_thread(store.saver(BOTH), THREAD) == rows

    assert set(keys_in_use(store.saver(BOTH))) == {"new"}
    assert told(graph_on(store.saver(NEW))) == before


def test_what_is_not_sealed_is_counted_and_taken_only_when_asked(store: Store) -> None:
    walk(graph_on(store.saver(None)))
    before = told(graph_on(store.saver(None)))

    assert set(keys_in_use(store.saver(NEW))) == {""}
    with pytest.raises(NotSealed):
        reseal_thread(store.saver(NEW), THREAD)
    assert told(graph_on(store.saver(None))) == before


@pytest.mark.parametrize("table", ["values", "writes"])
def test_a_row_planted_in_a_sealed_thread_is_not_sealed_for_whoever_planted_it(store: Store, table: str) -> None:
    walk(graph_on(store.saver(OLD)))
    names = {"values": ("checkpoint_blobs", "blob"), "writes": ("checkpoint_writes", "blob")}
    in_sqlite = {"values": ("checkpoints", "checkpoint"), "writes": ("writes", "value")}
    name, column = (in_sqlite if store.kind == "sqlite" else names)[table]
    store.change(f"UPDATE {name} SET type = 'null', {column} = ?", b"")

    with pytest.raises(NotSealed):
        reseal_thread(store.saver(BOTH), THREAD)
    assert "new" not in keys_in_use(store.saver(BOTH))


def test_what_cannot_be_opened_leaves_a_thread_as_it_was(store: Store) -> None:
    walk(graph_on(store.saver(OLD)))
    before = told(graph_on(store.saver(OLD)))

    with pytest.raises(UnknownKey, match="'old'"):
        reseal_thread(store.saver(NEW), THREAD, plain_too=True)
    with pytest.raises(SealBroken):
        reseal_thread(store.saver(Keys.parse(f"{NEW_TEXT},{key_text('old')}")), THREAD, plain_too=True)

    assert told(graph_on(store.saver(OLD))) == before


def test_what_reads_back_differently_is_not_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    walk(graph_on(store.saver(None)))
    before = told(graph_on(store.saver(None)))
    sealing, turn = Sealed.seal, itertools.count()

    def careless(seal: Sealed, kind: str, data: bytes) -> tuple[str, bytes]:
        return sealing(seal, kind, data if next(turn) != 9 else data + b"\x00")

    monkeypatch.setattr(Sealed, "seal", careless)
    with pytest.raises(SealBroken):
        reseal_thread(store.saver(NEW), THREAD, plain_too=True)
    assert told(graph_on(store.saver(None))) == before


@pytest.mark.parametrize("seals", [2, 30])
def test_a_kill_in_the_middle_leaves_a_thread_as_it_was(store: Store, seals: int) -> None:
    walk(graph_on(store.saver(None)))
    before = told(graph_on(store.saver(None)))

    process = multiprocessing.get_context("spawn").Process(target=reseal_and_die, args=(store.kind, store.place, seals))
    process.start()
    process.join(60)

    assert process.exitcode == -signal.SIGKILL
    assert told(graph_on(store.saver(None))) == before
    assert reseal_thread(store.saver(NEW), THREAD, plain_too=True) > 20
    assert told(graph_on(store.saver(NEW))) == before


def reseal_and_die(kind: str, place: str, seals: int) -> None:
    """In a process of its own."""
    sealing, turn = Sealed.seal, itertools.count(1)

    def dying(self: Sealed, kind: str, data: bytes) -> tuple[str, bytes]:
        if next(turn) == seals:
            os.kill(os.getpid(), signal.SIGKILL)
        return sealing(self, kind, data)

    Sealed.seal = dying  # type: ignore[method-assign]
    reseal_thread(Store(kind, place, []).saver(NEW), THREAD, plain_too=True)


def test_snapshots_of_differences_stay_marked(store: Store) -> None:
    config: Any = {"configurable": {"thread_id": THREAD}}
    plain = counting_graph(store.saver(None))
    for _ in range(5):
        plain.invoke({"log": ["line"]}, config)

    reseal_thread(store.saver(NEW), THREAD, plain_too=True)

    graph = counting_graph(store.saver(NEW))
    graph.invoke({"log": ["line"]}, config)
    assert graph.get_state(config).values["log"] == ["line", "seen"] * 6


def test_a_plain_channel_without_a_version_is_not_lost_in_silence(tmp_path: Path) -> None:
    store = open_store("postgresql", tmp_path)
    walk(graph_on(store.saver(None)))
    store.change("UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{channel_values,stray}', '7')")

    with pytest.raises(WouldBeLost, match="The saved channel 'stray' has no version"):
        reseal_thread(store.saver(NEW), THREAD, plain_too=True)
    drop_store(store)


def test_checkpoints_of_other_savers_are_left_to_them() -> None:
    for act in (lambda saver: reseal_thread(saver, THREAD), keys_in_use):
        with pytest.raises(CannotReseal, match="InMemorySaver keeps checkpoints in its own way"):
            act(InMemorySaver())


def test_all_of_it_could_be_read_before(store: Store) -> None:
    walk(graph_on(store.saver(None)))

    assert found_in(store.everything()) == set(SOUGHT)
