"""A graph with something worth hiding in every place a checkpoint has, and stores that can be searched for it."""

import base64
import json
import os
import re
import secrets
import sqlite3
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import psycopg
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.types import Command, interrupt
from psycopg import sql
from psycopg.rows import dict_row
from typing_extensions import TypedDict

from chains.checkpointers.sealed import postgres_saver, sqlite_saver
from chains.checkpointers.sealing import Keys, Sealed
from chains.editing import Edit, edit_state
from chains.forking import fork
from chains.registry import Graph
from chains.runner import Outcome, Work, advance

THREAD = "6f1c2d1e-0000-4000-8000-00000000beef"
NUMBER, SHARE = 9041607533187, 0.73918462051
PLACES = (
    "input", "text", "words", "message", "question", "answer", "command", "error", "edit", "inner", "inner-question",
    "inner-answer", "person", "reason", "żółty",
)  # fmt: skip
CANARY = {place: f"canary-{place}-kept-dark" for place in PLACES}
# As JSON and as MessagePack write them.
SOUGHT = {
    **{place: [text.encode(), json.dumps(text)[1:-1].encode()] for place, text in CANARY.items()},
    "number": [str(NUMBER).encode(), struct.pack(">Q", NUMBER)],
    "share": [str(SHARE).encode(), struct.pack(">d", SHARE)],
}


class State(TypedDict, total=False):
    text: str
    number: int
    share: float
    agreed: bool
    nothing: str | None
    words: list[str]
    deep: dict[str, Any]
    messages: Annotated[list[AnyMessage], add_messages]
    inner: str


def _fill(state: State) -> State:
    return {
        "text": CANARY["text"],
        "number": NUMBER,
        "share": SHARE,
        "agreed": True,
        "nothing": None,
        "words": [CANARY["words"], CANARY["żółty"]],
        "deep": {"fails": True},
        "messages": [HumanMessage(CANARY["message"], id="1")],
    }


def _ask(state: State) -> Command[str]:
    answer = interrupt({"ask": CANARY["question"]})
    return Command(update={"deep": {**state["deep"], "said": answer, "by": CANARY["command"]}}, goto="inner")


def _ask_inside(state: State) -> State:
    return {"inner": f"{CANARY['inner']} {interrupt(CANARY['inner-question'])}"}


def _shake(state: State) -> State:
    if state["deep"].get("fails"):
        raise ValueError(CANARY["error"])
    return {"agreed": False}


def graph_on(saver: BaseCheckpointSaver[Any]) -> Graph:
    inner = StateGraph(State).add_node("ask_inside", _ask_inside).add_edge(START, "ask_inside").compile()
    builder = StateGraph(State)
    builder.add_node("fill", _fill).add_node("ask", _ask, destinations=("inner",)).add_node("shake", _shake)
    builder.add_node("inner", inner)
    builder.add_edge(START, "fill").add_edge("fill", "ask").add_edge("inner", "shake").add_edge("shake", END)
    return builder.compile(checkpointer=saver)


def _append(log: list[str], writes: Sequence[list[str]]) -> list[str]:
    return log + [line for lines in writes for line in lines]


class Counting(TypedDict):
    log: Annotated[list[str], DeltaChannel(_append, snapshot_frequency=3)]


def counting_graph(saver: BaseCheckpointSaver[Any]) -> Graph:
    builder = StateGraph(Counting).add_node("see", lambda state: {"log": ["seen"]})
    return builder.add_edge(START, "see").add_edge("see", END).compile(checkpointer=saver)


def work(run: str, **more: Any) -> Work:
    return Work(run, by=CANARY["person"], reason=CANARY["reason"], **more)


def answered(graph: Graph, run: str, before: Outcome, answer: Any, thread_id: str = THREAD) -> Outcome:
    (pending,) = before.head.pending
    return advance(graph, thread_id, work(run, answers={pending.key: answer}))


