"""What it costs a run to be shown: 400 tokens at the pace of a fast model, shown, beside the same run shown to nobody.

Both in this process, on the same PostgreSQL, in turns. Shown means with LangGraph's messages and custom modes, batched,
and sent through Redis; the pages that read it cost the web process, not the run.
"""

import os
import statistics
import time
import uuid

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.rows import dict_row

from approvals.execution.progress import Feed
from approvals.models import Thread
from bench.desk import Desk
from chains.registry import Graph
from chains.runner import Work, advance
from tests.graphs.streaming import builder

TOKENS = 400
PACE = 0.005  # seconds from token to token: 200 a second
ROUNDS = 5
MOST = 1.15


def measure(desk: Desk) -> None:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row) as connection:
        graph = builder.compile(checkpointer=PostgresSaver(connection))
        _one(graph, pause=0.0, is_shown=True)  # the first one pays for imports and connections
        print(f"streaming: {TOKENS} tokens, {ROUNDS} rounds, seconds a run, median")
        ratio = _compare(graph, pause=PACE)
        print(f"  ratio {ratio:.3f}, at most {MOST}: {'kept' if ratio <= MOST else 'NOT KEPT'}")
        _compare(graph, pause=0.0)


def _compare(graph: Graph, *, pause: float) -> float:
    alone: list[float] = []
    shown: list[float] = []
    for _ in range(ROUNDS):
        alone.append(_one(graph, pause=pause, is_shown=False))
        shown.append(_one(graph, pause=pause, is_shown=True))
    nobody, somebody = statistics.median(alone), statistics.median(shown)
    pace = f"{1 / pause:.0f} tokens a second" if pause else "all tokens at once"
    each = (somebody - nobody) / TOKENS * 1000
    print(f"  {pace}: to nobody {nobody:.3f}, shown {somebody:.3f}, which is {each:.3f} ms a token")
    return somebody / nobody


def _one(graph: Graph, *, pause: float, is_shown: bool) -> float:
    thread = Thread(id=uuid.uuid4())
    work = Work(str(uuid.uuid4()), first={"pieces": ["token "] * TOKENS, "pause": pause})
    begun = time.perf_counter()
    with Feed(thread) as feed:
        outcome = advance(graph, str(thread.id), work, on_progress=feed.tell if is_shown else None)
    assert outcome.failure is None, outcome.failure
    return time.perf_counter() - begun
