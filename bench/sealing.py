"""`python -m bench.sealing [requests]`: prompt_chain on sealed checkpoints and on plain ones, turn by turn."""

import base64
import os
import secrets
import sqlite3
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

import psycopg
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.types import Command
from psycopg.rows import dict_row

from approvals.embedded import postgres
from approvals.embedded.processes import stop
from chains.canonical import digest
from chains.checkpointers.sealed import postgres_saver, sqlite_saver
from chains.checkpointers.sealing import Keys, Sealed
from chains.graphs.prompt_chain import chain
from chains.registry import ChainContext, Facts

SHORT = "Hello, this is Marta Nowak. Both lamps of order ORD-48213 arrived broken. Please refund 1,240.00 EUR."
# Prose, since PostgreSQL compresses what is not sealed.
LONG = f"{SHORT} {Path(__file__).parent.parent.joinpath('docs', 'operators.md').read_text()[:20_000]}"
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


def main(requests: int) -> None:
    with tempfile.TemporaryDirectory(prefix="holdpoint-bench-") as directory, _address(Path(directory)) as address:
        for name, text in (("short", SHORT), ("20 kB", LONG)):
            for kind in ("PostgreSQL", "SQLite"):
                _compare(kind, name, text, requests, Path(directory), address)


def _compare(kind: str, name: str, text: str, requests: int, directory: Path, address: str) -> None:
    keys = Keys.parse(f"bench:{base64.b64encode(secrets.token_bytes(32)).decode()}")
    sides = {side: _opened(kind, directory, address, serde) for side, serde in (("plain", None), ("sealed", keys))}
    seconds: dict[str, list[float]] = {side: [] for side in sides}
    for turn in range(requests + 3):
        for side, (graph, _) in sides.items():
            begun = time.perf_counter()
            one(graph, text)
            if turn > 2:  # the first ones pay for what is made once
                seconds[side].append(time.perf_counter() - begun)
    took = {side: statistics.median(times) * 1000 for side, times in seconds.items()}
    size = {side: count() for side, (_, count) in sides.items()}
    print(
        f"{kind:10} {name:6} bytes per checkpoint {size['plain']:7,.0f} {size['sealed']:7,.0f} "
        f"x{size['sealed'] / size['plain']:.2f}   ms per request {took['plain']:6.1f} {took['sealed']:6.1f} "
        f"x{took['sealed'] / took['plain']:.2f}"
    )


def _opened(kind: str, directory: Path, address: str, keys: Keys | None) -> tuple[Any, Callable[[], float]]:
    """The chain on a saver with tables of its own, and what tells how many bytes those take for each checkpoint."""
    serde = Sealed(JsonPlusSerializer(), keys) if keys else None
    place = f"bench_{secrets.token_hex(4)}"
    if kind == "SQLite":
        connection = sqlite3.connect(directory / place, check_same_thread=False)
        saver: Any = sqlite_saver(connection, serde)
    else:
        with psycopg.connect(address, autocommit=True) as first:
            first.execute(f"CREATE SCHEMA {place}")
        options = f"-c search_path={place}"
        saver = postgres_saver(psycopg.connect(address, autocommit=True, row_factory=dict_row, options=options), serde)
    saver.setup()
    built: Any = chain.build(ChainContext())
    return built.compile(checkpointer=saver), lambda: _bytes(saver, directory / place)


def _bytes(saver: Any, file: Path) -> float:
    return _total(saver, file) / len(saver.conn.execute("SELECT checkpoint_id FROM checkpoints").fetchall())


def _total(saver: Any, file: Path) -> int:
    if isinstance(saver.conn, sqlite3.Connection):
        saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return file.stat().st_size
    saver.conn.execute("VACUUM FULL checkpoints, checkpoint_blobs, checkpoint_writes")
    sizes = saver.conn.execute(
        "SELECT sum(pg_total_relation_size(name::regclass)) AS found FROM unnest(%s::text[]) AS name", [list(TABLES)]
    )
    return int(sizes.fetchone()["found"])


def one(graph: Any, text: str) -> None:
    """Start to pause, approval to done."""
    thread_id = str(uuid.uuid4())
    config: Any = {"configurable": {"thread_id": thread_id}}
    start = chain.start({"request": text}, Facts(thread_id, "1", "Bench"))
    [question] = graph.invoke(start, config, durability="sync")["__interrupt__"]
    answer = {"verdict": "approve", "sha256": digest(question.value), "message": "", "reviewer": "Bench"}
    graph.invoke(Command(resume={question.id: answer}), config, durability="sync")


@contextmanager
def _address(directory: Path) -> Iterator[str]:
    directory.chmod(0o711)  # root's PostgreSQL runs as another user, who walks through here
    database = postgres.start(directory)
    try:
        postgres.wait_until_ready(database)
        yield database.url
    finally:
        stop(database.child)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
