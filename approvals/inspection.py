"""Reading chains for pages: their forms, their questions, and what LangGraph has saved of a thread."""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from approvals.models import Interrupt, Thread, Verdict
from approvals.opened import checkpointer, compiled, registry
from chains import questions, snapshots
from chains.asking import Verdict as AskedVerdict
from chains.chat_models import model_label
from chains.checkpointers import BadPlace, SaverFailed
from chains.drawing import Drawing, draw, label
from chains.editing import Edit, HeadMoved, PassesBy, Preview, nodes_to_edit_as, preview_edit
from chains.forking import Plan, plan_fork
from chains.questions import BadAnswer, Item, Question
from chains.registry import BrokenChain, Chain, Graph, UnknownChain
from chains.settable import BadEdit, Fixed, editable_schema, plain_values
from chains.snapshots import Change, Lane, Message, NodeFailure, State, Step, ToolCall, differences
from chains.snapshots.records import READABLE_ID
from chains.strict import CannotRead
from chains.tools import tool_schemas

__all__ = [
    "BadAnswer",
    "BadEdit",
    "BrokenChain",
    "Chain",
    "Change",
    "CheckpointsAway",
    "Drawing",
    "Edit",
    "HeadMoved",
    "Item",
    "Lane",
    "Message",
    "NodeFailure",
    "PassesBy",
    "Plan",
    "Preview",
    "Question",
    "Reply",
    "State",
    "StateForm",
    "Step",
    "ToolCall",
    "UnknownChain",
    "differences",
]

STEPS_SHOWN = 50
AWAY = "Its checkpoints cannot be read just now. {why} Questions can be decided all the same."


class CheckpointsAway(BrokenChain):
    """Nothing can be shown of the thread's state: where it is kept does not answer."""


@dataclass(frozen=True)
class Reply:
    """What people say to one part of a question: a verdict, edited arguments for an edit, words, and another tool for
    those arguments where the chain allows that.
    """

    verdict: Verdict
    arguments: Any = None
    message: str = ""
    action: str = ""


def chains() -> list[Chain]:
    return [registry().get(name) for name in registry().names()]


def chain(name: str) -> Chain:
    """Raises UnknownChain."""
    return registry().get(name)


@functools.cache
def model_in_use() -> str:
    """The model's name as people should read it; the offline one says that it is offline."""
    return model_label(settings.HOLDPOINT_MODEL)


def question_of(interrupt: Interrupt) -> Question:
    """The question, read from the very bytes that were hashed."""
    tools = _tools_of(interrupt.thread.chain)
    return questions.read_question(interrupt.value, interrupt.response_schema, node=interrupt.node, tools=tools)


def parts_of(interrupt: Interrupt) -> tuple[tuple[str, Any], ...]:
    """The actions of a question with their arguments. Raises ValueError for what cannot be read any more."""
    found = questions.read_question(interrupt.value, interrupt.response_schema, node=interrupt.node)
    return tuple((item.action, item.arguments) for item in found.items)


def build_answer(interrupt: Interrupt, replies: Sequence[Reply], *, reviewer: str, is_by_policy: bool = False) -> Any:
    """The value the node will receive. Raises BadAnswer when it would not fit the question."""
    return questions.build_answer(
        question_of(interrupt),
        [
            questions.Reply(AskedVerdict(reply.verdict.value), reply.arguments, reply.message, reply.action)
            for reply in replies
        ],
        payload_sha256=interrupt.payload_sha256,
        reviewer=reviewer,
        may_rename=may_rename(interrupt.thread.chain),
        is_by_policy=is_by_policy,
    )


def may_rename(chain_name: str) -> bool:
    """Whether an edit may turn one tool's call into another's."""
    try:
        return chain(chain_name).may_rename
    except (BrokenChain, UnknownChain):
        return False


def answer_by_policy(interrupt: Interrupt, verdict: Verdict, *, note: str) -> Any:
    """The value the node will receive when nobody was in time. Raises BadAnswer when the question takes no such.

    Most formats have no place for who decided, so the words say it.
    """
    said = f"{note} The policy {interrupt.policy} decided, not a person."
    replies = [Reply(verdict, message=said)] * len(question_of(interrupt).items)
    return build_answer(interrupt, replies, reviewer=f"Policy: {interrupt.policy}", is_by_policy=True)


def kept_in() -> str:
    """Where checkpoints are when a worker that was cut off may still write there; empty where it cannot."""
    try:
        found = checkpointer()
    except BadPlace:
        return ""
    return "" if found.is_fenced else f"{found.label}, not fenced"


def retries_of(thread: Thread) -> int:
    """How often a run of this thread is tried again after errors that pass by themselves."""
    try:
        return chain(thread.chain).retry.times
    except (BrokenChain, UnknownChain):
        return 0


