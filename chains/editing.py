"""Editing the state of a paused thread through LangGraph's own update_state, checked before anything is stored."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import InvalidUpdateError

from chains.heads import Head, read_head
from chains.ordering import come_after
from chains.registry import Graph
from chains.runner import Failure, Outcome, Work, config_for
from chains.settable import BadEdit, as_update, refuse_fixed


class PassesBy(BadEdit):
    """The edit would take the thread past a node that waits for an answer."""


class HeadMoved(ValueError):
    """The thread has gone on since the person looked."""


@dataclass(frozen=True)
class Edit:
    """What to set, as JSON: each key whole, be it a plain one or one with a reducer. `as_node` is the node the edit
    counts as the work of, which decides what runs next; empty leaves that to LangGraph: the node that wrote last.
    `may_pass` allows that a waiting node is passed by.
    """

    values: Mapping[str, Any]
    as_node: str = ""
    may_pass: bool = False


@dataclass(frozen=True)
class Preview:
    """What would run next after an edit, and which waiting nodes it would pass by."""

    next: tuple[str, ...]
    skipped: tuple[str, ...]


def nodes_to_edit_as(graph: Graph) -> list[str]:
    """The nodes an edit may count as the work of."""
    return [name for name in graph.nodes if not name.startswith("__")]


def edit_state(graph: Graph, thread_id: str, work: Work, edit: Edit, *, expected: str) -> Outcome:
    """Store the edit on the head the person saw, as a checkpoint of source `update`. Call while holding the thread.

    A second call for the same run changes nothing. Raises HeadMoved, or BadEdit with nothing stored.
    """
    head = read_head(graph, thread_id)
    if head.run_id == work.run_id:
        return Outcome(head)
    preview_edit(graph, thread_id, edit, expected=expected)
    come_after(head.newest_id)
    graph.update_state(config_for(thread_id, work), as_update(graph, edit.values), as_node=edit.as_node or None)
    return Outcome(own_head(graph, thread_id, work))


def own_head(graph: Graph, thread_id: str, work: Work) -> Head:
    """The head, which this run has just written. Raises HeadMoved when something else is: what was written would then
    stand in the past, and nobody would see it (chains.ordering keeps that from happening).
    """
    head = read_head(graph, thread_id)
    if head.run_id != work.run_id:
        raise HeadMoved("The change did not become the newest step. Set the clocks of the machines, then try again.")
    return head


def preview_edit(graph: Graph, thread_id: str, edit: Edit, *, expected: str) -> Preview:
    """Try the edit on a copy of the head in memory. Raises what edit_state() would raise, and stores nothing."""
    head = read_head(graph, thread_id)
    if head.checkpoint_id != expected:
        raise HeadMoved("The thread went on since you looked. Reload the page and edit what is there now.")
    after = try_on_copy(graph, thread_id, edit, checkpoint_id=expected)
    waiting = {pending.outer_node for pending in head.pending} or set(head.next)
    return Preview(after, passed_by(waiting, after, edit))


def passed_by(waiting: Collection[str], after: Collection[str], edit: Edit) -> tuple[str, ...]:
    """Of the nodes that were to run, those that an edit leaves out. Raises PassesBy unless that is meant."""
    skipped = tuple(sorted(node for node in set(waiting) - set(after) if not node.startswith("__")))
    if skipped and not edit.may_pass:
        raise PassesBy(
            f"This edit would take the thread past {', '.join(skipped)} without an answer. "
            "Confirm that this is meant, answer the question, or change something else."
        )
    return skipped


def try_on_copy(graph: Graph, thread_id: str, edit: Edit, *, checkpoint_id: str) -> tuple[str, ...]:
    """The nodes that would run next after an edit of this checkpoint. Raises BadEdit; stores nothing."""
    if edit.as_node and edit.as_node not in nodes_to_edit_as(graph):
        raise BadEdit(f"The graph has no node {edit.as_node!r}.", "as_node")
    stored = _raw(graph, thread_id, checkpoint_id)
    refuse_fixed(graph, edit.values, stored.checkpoint["channel_values"])
    update = as_update(graph, edit.values)
    saver = InMemorySaver()
    copy = graph.builder.compile(checkpointer=saver)
    _copy_onto(stored, saver)
    config = config_for(thread_id, Work(run_id=""))
    come_after(checkpoint_id)
    try:
        copy.update_state(config, update, as_node=edit.as_node or None)
    except InvalidUpdateError as error:
        if edit.as_node:
            raise BadEdit(f"The state cannot be edited as if {edit.as_node} had just run.", "as_node") from error
        raise BadEdit(
            "Several nodes ran side by side. Say as if which of them the edit was made.", "as_node"
        ) from error
    except Exception as error:  # reducers and routers are the graph author's code
        raise BadEdit(f"The graph refused the edit: {Failure.of(error).message}") from error
    return tuple(task.name for task in copy.get_state(config).tasks)


def _raw(graph: Graph, thread_id: str, checkpoint_id: str) -> CheckpointTuple:
    saver = graph.checkpointer
    found = None
    if saver is not None and not isinstance(saver, bool):
        named = {"thread_id": thread_id, "checkpoint_ns": "", "checkpoint_id": checkpoint_id}
        found = saver.get_tuple({"configurable": named})
    if found is None:
        raise HeadMoved("That step is not saved any more. Reload the page.")
    return found


def _copy_onto(head: CheckpointTuple, saver: InMemorySaver) -> None:
    configurable = {"thread_id": head.config["configurable"]["thread_id"], "checkpoint_ns": ""}
    versions = head.checkpoint["channel_versions"]
    saver.put({"configurable": configurable}, head.checkpoint, head.metadata, versions)
