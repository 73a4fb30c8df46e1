"""Opening what is saved of a thread: with 10 checkpoints and with 10,000; drawing 40 nodes; comparing big states."""

import statistics
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from types import MappingProxyType
from typing import Any

from django.db import connection
from django.test import Client
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from approvals import threads
from approvals.models import Thread, ThreadStatus
from bench.desk import Desk
from bench.people import nobody_waits, person
from bench.throughput import TEXT
from chains.drawing import draw
from chains.jsonable import shown
from chains.registry import Graph
from chains.snapshots import Channel, Path, State, changes

MANY = 10_000
FEW = 10
ROUNDS = 25
NODES = 40
INNER = 6
# Copies of the newest checkpoint, each the parent of the next, all older than the real ones.
GROW = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
SELECT thread_id, '', '00000000-0000-6000-8000-' || lpad(n::text, 12, '0'),
    CASE WHEN n > 1 THEN '00000000-0000-6000-8000-' || lpad((n - 1)::text, 12, '0') END, type,
    jsonb_set(checkpoint, '{id}', to_jsonb('00000000-0000-6000-8000-' || lpad(n::text, 12, '0'))),
    jsonb_set(metadata, '{step}', to_jsonb(n))
FROM (
    SELECT * FROM checkpoints WHERE thread_id = %s AND checkpoint_ns = '' ORDER BY checkpoint_id DESC LIMIT 1
) AS head, generate_series(1, %s) AS n
"""


def measure(desk: Desk) -> None:
    nobody_waits()
    requester, reviewer = person("bench-requester", "requesters"), person("bench-reviewer", "reviewers")
    few, many = (_thread(requester, count) for count in (FEW, MANY))
    client = Client(headers={"host": "localhost"})
    client.force_login(reviewer)
    print(f"evidence: {ROUNDS} rounds, milliseconds, median")
    for title, path in (("head state", "/t/{}/?tab=state"), ("history page", "/t/{}/history/")):
        small, big = _both(partial(_get, client, path, few), partial(_get, client, path, many))
        print(f"  {title}: {FEW} checkpoints {small:.1f}, {MANY:,} checkpoints {big:.1f}, ratio {big / small:.2f}")
    older = "/t/{}/history/?before=" + "~".join(f"00000000-0000-6000-8000-{MANY // 2 - step:012}" for step in (0, 1))
    small, deep = _both(partial(_get, client, "/t/{}/history/", few), partial(_get, client, older, many))
    print(f"  history page in the middle of {MANY:,}: {deep:.1f}, ratio to the newest of {FEW}: {deep / small:.2f}")
    print(f"  drawing {NODES} nodes: {_median(_drawing()):.2f}")
    print(f"  drawing {NODES} nodes, every tenth a subgraph of {INNER} nodes: {_median(_drawing(inside=True)):.2f}")
    print(f"  comparing two states of 500 kB: {_median(_comparing()):.1f}")


def _thread(requester: Any, count: int) -> Thread:
    thread = threads.submit(requester, "prompt_chain", {"request": TEXT})
    while Thread.objects.get(id=thread.id).status != ThreadStatus.PAUSED:
        time.sleep(0.05)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM checkpoints WHERE thread_id = %s", [str(thread.id)])
        cursor.execute(GROW, [str(thread.id), count - int(cursor.fetchone()[0])])
        cursor.execute("ANALYZE checkpoints")
    return thread


def _get(client: Client, path: str, thread: Thread) -> None:
    answer = client.get(path.format(thread.id))
    assert answer.status_code == 200, answer.status_code


def _both(one: Callable[[], None], two: Callable[[], None]) -> tuple[float, float]:
    """In turns, so that both meet the same machine."""
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for work, times in zip((one, two), spent, strict=True):
            times.append(_milliseconds(work))
    return statistics.median(spent[0]), statistics.median(spent[1])


def _median(work: Callable[[], object]) -> float:
    return statistics.median(_milliseconds(work) for _ in range(ROUNDS))


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - begun)


class Log(TypedDict, total=False):
    log: str


def _drawing(*, inside: bool = False) -> Callable[[], object]:
    inner = _tree([f"part_{number}" for number in range(INNER)])
    names = [f"step_{number}" for number in range(NODES)]
    graph = _tree(names, subgraphs=dict.fromkeys(names[3::10], inner) if inside else {})
    ran = Path(done=("part_0", "part_1"), current=("part_2",), taken=frozenset({("part_0", "part_1")}))
    taken = Path(
        done=tuple(names[:9]), current=(names[9],), taken=frozenset({(START, names[0])}), inside={names[3]: ran}
    )
    return lambda: draw(graph, path=taken, title="Bench")


def _tree(names: Sequence[str], *, subgraphs: Mapping[str, Graph] = MappingProxyType({})) -> Graph:
    builder = StateGraph(Log)
    for number, name in enumerate(names):
        builder.add_node(name, subgraphs.get(name) or (lambda state: {}))
        builder.add_edge(names[(number - 1) // 2] if number else START, name)
        if number % 5 == 0:
            builder.add_edge(name, END)
    return builder.compile()


def _comparing() -> Callable[[], object]:
    rows = [{"id": str(uuid.uuid4()), "text": f"line {number} " + "word " * 50, "n": number} for number in range(1_500)]
    other = [{**row, "n": -1} if number % 10 == 0 else row for number, row in enumerate(reversed(rows))]
    before, after = _state(rows), _state(other)
    assert before.channels[0].size > 450_000
    return lambda: changes(before, after)


def _state(rows: list[dict[str, Any]]) -> State:
    plain = shown(rows)
    channel = Channel("rows", "list", plain.size, plain.value)
    return State("c", 0, "loop", datetime.now(UTC), (channel,), (), (), ())
