"""What is not sealed, not with our keys, or not as it was sealed is refused, whoever owns the database."""

import base64
import os
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from chains.checkpointers.guarded import is_trouble_of_any_make, listening
from chains.checkpointers.sealing import Keys, NotSealed, SealBroken, Sealed, UnknownKey, in_thread
from chains.registry import Graph
from chains.strict import CannotRead, strictly
from tests.sealing_desk import (
    CANARY,
    NUMBER,
    THREAD,
    Store,
    counting_graph,
    drop_store,
    graph_on,
    key_text,
    open_store,
    sealed,
    walk,
)

TEXT = key_text("one", "two")
KEYS = Keys.parse(TEXT)
OTHER = "0c4b8f6a-0000-4000-8000-00000000cafe"
CONFIG: Any = {"configurable": {"thread_id": THREAD}}


@pytest.fixture(params=["postgresql", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = open_store(request.param, tmp_path)
    yield made
    drop_store(made)


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Store]:
    made = open_store("postgresql", tmp_path)
    yield made
    drop_store(made)


def read(store: Store, keys: Keys = KEYS, thread_id: str = THREAD) -> Any:
    return graph_on(store.saver(keys)).get_state({"configurable": {"thread_id": thread_id}}, subgraphs=True)


def values_table(store: Store) -> tuple[str, str]:
    return ("checkpoints", "checkpoint") if store.kind == "sqlite" else ("checkpoint_blobs", "blob")


def writes_table(store: Store) -> tuple[str, str]:
    return ("writes", "value") if store.kind == "sqlite" else ("checkpoint_writes", "blob")


@pytest.mark.parametrize("table", [values_table, writes_table])
def test_what_somebody_planted_unsealed_is_refused(store: Store, table: Callable[[Store], tuple[str, str]]) -> None:
    walk(graph_on(store.saver(KEYS)))
    name, column = table(store)

    for kind, data in (JsonPlusSerializer().dumps_typed({"channel_values": {}}), ("null", b""), ("bytes", b"x")):
        assert store.change(f"UPDATE {name} SET type = ?, {column} = ?", kind, data)
        with pytest.raises(NotSealed, match="is not sealed"):
            read(store)


@pytest.mark.parametrize("planted", ["false", "true", '"approve"', "null", str(NUMBER)])
def test_a_plain_value_planted_in_the_json_is_refused(postgres: Store, planted: str) -> None:
    walk(graph_on(postgres.saver(KEYS)))
    postgres.change("DELETE FROM checkpoint_blobs WHERE channel = 'agreed'")
    postgres.change("UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{channel_values,agreed}', ?)", planted)

    with pytest.raises(NotSealed):
        read(postgres)


def test_a_plain_start_of_differences_planted_in_the_json_is_refused(postgres: Store) -> None:
    graph = counting_graph(postgres.saver(KEYS))
    graph.invoke({"log": ["one"]}, CONFIG)
    planted = "UPDATE checkpoints SET checkpoint = jsonb_set(checkpoint, '{channel_values,log}', '\"a\"')"
    postgres.change(planted + " WHERE parent_checkpoint_id IS NULL")

    with pytest.raises(NotSealed):
        graph.get_state(CONFIG)


def test_metadata_with_more_in_it_than_stays_readable_is_refused(store: Store) -> None:
    walk(graph_on(store.saver(KEYS)))
    forged = '{"source": "loop", "step": 3, "parents": {}, "holdpoint_by": "Nadia"}'
    store.change("UPDATE checkpoints SET metadata = ?", forged if store.kind == "postgresql" else forged.encode())

    with pytest.raises(NotSealed):
        read(store)


def test_metadata_that_was_changed_is_refused(store: Store) -> None:
    walk(graph_on(store.saver(KEYS)))
    forged = '{"source": "loop", "step": 3, "parents": {}, "holdpoint_sealed": "seal1:one ?"}'
    store.change("UPDATE checkpoints SET metadata = ?", forged if store.kind == "postgresql" else forged.encode())

    with pytest.raises(SealBroken):
        read(store)


def test_a_key_that_is_not_named_any_more_is_named(store: Store) -> None:
    walk(graph_on(store.saver(KEYS)))

    with pytest.raises(UnknownKey, match="sealed with the key 'one', which HOLDPOINT_CHECKPOINT_KEYS does not name"):
        read(store, Keys.parse(key_text("three")))


def test_another_key_of_the_same_id_opens_nothing(store: Store) -> None:
    walk(graph_on(store.saver(KEYS)))

    with pytest.raises(SealBroken):
        read(store, Keys.parse(key_text("one")))


def test_rows_that_were_moved_to_another_thread_are_refused(store: Store) -> None:
    walk(graph_on(store.saver(KEYS)))
    moved = [values_table(store)[0], writes_table(store)[0], *(["checkpoints"] if store.kind != "sqlite" else [])]
    for table in moved:
        assert store.change(f"UPDATE {table} SET thread_id = ?", OTHER)

    with pytest.raises(SealBroken, match="belongs to another thread"):
        read(store, thread_id=OTHER)


def test_a_saver_of_any_make_says_what_cannot_be_opened_and_is_not_tried_again() -> None:
    kept = InMemorySaver(serde=sealed(Keys.parse(key_text("one"))))
    walk(graph_on(kept))
    kept.serde = sealed(Keys.parse(key_text("three")))

    with pytest.raises(UnknownKey):
        graph_on(listening(kept, is_trouble_of_any_make)).get_state(CONFIG)


def test_what_a_saver_sealed_that_names_no_thread_opens_in_any() -> None:
    seal = sealed(KEYS)
    loose = seal.dumps_typed("loose")
    with in_thread(OTHER):
        bound = seal.dumps_typed("bound")

    with in_thread(THREAD):
        assert seal.loads_typed(loose) == "loose"
        with pytest.raises(SealBroken):
            seal.loads_typed(bound)
    assert seal.loads_typed(bound) == "bound"


def test_every_changed_byte_is_noticed() -> None:
    seal = sealed(KEYS)
    tag, blob = seal.dumps_typed({"canary": CANARY["text"]})

    for place in range(len(blob)):
        with pytest.raises(SealBroken):
            seal.loads_typed((tag, blob[:place] + bytes([blob[place] ^ 1]) + blob[place + 1 :]))
    for shorter in (0, 1, 11, 12, 28, len(blob) - 1):
        with pytest.raises(SealBroken):
            seal.loads_typed((tag, blob[:shorter]))


def test_the_id_of_the_key_is_sealed_with_the_value() -> None:
    cipher = AESGCMSIV(os.urandom(32))
    seal = sealed(Keys({"one": cipher, "two": cipher}))
    _, blob = seal.dumps_typed("yes")

    assert seal.loads_typed(("seal1:one", blob)) == "yes"
    with pytest.raises(SealBroken):
        seal.loads_typed(("seal1:two", blob))


@pytest.mark.parametrize(
    "tag", [None, "", "null", "msgpack", "msgpack+aes", "seal1:", "seal1:a b", "seal2:one", "seal1"]
)
def test_a_type_that_names_no_key_is_not_sealed(tag: str | None) -> None:
    with pytest.raises(NotSealed):
        sealed(KEYS).loads_typed((tag, b""))  # type: ignore[arg-type]


@dataclass
class Stranger:
    """A type that no graph's state names."""

    amount: int


@dataclass
class Known:
    amount: int


class State(TypedDict, total=False):
    known: Known
    held: Any


def holding(value: Any, saver: BaseCheckpointSaver[Any]) -> Graph:
    builder = StateGraph(State).add_node("hold", lambda state: {"known": Known(7), "held": value})
    return builder.add_edge(START, "hold").compile(checkpointer=saver)


def test_a_type_off_the_graphs_list_is_blocked_though_it_was_sealed(store: Store) -> None:
    graph = holding([Stranger(40)], store.saver(KEYS))
    assert isinstance(graph.checkpointer, BaseCheckpointSaver)
    assert isinstance(graph.checkpointer.serde, Sealed)
    graph.invoke({}, CONFIG)

    with pytest.raises(CannotRead, match=r"test_sealing_refusals\.Stranger"), strictly():
        graph.get_state(CONFIG)


def test_a_type_that_the_graph_names_comes_back_as_it_was(store: Store) -> None:
    graph = holding(["plain"], store.saver(KEYS))
    graph.invoke({}, CONFIG)

    with strictly():
        assert graph.get_state(CONFIG).values == {"known": Known(7), "held": ["plain"]}


def error_shown(store: Store, keys: Keys) -> str:
    """With the local variables of every frame, as pages and services for errors show them."""
    try:
        read(store, keys)
    except CannotRead as error:
        return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("name", ["three", "one"])
def test_no_error_shows_a_key_or_what_was_sealed(store: Store, name: str) -> None:
    walk(graph_on(store.saver(KEYS)))
    text = key_text(name)

    shown = error_shown(store, Keys.parse(text))

    secret = text.partition(":")[2]
    hidden = [secret, repr(base64.b64decode(secret))[2:-1], *CANARY.values()]
    assert f"Keys({name})" in shown
    assert [part for part in hidden if part in shown] == []
