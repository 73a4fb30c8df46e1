"""Which way a thread went through its graph: along the head's ancestors, never along an abandoned branch."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise

from langgraph.channels import EphemeralValue
from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import END, START
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import StateSnapshot

from chains.heads import BRANCH
from chains.registry import Graph
from chains.snapshots.records import (
    SENDS,
    address,
    id_of,
    line,
    namespace_of,
    newest,
    nodes_next,
    nodes_run,
    origin_of,
    reading,
    source_of,
)

# Newest checkpoints looked at, of a thread and of each execution of a subgraph; newest executions looked into.
MOST, MOST_INSIDE = 200, 20
# How deep subgraphs are looked into.
DEEPEST = 3
# Writes that say what became of a node, not where it leads: part of LangGraph's stored format.
OUTCOMES = frozenset({"__error__", "__error_source_node__", "__interrupt__", "__resume__"})
NOBODY = "00000000-0000-0000-0000-000000000000"
# Channels that lead to a node, even to one which today's graph does not have.
LEADING = (BRANCH, SENDS)


@dataclass(frozen=True)
class Path:
    """`done` has one entry per execution, in order. `current` runs next; those of it in `waiting` asked a person,
    and those in `failed` were tried and raised.

    `taken` has only edges that were certainly taken. `cut`: the thread is longer than what was read. `inside`: the same
    of nodes that are graphs themselves, of all their executions together; without those of which nothing is saved.
    """

    done: tuple[str, ...]
    current: tuple[str, ...]
    taken: frozenset[tuple[str, str]]
    waiting: tuple[str, ...] = ()
    cut: bool = False
    failed: tuple[str, ...] = ()
    inside: Mapping[str, "Path"] = field(default_factory=dict)


def path(graph: Graph, thread_id: str) -> Path:
    records = newest(graph, thread_id, limit=MOST)
    if not records:
        return Path(done=(), current=(), taken=frozenset())
    return _path(_Read(graph, thread_id, MOST_INSIDE), graph, records)


def _path(read: "_Read", graph: Graph, records: Sequence[CheckpointTuple], *, depth: int = 0) -> Path:
    """Of the thread, or of one execution of a subgraph."""
    ancestors = _since_input(list(line(records, start=id_of(records[0]))))
    walk = _Walk(graph, _Reader(read, records))
    for parent, child in pairwise(ancestors):
        walk.step(parent, child)
    cut = source_of(ancestors[0]) != "input" and origin_of(ancestors[0]) is not None
    found = walk.end(records[0], cut=cut)
    inside = _insides(read, graph, walk, depth=depth + 1) if depth < DEEPEST else {}
    return replace(found, inside=inside)


def _insides(read: "_Read", graph: Graph, walk: "_Walk", *, depth: int) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for name, inner in graph.get_subgraphs():
        tasks = [task for node, task in walk.tasks if node == name]
        if tasks and isinstance(inner, CompiledStateGraph):
            executions = read.executions(walk.reader.namespace, name, tasks)
            paths = [_path(read, inner, records, depth=depth) for records in executions]
            cut = read.left <= 0 and len(paths) < len(tasks)
            found |= {name: _together(paths, cut=cut)} if paths else {}
    return found


def _together(paths: Sequence[Path], *, cut: bool = False) -> Path:
    names = dict.fromkeys(name for path in paths for name in path.inside)
    return Path(
        done=tuple(node for path in paths for node in path.done),
        current=tuple(dict.fromkeys(node for path in paths for node in path.current)),
        taken=frozenset(edge for path in paths for edge in path.taken),
        waiting=tuple(dict.fromkeys(node for path in paths for node in path.waiting)),
        cut=cut or any(path.cut for path in paths),
        failed=tuple(dict.fromkeys(node for path in paths for node in path.failed)),
        inside={name: _together([path.inside[name] for path in paths if name in path.inside]) for name in names},
    )


def _since_input(ancestors: list[CheckpointTuple]) -> list[CheckpointTuple]:
    """Oldest first. A thread of several turns went its way once for each; only the last is "the path so far"."""
    turn = next((index for index, record in enumerate(ancestors) if source_of(record) == "input"), len(ancestors))
    return ancestors[: turn + 1][::-1]


@dataclass
class _Read:
    """What is read of a thread. `left`: how many more executions of subgraphs are."""

    graph: Graph
    thread_id: str
    left: int

    def executions(self, namespace: str, name: str, tasks: Sequence[str]) -> list[list[CheckpointTuple]]:
        """Oldest first. Each is kept by its task, or all in one place where the subgraph remembers for itself."""
        outer = f"{namespace}|" if namespace else ""
        lasting = "|".join(part.partition(":")[0] for part in f"{outer}{name}".split("|"))
        found = [self.records(f"{outer}{name}:{task}") for task in reversed(dict.fromkeys(tasks))]
        return [records for records in reversed(found) if records] or list(filter(None, [self.records(lasting)]))

    def records(self, namespace: str) -> list[CheckpointTuple]:
        self.left -= 1
        return newest(self.graph, self.thread_id, limit=MOST, namespace=namespace) if self.left >= 0 else []


class _Reader:
    """Reads snapshots of a thread, or of one execution of a subgraph, from checkpoints that are there already."""

    def __init__(self, read: _Read, records: Sequence[CheckpointTuple]) -> None:
        self.graphs = (reading(read.graph, records), read.graph)
        self.thread_id = read.thread_id
        self.namespace = namespace_of(records[0])

    def snapshot(self, checkpoint_id: str | None) -> StateSnapshot | None:
        """Of what was read without its long values; some states cannot do without them."""
        for graph in self.graphs:
            with suppress(Exception):  # today's graph may not read yesterday's state: then nothing is claimed about it
                return graph.get_state(address(self.thread_id, checkpoint_id, namespace=self.namespace))
        return None


class _Walk:
    """Follows the checkpoints from old to new, remembering who wrote what the next nodes wait for."""

    def __init__(self, graph: Graph, reader: _Reader) -> None:
        self.graph = graph
        self.reader = reader
        self.triggers = {name: {*node.triggers, _sent_to(name)} for name, node in graph.nodes.items()}
        self.writers: dict[str, set[str]] = {}
        self.done: list[str] = []
        self.taken: set[tuple[str, str]] = set()
        self.last_ran: list[str] = []
        self.tasks: list[tuple[str, str]] = []

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
        self.tasks += [(names[task], task) for task in written if task in names]
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
        snapshot = self.reader.snapshot(id_of(parent))
        return {task.id: task.name for task in snapshot.tasks} if snapshot else {}

    def forget_disarmed(self, edited: CheckpointTuple) -> None:
        """An edit leaves armed only what its own writes arm again. Joins that wait for more keep what they have."""
        rewritten = _all(_written_by_task(edited).values())
        for trigger in set(self.writers) - rewritten:
            channel = self.graph.channels.get(trigger)
            if channel is None or isinstance(channel, EphemeralValue):
                del self.writers[trigger]

    def end(self, head: CheckpointTuple, *, cut: bool) -> Path:
        live = self.reader.snapshot(None)
        names = [task.name for task in live.tasks] if live else []
        current = nodes_next(self.graph, live, head) if live else ()
        self.tasks += [(task.name, task.id) for task in live.tasks] if live else []
        self.arrive(names)
        return Path(
            done=(*self.done, *(Counter(names) - Counter(current)).elements()),
            current=tuple(dict.fromkeys(current)),
            taken=frozenset(self.taken),
            waiting=self.waiting(live) if live else (),
            cut=cut,
            failed=tuple(dict.fromkeys(task.name for task in live.tasks if task.error)) if live else (),
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