def walk(graph: Graph, thread_id: str = THREAD) -> Outcome:
    """All that Holdpoint does with a thread: start, edit, answers, a failure, going on, and going back."""
    first = advance(graph, thread_id, work("run-1", first={"text": CANARY["input"]}))
    edit_state(graph, thread_id, work("run-2"), Edit({"text": CANARY["edit"]}), expected=first.head.checkpoint_id)
    asked = advance(graph, thread_id, work("run-3"))
    inside = answered(graph, "run-4", asked, {"yes": CANARY["answer"]}, thread_id)
    failed = answered(graph, "run-5", inside, CANARY["inner-answer"], thread_id)
    mended = Edit({"deep": {"fails": False}}, as_node="inner")
    edit_state(graph, thread_id, work("run-6"), mended, expected=failed.head.checkpoint_id)
    advance(graph, thread_id, work("run-7"))
    fork(graph, thread_id, work("run-8"), first.head.checkpoint_id)
    return advance(graph, thread_id, work("run-8"))


def told(graph: Graph, thread_id: str = THREAD) -> list[Any]:
    """The whole history, without what differs between any two runs."""
    found = []
    for state in graph.get_state_history({"configurable": {"thread_id": thread_id}}):
        metadata = {key: value for key, value in (state.metadata or {}).items() if key != "holdpoint_from"}
        found.append((state.values, state.next, metadata, [(task.name, task.error) for task in state.tasks]))
    return found


def key_text(*ids: str) -> str:
    return ",".join(f"{name}:{base64.b64encode(secrets.token_bytes(32)).decode()}" for name in ids)


def sealed(keys: Keys) -> Sealed:
    return Sealed(JsonPlusSerializer(), keys)


@dataclass
class Store:
    """A database of its own. `saver(None)` is LangGraph's own."""

    kind: str
    place: str
    connections: list[Any]

    def saver(self, keys: Keys | None) -> PostgresSaver | SqliteSaver:
        serde = sealed(keys) if keys else None
        return sqlite_saver(self.connect(), serde) if self.kind == "sqlite" else postgres_saver(self.connect(), serde)

    def connect(self) -> Any:
        if self.kind == "sqlite":
            made: Any = sqlite3.connect(self.place, check_same_thread=False)
        else:
            options = f"-c search_path={self.place}"
            made = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row, options=options)
        self.connections.append(made)
        return made

    def change(self, query: str, *arguments: Any) -> int:
        """One statement, for somebody who owns the database; how many rows it changed."""
        connection = self.connect()
        cursor = connection.execute(query if self.kind == "sqlite" else query.replace("?", "%s"), arguments)
        connection.commit()
        return int(cursor.rowcount)

    def shrink(self) -> None:
        """Have the database give up what was deleted, as docs/sealing.md tells operators to."""
        connection = self.connect()
        if self.kind == "sqlite":
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        else:
            connection.execute("VACUUM FULL checkpoints, checkpoint_blobs, checkpoint_writes")

    def everything(self) -> bytes:
        """All bytes of every column of every table; for SQLite those of its files."""
        if self.kind == "sqlite":
            return b"\n".join(path.read_bytes() for path in Path(self.place).parent.iterdir() if path.is_file())
        return b"\n".join(_bytes_of(value) for row in self._rows() for value in row.values())

    def _rows(self) -> Iterator[dict[str, Any]]:
        connection = self.connect()
        for name in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"):
            yield from connection.execute(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))).fetchall()

    def close(self) -> None:
        for connection in self.connections:
            connection.close()


def open_store(kind: str, directory: Path) -> Store:
    if kind == "sqlite":
        store = Store(kind, str(directory / "checkpoints.sqlite"), [])
    else:
        store = Store(kind, f"seal_{secrets.token_hex(4)}", [])
        store.connect().execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(store.place)))
    store.saver(None).setup()
    return store


def drop_store(store: Store) -> None:
    if store.kind != "sqlite":
        store.connect().execute(sql.SQL("DROP SCHEMA {} CASCADE").format(sql.Identifier(store.place)))
    store.close()


def found_in(dump: bytes) -> set[str]:
    """Of the canaries, those that can be read somewhere."""
    return {place for place, forms in SOUGHT.items() if any(form in dump for form in forms)}


def _bytes_of(value: Any) -> bytes:
    """And what a text holds as base64."""
    if isinstance(value, bytes):
        return value
    text = json.dumps(value, ensure_ascii=False, default=str)
    inside = [base64.b64decode(part + "=" * (-len(part) % 4)) for part in re.findall(r"[A-Za-z0-9+/]{24,}", text)]
    return b"\n".join([text.encode(), *inside])
