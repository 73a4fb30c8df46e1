"""Reading chains for pages: their forms, their questions, and what LangGraph has saved of a thread."""

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from approvals.models import Interrupt, Thread, Verdict
from approvals.opened import checkpointer, compiled, registry
from chains import questions, snapshots
from chains.asking import Verdict as AskedVerdict
from chains.chat_models import model_label
from chains.drawing import Drawing, draw
from chains.editing import BadEdit, HeadMoved, Preview, editable_schema, plain_values, preview_edit
from chains.questions import BadAnswer, Question
from chains.registry import BrokenChain, Chain, Graph, UnknownChain
from chains.snapshots import Change, State, Step

__all__ = [
    "BadAnswer",
    "BadEdit",
    "BrokenChain",
    "Chain",
    "Change",
    "Drawing",
    "HeadMoved",
    "Question",
    "State",
    "StateForm",
    "Step",
    "UnknownChain",
]

STEPS_SHOWN = 50


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
    return questions.read_question(interrupt.value, interrupt.response_schema, node=interrupt.node)


def build_answer(interrupt: Interrupt, *, verdict: Verdict, arguments: Any, message: str, reviewer: str) -> Any:
    """The value the node will receive. Raises BadAnswer when it would not fit the question."""
    return questions.build_answer(
        question_of(interrupt),
        verdict=AskedVerdict(verdict.value),
        payload_sha256=interrupt.payload_sha256,
        arguments=arguments,
        message=message,
        reviewer=reviewer,
    )


def state_of(thread: Thread, *, checkpoint_id: str | None = None) -> State | None:
    """The live head, or the record of one checkpoint; None when nothing was saved."""
    with _graph(thread) as graph:
        return snapshots.state_at(graph, str(thread.id), checkpoint_id=checkpoint_id)


def steps_of(thread: Thread, *, before: str | None = None, limit: int = STEPS_SHOWN) -> list[Step]:
    """Newest first; `before` is the checkpoint id to go on from."""
    with _graph(thread) as graph:
        return snapshots.steps(graph, str(thread.id), limit=limit, before=before)


def changes_of(thread: Thread) -> list[Change]:
    """What the last finished step changed, by path."""
    with _graph(thread) as graph:
        thread_id = str(thread.id)
        newest = snapshots.steps(graph, thread_id, limit=1)
        parent = newest[0].parent_id if newest else None
        after = snapshots.state_at(graph, thread_id)
        before = snapshots.state_at(graph, thread_id, checkpoint_id=parent) if parent else None
        return snapshots.changes(before, after) if after else []


def drawing_of(thread: Thread) -> Drawing:
    with _graph(thread) as graph:
        path = snapshots.path(graph, str(thread.id))
        return draw(graph, path=path, title=f"Graph of {thread.chain}, version {thread.chain_version}")


@dataclass(frozen=True)
class StateForm:
    """What the edit page needs: the keys that can be set, their values, and the checkpoint these are from."""

    schema: dict[str, Any]
    values: dict[str, Any]
    checkpoint_id: str


def state_form(thread: Thread) -> StateForm | None:
    with _graph(thread) as graph:
        snapshot = graph.get_state({"configurable": {"thread_id": str(thread.id)}})
        if snapshot.metadata is None:
            return None
        return StateForm(
            schema=editable_schema(graph),
            values=plain_values(graph, snapshot.values),
            checkpoint_id=str(snapshot.config["configurable"]["checkpoint_id"]),
        )


def preview_state_edit(thread: Thread, values: dict[str, Any], *, seen_checkpoint_id: str) -> Preview:
    """What would run next. Raises BadEdit or HeadMoved when the edit would be refused."""
    with _graph(thread) as graph:
        return preview_edit(graph, str(thread.id), values, expected=seen_checkpoint_id)


@contextmanager
def _graph(thread: Thread) -> Iterator[Graph]:
    with checkpointer().read() as line:
        yield compiled(thread.chain, line.saver, line.graphs)
