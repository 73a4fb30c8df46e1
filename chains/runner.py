"""advance(): read the head of a thread, do the one thing it calls for, read it again.

The head decides, never the message that woke the worker: a message may be late, doubled or forged.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl
from langgraph.types import Command, StreamMode

from chains.checkpointers import attentive
from chains.effects import Ledger, written_to
from chains.heads import Head, HeadStatus, read_head
from chains.marks import BY_KEY, REASON_KEY, RUN_KEY
from chains.ordering import come_after
from chains.progress import MODES, NodeStarted, Sign, Signs
from chains.registry import Graph
from chains.retrying import asked_pause, is_passing

logger = logging.getLogger(__name__)

# LangGraph's own default is ten thousand: a loop that never ends would cost a fortune before it failed.
RECURSION_LIMIT = 200
LONGEST_MESSAGE = 300

OnStep = Callable[[str], None]
OnProgress = Callable[[Sign], None]

HELD_BACK = "A reviewer did not let the graph go on. Stop the request, or edit its state to be asked anew."


@dataclass(frozen=True)
class Work:
    """What a run may do. `first` starts a thread that has no checkpoint, `turn` a finished thread's next turn, and a
    waiting one's when it `discards` the question;
    `answers` are keyed by (interrupt id, hash); `ask_again_at` is the checkpoint whose questions are asked anew.
    """

    run_id: str
    first: Mapping[str, Any] | None = None
    turn: Mapping[str, Any] | None = None
    discards: bool = False
    answers: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    ask_again_at: str = ""
    by: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Failure:
    """A node's error. `message` is one bounded line; `is_passing` when trying again may help, but not before `pause`
    seconds when the other side asked for that.
    """

    error_class: str
    message: str
    is_passing: bool = False
    pause: float = 0.0

    @classmethod
    def of(cls, error: BaseException) -> "Failure":
        line = next(iter(str(error).strip().splitlines()), "").replace("\x00", "")
        return cls(type(error).__name__, line[:LONGEST_MESSAGE], is_passing(error), asked_pause(error))


@dataclass(frozen=True)
class Outcome:
    """`usage` is tokens in and out by model, as the models reported them."""

    head: Head
    failure: Failure | None = None
    drained: bool = False
    usage: Mapping[str, tuple[int, int]] = field(default_factory=dict)


_NOTHING: Final = object()


class CheckpointsGone(RuntimeError):
    """The checkpoints of this request are no longer kept, so it cannot go on. Send the request again."""


class HeldBack(RuntimeError):
    """The answer at a static breakpoint was not to go on, and there is no node that could be told."""


def advance(
    graph: Graph,
    thread_id: str,
    work: Work,
    *,
    control: RunControl | None = None,
    on_step: OnStep | None = None,
    on_progress: OnProgress | None = None,
    ledger: Ledger | None = None,
) -> Outcome:
    """Call while holding the thread. `on_step(node)` is told as nodes begin, `on_progress(sign)` of all there is to
    see; both from this thread, and both must return at once. `ledger` keeps the nodes' outside calls.

    A node's error comes back as `Outcome.failure`; an error of the saver is raised, since nothing is known then.
    Raises SaverFailed or LockLost for that, and CheckpointsGone when nothing is saved and `work.first` does not say
    how to start.
    """
    counter = UsageMetadataCallbackHandler()
    head = read_head(graph, thread_id)
    try:
        step = _next_input(head, work)
    except HeldBack as error:
        return Outcome(head, Failure.of(error))
    failure, drained = None, False
    if step is not _NOTHING:
        config: RunnableConfig = {**config_for(thread_id, work), "callbacks": [counter]}
        if _asks_again(head, work):
            config["configurable"]["checkpoint_id"] = work.ask_again_at
        come_after(head.newest_id)
        with attentive(graph.checkpointer):
            try:
                with written_to(ledger):
                    _drive(graph, step, config, control, on_step, on_progress)
            except GraphDrained:
                drained = True
            except Exception as error:  # whatever a node raised; whatever its saver did comes out of `attentive`
                failure = Failure.of(error)
    return Outcome(read_head(graph, thread_id), failure, drained, _usage(counter))


def config_for(thread_id: str, work: Work) -> RunnableConfig:
    """Strict resume: an id that is not pending is refused instead of being taken for the next question's."""
    metadata = {RUN_KEY: work.run_id, BY_KEY: work.by, REASON_KEY: work.reason}
    return {
        "configurable": {"thread_id": thread_id, "__pregel_strict_resume": True},
        "metadata": {key: value for key, value in metadata.items() if value},
        "recursion_limit": RECURSION_LIMIT,
    }


def _next_input(head: Head, work: Work) -> Any:
    """None continues; `_NOTHING` means that there is nothing for this run to do."""
    if head.status is HeadStatus.UNFINISHED or _asks_again(head, work):
        return None
    is_new_turn = work.turn is not None and head.run_id != work.run_id
    if head.status is HeadStatus.WAITING and not (is_new_turn and work.discards):
        chosen = {p.interrupt_id: work.answers[p.key] for p in head.pending if p.key in work.answers}
        if chosen and head.is_paused:
            _require_yes(chosen)
            return None
        return Command(resume=chosen) if chosen else _NOTHING
    if head.status is HeadStatus.MISSING:
        if work.first is None:
            raise CheckpointsGone(CheckpointsGone.__doc__)
        return dict(work.first)
    return dict(work.turn) if is_new_turn and work.turn is not None else _NOTHING


def _require_yes(answers: Mapping[str, Any]) -> None:
    """Only a plain yes makes LangGraph go on. Raises HeldBack."""
    if any(answer is not True for answer in answers.values()):
        raise HeldBack(HELD_BACK)


def _asks_again(head: Head, work: Work) -> bool:
    """LangGraph keeps an answer its node refused, and gives it to the node for ever after. Naming the checkpoint
    makes it fork instead: the questions are asked anew, under new ids. Done once for each run, and never at a static
    breakpoint, which a fork would pass.
    """
    return (
        not head.is_paused
        and bool(work.ask_again_at)
        and head.checkpoint_id == work.ask_again_at
        and head.run_id != work.run_id
    )


def _drive(
    graph: Graph,
    step: Any,
    config: RunnableConfig,
    control: RunControl | None,
    on_step: OnStep | None,
    on_progress: OnProgress | None,
) -> None:
    """Text and progress are asked for only when somebody is told. LangGraph then runs nodes in threads beside one that
    waits for what they show, so a graph that allows itself a single thread would hang: it tells of its nodes alone.
    """
    shows_all = on_progress is not None and (graph.config or {}).get("max_concurrency") != 1
    modes: list[StreamMode] = list(MODES) if shows_all else ["tasks"]
    signs = Signs()
    for part in graph.stream(step, config, stream_mode=modes, subgraphs=shows_all, durability="sync", control=control):
        namespace, mode, payload = cast(Any, part) if shows_all else ((), *cast(Any, part))
        try:
            for sign in signs.of(namespace, mode, payload):
                _tell(sign, on_step, on_progress)
        except Exception:  # a run is worth more than the sight of it
            logger.exception("what a node shows could not be told")


def _tell(sign: Sign, on_step: OnStep | None, on_progress: OnProgress | None) -> None:
    if on_step is not None and isinstance(sign, NodeStarted) and len(sign.path) == 1:
        on_step(sign.path[0])
    if on_progress is not None:
        on_progress(sign)


def _usage(counter: UsageMetadataCallbackHandler) -> dict[str, tuple[int, int]]:
    return {model: (used["input_tokens"], used["output_tokens"]) for model, used in counter.usage_metadata.items()}