def state_of(
    thread: Thread, *, checkpoint_id: str | None = None, namespace: str = "", limit: int | None = None
) -> State | None:
    """The live head, or the record of one checkpoint; None when nothing was saved. See state_at."""
    with _graph(thread) as graph:
        return snapshots.state_at(graph, str(thread.id), checkpoint_id=checkpoint_id, namespace=namespace, limit=limit)


def between(thread: Thread, before: str, after: str) -> tuple[State | None, State | None, list[Change]]:
    """Two checkpoints and what differs; None for one that is not there."""
    with _graph(thread) as graph:
        one = snapshots.state_at(graph, str(thread.id), checkpoint_id=before)
        two = snapshots.state_at(graph, str(thread.id), checkpoint_id=after)
        return one, two, snapshots.changes(one, two) if one and two else []


def node_label(name: str) -> str:
    """A node's name in words where it is one that LangChain made up."""
    return label(name)


def words_between(old: str, new: str) -> list[tuple[str, str]]:
    """("same", "old" or "new", text): see chains.snapshots.words."""
    return snapshots.words(old, new)


def lanes_of(steps: Sequence[Step], *, is_newest: bool) -> list[Lane]:
    """The branches beside a page of steps, newest first."""
    return snapshots.lanes(steps, is_newest=is_newest)


def steps_of(thread: Thread, *, before: str | None = None, limit: int = STEPS_SHOWN) -> list[Step]:
    """Newest first; `before` is the checkpoint id to go on from."""
    with _graph(thread) as graph:
        return snapshots.steps(graph, str(thread.id), limit=limit, before=before)


def changes_since(thread: Thread, checkpoint_id: str | None, after: State) -> list[Change]:
    """What differs between a checkpoint and a state that was read already, by path; everything when there is none."""
    before = state_of(thread, checkpoint_id=checkpoint_id) if checkpoint_id else None
    return snapshots.changes(before, after)


def drawing_of(thread: Thread) -> Drawing:
    with _graph(thread) as graph:
        path = snapshots.path(graph, str(thread.id))
        return draw(graph, path=path, title=f"Graph of {thread.chain}, version {thread.chain_version}")


@dataclass(frozen=True)
class StateForm:
    """What the edit page needs: the keys that can be set, their values, the checkpoint these are from, the nodes
    whose work an edit can count as, and the keys that can only be looked at.
    """

    schema: dict[str, Any]
    values: dict[str, Any]
    checkpoint_id: str
    nodes: tuple[str, ...] = ()
    fixed: tuple[Fixed, ...] = ()


def state_form(thread: Thread, *, checkpoint_id: str = "") -> StateForm | None:
    """Of the live head, or of one checkpoint; None when nothing was saved there."""
    if checkpoint_id and not READABLE_ID.fullmatch(checkpoint_id):
        return None
    named = {"checkpoint_id": checkpoint_id} if checkpoint_id else {}
    with _graph(thread) as graph:
        snapshot = graph.get_state({"configurable": {"thread_id": str(thread.id), **named}})
        if snapshot.metadata is None:
            return None
        values, fixed = plain_values(graph, snapshot.values)
        return StateForm(
            schema=editable_schema(graph, values, without=[one.key for one in fixed]),
            values=values,
            checkpoint_id=str(snapshot.config["configurable"]["checkpoint_id"]),
            nodes=tuple(nodes_to_edit_as(graph)),
            fixed=fixed,
        )


def failures_of(thread: Thread) -> list[NodeFailure]:
    """What the nodes said that failed last, in full as far as it goes: for operators."""
    with _graph(thread) as graph:
        return snapshots.node_failures(graph, str(thread.id))


def preview_state_edit(thread: Thread, edit: Edit, *, seen_checkpoint_id: str) -> Preview:
    """What would run next. Raises BadEdit or HeadMoved when the edit would be refused."""
    with _graph(thread) as graph:
        return preview_edit(graph, str(thread.id), edit, expected=seen_checkpoint_id)


def plan_replay(thread: Thread, checkpoint_id: str, edit: Edit | None = None) -> Plan:
    """What going on from an earlier checkpoint would run. Raises BadEdit or HeadMoved when it would be refused."""
    with _graph(thread) as graph:
        return plan_fork(graph, str(thread.id), checkpoint_id, edit)


@functools.cache
def _tools_of(chain: str) -> dict[str, dict[str, Any]]:
    """What the chain's tools take, for the forms that edit their arguments; nothing when the chain cannot be loaded."""
    try:
        return tool_schemas(registry().compile(chain))
    except (BrokenChain, UnknownChain):
        return {}


@contextmanager
def _graph(thread: Thread) -> Iterator[Graph]:
    try:
        with checkpointer().read() as line:
            yield compiled(thread.chain, line.saver, line.graphs)
    except (BadPlace, CannotRead, SaverFailed) as error:
        raise CheckpointsAway(AWAY.format(why=error)) from error
