"""Rows of an archive and the seal: compared by what they hold, and sealed as they are written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from chains.checkpointers.opened_rows import as_written, is_as_kept, opened_sha256, seal_of
from chains.checkpointers.resealing import WouldBeLost, keys_in_use, reseal_thread
from chains.checkpointers.rows import form_of, put_rows, rows_of
from chains.checkpointers.sealing import Keys, NotSealed, SealBroken, UnknownKey
from chains.heads import HeadStatus
from tests.sealing_desk import (
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
)

OLD_TEXT, NEW_TEXT = key_text("old"), key_text("new")
OLD, NEW, BOTH = Keys.parse(OLD_TEXT), Keys.parse(NEW_TEXT), Keys.parse(f"{NEW_TEXT},{OLD_TEXT}")


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = open_store(request.param, tmp_path)
    yield made
    drop_store(made)


def rows(saver: Any) -> list[Any]:
    return list(rows_of(saver, THREAD))


def digest(saver: Any, found: list[Any]) -> str:
    return opened_sha256(THREAD, form_of(saver), found, seal_of(saver))


def return_to(saver: Any, found: list[Any]) -> None:
    put_rows(saver, THREAD, form_of(saver), as_written(saver, THREAD, form_of(saver), found))


def marks(found: list[Any]) -> list[Any]:
    return [
        json.loads(row["checkpoint"])["channel_values"].get("log") for table, row in found if table == "checkpoints"
    ]


def test_rows_in_the_clear_are_sealed_before_they_are_written(store: Store) -> None:
    outcome = walk(graph_on(store.saver(None)))
    before, found = told(graph_on(store.saver(None))), rows(store.saver(None))
    store.saver(None).delete_thread(THREAD)
    store.shrink()
    assert found_in(store.everything()) == set()

    saver = store.saver(NEW)
    return_to(saver, found)

    assert found_in(store.everything()) == set()
    assert set(keys_in_use(saver)) == {"new"}
    assert told(graph_on(saver)) == before
    assert digest(saver, rows(saver)) == digest(saver, found)
    assert answered(graph_on(saver), "run-9", outcome, "yes").head.status is HeadStatus.WAITING
    assert digest(saver, rows(saver)) != digest(saver, found)


def test_what_was_sealed_since_is_still_the_same(store: Store) -> None:
    walk(graph_on(store.saver(None)))
    clear = rows(store.saver(None))
    reseal_thread(store.saver(OLD), THREAD, plain_too=True)
    with_old = rows(store.saver(OLD))
    saver = store.saver(BOTH)
    reseal_thread(saver, THREAD)

    assert len({digest(saver, found) for found in (clear, with_old, rows(saver))}) == 1
    assert is_as_kept(saver, THREAD, form_of(saver), "another", lambda: digest(saver, clear))
    store.change("UPDATE checkpoints SET parent_checkpoint_id = ?", "another")
    assert not is_as_kept(saver, THREAD, form_of(saver), "another", lambda: digest(saver, clear))
    with pytest.raises(UnknownKey):
        digest(store.saver(NEW), with_old)


def test_snapshots_of_differences_come_back_marked(store: Store) -> None:
    config: Any = {"configurable": {"thread_id": THREAD}}
    plain = counting_graph(store.saver(None))
    for _ in range(5):
        plain.invoke({"log": ["line"]}, config)
    found = rows(store.saver(None))
    store.saver(None).delete_thread(THREAD)

    saver = store.saver(NEW)
    return_to(saver, found)

    if store.kind == "postgresql":
        assert marks(rows(saver)) == marks(found)
        assert True in marks(found)
    counting_graph(saver).invoke({"log": ["line"]}, config)
    assert counting_graph(saver).get_state(config).values["log"] == ["line", "seen"] * 6


def test_what_somebody_put_between_sealed_rows_is_not_sealed_for_them(store: Store) -> None:
    walk(graph_on(store.saver(OLD)))
    name, column = ("writes", "value") if store.kind == "sqlite" else ("checkpoint_writes", "blob")
    store.change(f"UPDATE {name} SET type = 'null', {column} = ?", b"")
    saver = store.saver(OLD)
    found = rows(saver)
    saver.delete_thread(THREAD)

    return_to(saver, found)

    assert rows(saver) == found
    with pytest.raises(NotSealed):
        told(graph_on(saver))


def test_rows_of_another_thread_are_not_taken_for_this_one(store: Store) -> None:
    walk(graph_on(store.saver(OLD)))
    saver = store.saver(OLD)

    with pytest.raises(SealBroken):
        opened_sha256("another", form_of(saver), rows(saver), seal_of(saver))


def test_a_plain_channel_without_a_version_is_not_lost_in_silence(tmp_path: Path) -> None:
    store = open_store("postgresql", tmp_path)
    walk(graph_on(store.saver(None)))
    store.change("UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{channel_values,stray}', '7')")

    with pytest.raises(WouldBeLost, match="The saved channel 'stray' has no version"):
        as_written(store.saver(NEW), THREAD, form_of(store.saver(NEW)), rows(store.saver(None)))
    drop_store(store)


def test_a_saver_of_another_make_gets_sealed_what_was_in_the_clear() -> None:
    clear = InMemorySaver()
    outcome = walk(graph_on(clear))
    saver = InMemorySaver(serde=sealed(NEW))

    return_to(saver, rows(clear))

    kept = repr([saver.storage, saver.blobs, saver.writes]).encode()
    assert found_in(repr([clear.storage, clear.blobs, clear.writes]).encode()) >= {"text", "message", "answer"}
    assert found_in(kept) == set()
    assert told(graph_on(saver)) == told(graph_on(clear))
    assert digest(saver, rows(saver)) == digest(saver, rows(clear))
    assert answered(graph_on(saver), "run-9", outcome, "yes").head.status is HeadStatus.WAITING
