"""The same chain on the same saver with nothing around it; prints requests per second."""

import os
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ["LANGGRAPH_STRICT_MSGPACK"] = "true"

import psycopg
from langgraph.checkpoint.postgres import PostgresSaver
from langgraph.types import Command
from psycopg.rows import dict_row

from chains.canonical import digest
from chains.graphs.prompt_chain import chain
from chains.registry import ChainContext, Facts

THREADS = 4


def main(count: int, text: str) -> None:
    with ThreadPoolExecutor(THREADS) as pool:
        graphs = list(pool.map(lambda _: open_graph(), range(THREADS)))
        list(pool.map(lambda graph: one(graph, text), graphs))  # the first ones pay for imports
        begun = time.perf_counter()
        shares = [
            pool.submit(lambda graph=graph: [one(graph, text) for _ in range(count // THREADS)]) for graph in graphs
        ]
        for share in shares:
            share.result()
        print(count / (time.perf_counter() - begun))


def open_graph() -> Any:
    connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, row_factory=dict_row)
    return chain.build(ChainContext()).compile(checkpointer=PostgresSaver(connection))


def one(graph: Any, text: str) -> None:
    """Start to pause, resume to done."""
    thread_id = str(uuid.uuid4())
    config: Any = {"configurable": {"thread_id": thread_id}}
    start = chain.start({"request": text}, Facts(thread_id, "1", "Bench"))
    [question] = graph.invoke(start, config, durability="sync")["__interrupt__"]
    answer = {"verdict": "approve", "sha256": digest(question.value), "message": "", "reviewer": "Bench"}
    graph.invoke(Command(resume={question.id: answer}), config, durability="sync")
    assert not graph.get_state(config).tasks


main(int(sys.argv[1]), sys.argv[2])
