"""Copies between savers of every make: to the last byte, with types that no copy knows of."""

import itertools
import math
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command
from psycopg.rows import dict_row

from chains.checkpointers import Keys, Sealed
from chains.checkpointers.copying import CannotCopy, compare_thread, copy_thread
from chains.checkpointers.copying_writes import writes_of
from chains.checkpointers.sealed import postgres_saver, sqlite_saver
from tests.backends import ELSEWHERE, setting_for
from tests.graphs.golden import nested, typed
from tests.graphs.together import fan_out, in_subgraphs

pytestmark = pytest.mark.django_db(transaction=True)
KEYS = Keys.parse("k1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=")
Saver = BaseCheckpointSaver[Any]
Make = Callable[..., Saver]


class Foreign(BaseCheckpointSaver[Any]):
    """Speaks as LangGraph asks a saver to, and no more."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = InMemorySaver()

    def get_tuple(self, config: Any) -> Any:
        return self.inner.get_tuple(config)

    def list(self, config: Any, **options: Any) -> Iterator[Any]:
        return self.inner.list(config, **options)

    def put(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        self.inner.serde = self.serde
        return self.inner.put(config, checkpoint, metadata, new_versions)

    def put_writes(self, config: Any, writes: Any, task_id: str, task_path: str = "") -> None:
        self.inner.serde = self.serde
        self.inner.put_writes(config, writes, task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        self.inner.delete_thread(thread_id)


@pytest.fixture
def make(db: None, tmp_path: Path) -> Iterator[Make]:
    opened: list[Any] = []

    def open_one(kind: str, address: str) -> Saver:
        serde = Sealed(JsonPlusSerializer(), KEYS) if kind.startswith("sealed") else None
        if kind.endswith("postgres"):
            line: Any = psycopg.connect(address, autocommit=True, row_factory=dict_row)
            opened.append(line)
            PostgresSaver(line).setup()
            return postgres_saver(line, serde)
        if kind.endswith("sqlite"):
            connection = sqlite3.connect(tmp_path / f"{len(opened)}.sqlite3", check_same_thread=False)
            opened.append(connection)
            return sqlite_saver(connection, serde)
        return Foreign() if kind == "foreign" else InMemorySaver()

    with setting_for(ELSEWHERE, tmp_path) as address:
        yield lambda kind: open_one(kind, address)
        for one in opened:
            one.close()


def begun(graph: Any, saver: Saver, thread_id: str) -> Any:
    compiled = graph.compile(checkpointer=saver)
    compiled.invoke({"log": []}, config(thread_id), durability="sync")
    return compiled


def config(thread_id: str) -> Any:
    return {"configurable": {"thread_id": thread_id}}


def ended(graph: Any, saver: Saver, thread_id: str) -> Any:
    compiled = graph.compile(checkpointer=saver)
    while waiting := compiled.get_state(config(thread_id)).interrupts:
        compiled.invoke(Command(resume={one.id: "yes" for one in waiting}), config(thread_id))
    return compiled.get_state(config(thread_id)).values


@pytest.mark.parametrize(
    "kinds", [("sqlite", "postgres", "memory"), ("memory", "sqlite", "postgres"), ("postgres", "memory", "sqlite")]
)
def test_a_thread_goes_round_and_comes_back_the_same(make: Make, kinds: tuple[str, ...]) -> None:
    savers = [*(make(kind) for kind in kinds), make(kinds[0])]
    for name, graph in {"nested": nested, "typed": typed, "fan": fan_out, "subgraphs": in_subgraphs}.items():
        begun(graph, savers[0], name)
        for source, target in itertools.pairwise(savers):
            copied = copy_thread(source, target, name)
            assert copied.checkpoints
            assert copied.writes
        assert list(writes_of(savers[0], name)) == list(writes_of(savers[-1], name))
        assert ended(graph, savers[-1], name) == ended(graph, savers[0], name)


@pytest.mark.parametrize("kind", ["sealed sqlite", "sealed postgres"])
def test_what_is_sealed_on_one_side_is_sealed_on_the_other_only_if_that_seals(make: Make, kind: str) -> None:
    plain, sealed, back = make("sqlite"), make(kind), make("memory")
    begun(typed, plain, "one")
    copy_thread(plain, sealed, "one")
    copy_thread(sealed, back, "one")
    assert compare_thread(plain, back, "one")
    assert ended(typed, back, "one") == ended(typed, sealed, "one")


def test_a_saver_of_another_make_is_given_the_same_values(make: Make) -> None:
    source, foreign, target = make("sqlite"), make("foreign"), make("postgres")
    for name, graph in {"nested": nested, "fan": fan_out}.items():
        begun(graph, source, name)
        copy_thread(source, foreign, name)
        copy_thread(foreign, target, name)
        assert ended(graph, target, name) == ended(graph, source, name)


def test_a_copy_that_was_changed_is_noticed(make: Make) -> None:
    source, target = make("sqlite"), make("postgres")
    begun(typed, source, "one")
    copy_thread(source, target, "one")
    line: Any = target.conn  # type: ignore[attr-defined]
    for change in (
        "UPDATE checkpoint_writes SET idx = idx + 5 WHERE idx >= 0",
        "UPDATE checkpoint_blobs SET blob = set_byte(blob, length(blob) - 1, 65)",
        "DELETE FROM checkpoint_writes",
        "UPDATE checkpoints SET parent_checkpoint_id = NULL",
        "DELETE FROM checkpoints WHERE checkpoint_id = (SELECT max(checkpoint_id) FROM checkpoints)",
    ):
        line.execute("BEGIN")
        line.execute(change)
        with pytest.raises((CannotCopy, ValueError)):
            compare_thread(source, target, "one")
        line.execute("ROLLBACK")
    assert compare_thread(source, target, "one")


@pytest.mark.parametrize("value", [math.nan, "a zero \x00 byte"])
def test_what_postgresql_cannot_keep_stays_where_it_is(make: Make, value: Any) -> None:
    source, target = make("sqlite"), make("postgres")
    place: Any = {"configurable": {"thread_id": "odd", "checkpoint_ns": ""}}
    checkpoint: Any = {"v": 4, "id": "1", "ts": "", "channel_values": {"x": value}, "versions_seen": {}}
    checkpoint["channel_versions"] = {"x": "1"}
    source.put(place, checkpoint, {}, {"x": "1"})

    with pytest.raises(CannotCopy, match="PostgreSQL cannot keep"):
        copy_thread(source, target, "odd")

    assert copy_thread(source, make("sqlite"), "odd").checkpoints == 1
    assert target.get_tuple(place) is None
