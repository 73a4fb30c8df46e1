"""Which way a thread went through its graph: along the head's ancestors, never along an abandoned branch."""

from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

from langgraph.channels import EphemeralValue
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import END, START
from langgraph.types import StateSnapshot

from chains.heads import BRANCH
from chains.registry import Graph
from chains.snapshots.records import (
    SENDS,
    address,
    id_of,
    line,
    newest,
    nodes_next,
    nodes_run,
    origin_of,
    reading,
    source_of,
)

# Newest checkpoints looked at.
MOST = 200
# Writes that say what became of a node, not where it leads: part of LangGraph's stored format.
OUTCOMES = frozenset({"__error__", "__error_source_node__", "__interrupt__", "__resume__"})
NOBODY = "00000000-0000-0000-0000-000000000000"
# Channels that lead to a node, even to one which today's graph does not have.
LEADING = (BRANCH, SENDS)


@dataclass(frozen=True)
class Path:
    """`done` has one entry per execution, in order. `current` runs next; those of it in `waiting` asked a person.

    `taken` has only edges that were certainly taken. `cut`: the thread is longer than what was read.
    """

    done: tuple[str, ...]
    current: tuple[str, ...]
    taken: frozenset[tuple[str, str]]
    waiting: tuple[str, ...] = ()
    cut: bool = False


def path(graph: Graph, thread_id: str) -> Path:
    records = newest(graph, thread_id, limit=MOST)
    if not records:
        return Path(done=(), current=(), taken=frozenset())
    ancestors = _since_input(list(line(records, start=id_of(records[0]))))
    walk = _Walk(graph, reading(graph, records), thread_id)
    for parent, child in pairwise(ancestors):
        walk.step(parent, child)
    cut = source_of(ancestors[0]) != "input" and origin_of(ancestors[0]) is not None
    return walk.end(records[0], cut=cut)


def _since_input(ancestors: list[CheckpointTuple]) -> list[CheckpointTuple]:
    """Oldest first. A thread of several turns went its way once for each; only the last is "the path so far"."""
    turn = next((index for index, record in enumerate(ancestors) if source_of(record) == "input"), len(ancestors))
    return ancestors[: turn + 1][::-1]


class _Walk:
    """Follows the checkpoints from old to new, remembering who wrote what the next nodes wait for."""

    def __init__(self, graph: Graph, reader: Graph, thread_id: str) -> None:
        self.graph = graph
        self.reader = reader
        self.thread_id = thread_id
        self.triggers = {name: {*node.triggers, _sent_to(name)} for name, node in reader.nodes.items()}
        self.writers: dict[str, set[str]] = {}
        self.done: list[str] = []
        self.taken: set[tuple[str, str]] = set()
        self.last_ran: list[str] = []

    def step(self, parent: CheckpointTuple, child: CheckpointTuple) -> None:
        if source_of(child) == "loop":
            ran = nodes_run(child, parent)
            self.arrive(ran)
            self.last_ran = [node for node in ran if node != START]
            self.done += self.last_ran
            self.leave(ran, parent)
        elif source_of(child) == "update":
            self.forget_disarmed(parent)

    def arrive(self, nodes: Sequence[str]) -> None:
        """An edge into each node from whoever wrote one of its triggers."""
        for node in nodes:
            triggers = self.triggers.get(node) or {f"{BRANCH}{node}", _sent_to(node)}
            self.taken |= {(writer, node) for trigger in triggers for writer in self.writers.get(trigger, ())}

    def leave(self, ran: Sequence[str], parent: CheckpointTuple) -> None:
        every_trigger = _all(self.triggers.values())
        written = _written_by_task(parent)
        names = self.task_names(ran, parent, written)
        for task, channels in written.items():
            if task not in names:
                continue
            leads = {channel for channel in channels if channel in every_trigger or channel.startswith(LEADING)}
            for channel in leads:
                self.writers.setdefault(channel, set()).add(names[task])
            if not leads:
                self.taken.add((names[task], END))

    def task_names(self, ran: Sequence[str], parent: CheckpointTuple, written: dict[str, set[str]]) -> dict[str, str]:
        """Writes are kept by task id. Only the graph knows which node that was, unless just one node ran."""
        if len(set(ran)) == 1 and len(written) <= 1:
            return dict.fromkeys(written, ran[0])
        snapshot = self.snapshot(id_of(parent))
        return {task.id: task.name for task in snapshot.tasks} if snapshot else {}

    def forget_disarmed(self, edited: CheckpointTuple) -> None:
        """An edit leaves armed only what its own writes arm again. Joins that wait for more keep what they have."""
        rewritten = _all(_written_by_task(edited).values())
        for trigger in set(self.writers) - rewritten:
            channel = self.reader.channels.get(trigger)
            if channel is None or isinstance(channel, EphemeralValue):
                del self.writers[trigger]

    def end(self, head: CheckpointTuple, *, cut: bool) -> Path:
        live = self.snapshot(None)
        names = [task.name for task in live.tasks] if live else []
        current = nodes_next(self.reader, live, head) if live else ()
        self.arrive(names)
        return Path(
            done=(*self.done, *(Counter(names) - Counter(current)).elements()),
            current=tuple(dict.fromkeys(current)),
            taken=frozenset(self.taken),
            waiting=self.waiting(live) if live else (),
            cut=cut,
        )

    def waiting(self, live: StateSnapshot) -> tuple[str, ...]:
        """Those that asked; at a static breakpoint, where nothing asks, those that are held there."""
        asking = [task.name for task in live.tasks if task.interrupts]
        if asking or len(live.next) < len(live.tasks) or any(task.error for task in live.tasks):
            return tuple(dict.fromkeys(asking))
        names = [task.name for task in live.tasks]
        if _held(self.graph.interrupt_after_nodes, self.last_ran):
            return tuple(dict.fromkeys(names))
        return tuple(dict.fromkeys(_held(self.graph.interrupt_before_nodes, names)))

    def snapshot(self, checkpoint_id: str | None) -> StateSnapshot | None:
        """Of what was read without its long values; some states cannot do without them."""
        for reader in (self.reader, self.graph):
            with suppress(Exception):  # today's graph may not read yesterday's state: then nothing is claimed about it
                return reader.get_state(address(self.thread_id, checkpoint_id))
        return None


def _held(breakpoints: str | Sequence[str], names: Iterable[str]) -> list[str]:
    """`*` stands for all nodes."""
    return [name for name in names if breakpoints == "*" or name in breakpoints]


def _written_by_task(record: CheckpointTuple) -> dict[str, set[str]]:
    """The channels each task wrote. A Send is written to a channel of all Sends: here it is one for its target."""
    written: dict[str, set[str]] = {}
    for task, channel, value in record.pending_writes or ():
        if task != NOBODY and channel not in OUTCOMES:
            target = getattr(value, "node", "") if channel == SENDS else ""
            written.setdefault(task, set()).add(_sent_to(target) if target else channel)
    return written


def _sent_to(node: str) -> str:
    return f"{SENDS}:{node}"


def _all(sets: Iterable[set[str]]) -> set[str]:
    return set().union(*sets)
