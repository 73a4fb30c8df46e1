"""What checkpoints cost by where they are kept: bytes, set-up by eight processes at once, and requests a second.

Bytes are what one request leaves on its way to its question; requests a second are of one process with four
threads, each from its form to its question, in turns, and as a ratio to the application's own PostgreSQL.
"""

import os
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from bench.desk import Desk
from chains.checkpointers import Checkpointer, Place
from chains.registry import ChainContext, Facts, Registry
from chains.runner import Work, advance

PROCESSES, THREADS, REQUESTS = 8, 4, 24
FORMS: dict[str, dict[str, Any]] = {
    "prompt_chain": {
        "request": "Hello, this is Marta Nowak. Both lamps of order ORD-48213 arrived broken. Please refund 40.00 EUR."
    },
    "support_agent": {
        "customer": "Marta Nowak",
        "order_number": "ORD-48213",
        "message": "Both lamps of order ORD-48213 arrived broken. Please refund 40.00 EUR.",
    },
}
SET_UP = "import sys; from chains.checkpointers import Place; Place.parse(sys.argv[1]).open(sys.argv[2]).set_up()"
TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")


@dataclass(frozen=True)
class Cost:
    """Bytes that one request leaves, on average."""

    checkpoints: float
    rows: float
    indexes: float
    log: float


def measure(desk: Desk) -> None:
    own = os.environ["DATABASE_URL"]
    for number, chain in enumerate(FORMS):
        _tell(chain, "own PostgreSQL", _in_postgres(chain, own, f"bench_{number}"))
        _tell(chain, "SQLite", _in_sqlite(chain, own, desk.var / f"{chain}.sqlite3"))
    for name, setting in (("own PostgreSQL", f"{own}?schema=eight"), ("SQLite", f"sqlite:///{desk.var}/eight.sqlite3")):
        print(f"checkpoints: {PROCESSES} processes set up {name} at once in {_eight(setting, own):.1f} s")
    rates = {name: _rate(setting, own) for name, setting in _settings(desk.var, own)}
    for name, rate in rates.items():
        ratio = rate / rates["own PostgreSQL"]
        print(f"checkpoints: {name:<26} {rate:6.1f} requests a second, {ratio:.2f} of own PostgreSQL")


def _settings(var: Path, own: str) -> Iterator[tuple[str, str]]:
    yield "own PostgreSQL", ""
    yield "PostgreSQL elsewhere", f"{own}?schema=elsewhere"
    yield "SQLite", f"sqlite:///{var}/rate.sqlite3"
    yield "memory", "memory://"


def _in_postgres(chain: str, own: str, schema: str) -> Cost:
    with _opened(f"{own}?schema={schema}", own) as kept, psycopg.connect(own, autocommit=True) as line:
        before = _position(line)
        made = _requests(chain, kept)
        log = _position(line) - before
        names = [f"{schema}.{table}" for table in TABLES]
        rows = sum(_first(line, "SELECT sum(pg_column_size(t.*)) FROM {} AS t", name) for name in names)
        for name in names:
            line.execute(f"VACUUM FULL {name}".encode())
        indexes = sum(_first(line, "SELECT pg_indexes_size('{}')", name) for name in names)
        return Cost(made / REQUESTS, rows / REQUESTS, indexes / REQUESTS, log / REQUESTS)


def _in_sqlite(chain: str, own: str, path: Path) -> Cost:
    with _opened(f"sqlite:///{path}", own) as kept, closing(sqlite3.connect(path)) as line:
        line.execute("PRAGMA wal_autocheckpoint=0")
        made = _requests(chain, kept)
        log = path.with_name(f"{path.name}-wal").stat().st_size
        line.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sizes = dict(line.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")) if _has_dbstat(line) else {}
        indexes = sum(size for name, size in sizes.items() if "autoindex" in name)
        return Cost(made / REQUESTS, (path.stat().st_size - indexes) / REQUESTS, indexes / REQUESTS, log / REQUESTS)


def _has_dbstat(line: sqlite3.Connection) -> bool:
    return any("DBSTAT" in str(row[0]) for row in line.execute("PRAGMA compile_options"))


def _tell(chain: str, name: str, cost: Cost) -> None:
    each = (cost.rows + cost.indexes) / cost.checkpoints
    print(
        f"checkpoints: {chain:<14} {name:<15} {cost.checkpoints:4.1f} checkpoints a request; kB a request: "
        f"rows {cost.rows / 1000:6.1f}, indexes {cost.indexes / 1000:6.1f}, written to the log {cost.log / 1000:6.1f}; "
        f"kB a checkpoint {each / 1000:.1f}"
    )


def _eight(setting: str, own: str) -> float:
    begun = time.monotonic()
    at_once = [subprocess.Popen([sys.executable, "-c", SET_UP, setting, own]) for _ in range(PROCESSES)]
    assert [process.wait() for process in at_once] == [0] * PROCESSES
    return time.monotonic() - begun


def _rate(setting: str, own: str) -> float:
    with _opened(setting, own) as kept:
        _requests("prompt_chain", kept, count=THREADS)  # the first ones pay for connections
        begun = time.monotonic()
        _requests("prompt_chain", kept)
        return REQUESTS / (time.monotonic() - begun)


def _requests(chain: str, kept: Checkpointer, *, count: int = REQUESTS) -> int:
    """How many checkpoints they left."""
    context = {chain: ChainContext(model="offline", options={})}
    found = Registry({chain: f"chains.graphs.{chain}:chain"}, context)
    with ThreadPoolExecutor(THREADS) as threads:
        return sum(threads.map(lambda _: _one(found, chain, kept), range(count)))


def _one(registry: Registry, chain: str, kept: Checkpointer) -> int:
    thread_id = str(uuid.uuid4())
    facts = Facts(thread_id, "1", "Rita")
    first = registry.get(chain).start(FORMS[chain], facts)
    with kept.hold(thread_id) as held:
        graph = held.graphs.setdefault(chain, registry.compile(chain, held.saver))
        outcome = advance(graph, thread_id, Work(str(uuid.uuid4()), first=first))
        assert outcome.failure is None, outcome.failure
        return len(list(held.saver.list({"configurable": {"thread_id": thread_id}})))


@contextmanager
def _opened(setting: str, own: str) -> Iterator[Checkpointer]:
    kept = Place.parse(setting).open(own)
    kept.set_up()
    try:
        yield kept
    finally:
        kept.close()


def _position(line: psycopg.Connection[Any]) -> int:
    return int(_first(line, "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn", ""))


def _first(line: psycopg.Connection[Any], query: str, name: str) -> float:
    row = line.execute(query.format(name).encode()).fetchone()
    assert row is not None
    return float(row[0] or 0)
