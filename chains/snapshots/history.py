"""The steps of a thread, newest first, a page at a time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import START

from chains.marks import BY_KEY, REASON_KEY
from chains.registry import Graph
from chains.snapshots.records import (
    copied_from,
    id_of,
    line,
    newest,
    nodes_run,
    origin_of,
    parent_id_of,
    source_of,
    time_of,
)
from chains.snapshots.usage import NONE, Usage, usage_of

MOST = 200
CURSOR_MARK = "~"


@dataclass(frozen=True)
class Step:
    """One checkpoint. `duration` is the time since the parent, waiting for people included. `copied_from`: of a replay,
    the checkpoint it was made from.
    """

    checkpoint_id: str
    parent_id: str | None
    step: int
    source: str
    nodes: tuple[str, ...]
    created_at: datetime
    duration: timedelta | None
    by: str | None
    reason: str | None
    is_head: bool
    on_path: bool
    cursor: str
    copied_from: str | None = None
    usage: Usage = NONE

    @property
    def origin_id(self) -> str | None:
        return self.copied_from or self.parent_id

    @property
    def node(self) -> str:
        """What made this checkpoint: "draft", "left, right", "work ×3"; "" when it was a person."""
        runs = Counter(node for node in self.nodes if node != START)
        return ", ".join(node if count == 1 else f"{node} ×{count}" for node, count in runs.items())


def steps(graph: Graph, thread_id: str, *, limit: int = 50, before: str | None = None) -> list[Step]:
    """At most `limit` steps, and never more than MOST, older than `before`: the `cursor` of an earlier step.

    A bare checkpoint id will do for `before`; it costs a second query to find which steps are on the path.
    """
    limit = min(max(limit, 1), MOST)
    anchor, mark, wanted = (before or "").partition(CURSOR_MARK)
    records = newest(graph, thread_id, limit=limit + 1, before=anchor or None)
    if records and not mark:
        wanted = _wanted_below(graph, thread_id, anchor) or id_of(records[0])
    found = list(_steps(records, wanted=wanted, head=None if anchor else 0))
    return found[:limit]


def _wanted_below(graph: Graph, thread_id: str, anchor: str) -> str | None:
    """The newest ancestor of the head older than `anchor`, if it is among the newest checkpoints."""
    if not anchor:
        return None
    records = newest(graph, thread_id, limit=MOST)
    ancestors = list(line(records, start=id_of(records[0])))
    known = [*map(id_of, ancestors), origin_of(ancestors[-1])]
    return next((name for name in known if name is not None and name < anchor), None)


def _steps(records: Sequence[CheckpointTuple], *, wanted: str, head: int | None) -> Iterator[Step]:
    """`wanted` is the ancestor of the head that comes next, "" when there is none left."""
    known = {id_of(record): record for record in records}
    for index, record in enumerate(records):
        name = id_of(record)
        on_path = name == wanted
        if on_path:
            wanted = origin_of(record) or ""
        parent = known.get(parent_id_of(record) or "")
        yield _step(record, parent, on_path=on_path, is_head=index == head, cursor=f"{name}{CURSOR_MARK}{wanted}")


def _step(
    record: CheckpointTuple, parent: CheckpointTuple | None, *, on_path: bool, is_head: bool, cursor: str
) -> Step:
    return Step(
        checkpoint_id=id_of(record),
        parent_id=parent_id_of(record),
        step=int(record.metadata.get("step", 0)),
        source=source_of(record),
        nodes=nodes_run(record, parent),
        created_at=time_of(record),
        duration=None if parent is None else time_of(record) - time_of(parent),
        by=_noted(record, BY_KEY),
        reason=_noted(record, REASON_KEY),
        is_head=is_head,
        on_path=on_path,
        cursor=cursor,
        copied_from=copied_from(record),
        usage=usage_of(record, parent) if source_of(record) == "loop" else NONE,
    )


def _noted(record: CheckpointTuple, key: str) -> str | None:
    noted = record.metadata.get(key)
    return None if noted is None else str(noted)
