"""What a graph shows while it works: small, bounded signs, made of what LangGraph streams.

A node that counts its work says so with `get_stream_writer()({"done": 3, "total": 12, "label": "Reading pages"})`.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk
from langgraph.types import StreamMode

MODES: Final[tuple[StreamMode, ...]] = ("tasks", "messages", "custom")
LONGEST_NAME = 100
LONGEST_LABEL = 200
# Of one piece. Models send a word or two at a time; a longer piece is cut, and the whole is read when it is saved.
LONGEST_TEXT = 4_000
DEEPEST = 4
LARGEST_NUMBER = 1e15

# Names of the nodes from the outermost graph to the innermost: more than one inside a subgraph.
Path = tuple[str, ...]


class Ending(StrEnum):
    DONE = "done"
    ASKS = "asks"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NodeStarted:
    path: Path
    task_id: str


@dataclass(frozen=True, slots=True)
class NodeEnded:
    path: Path
    task_id: str
    ending: Ending


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of what a model writes, to be put behind the pieces that came before it under the same `message_id`."""

    path: Path
    message_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """`path` is empty when several nodes are at work and it could be anyone's. `total` is None when it is not known."""

    path: Path
    label: str
    done: float | None
    total: float | None


Sign = NodeStarted | NodeEnded | Text | Progress


class Signs:
    """Of one call of a graph's stream(), in order."""

    def __init__(self) -> None:
        self._at_work: dict[str, Path] = {}
        self._streamed: set[str] = set()

    def of(self, namespace: tuple[str, ...], mode: str, payload: Any) -> Iterator[Sign]:
        """What this is a sign of; nothing at all for what is not understood."""
        outer = tuple(_name(segment.partition(":")[0]) for segment in namespace)[:DEEPEST]
        if mode == "tasks":
            yield self._node(outer, payload)
        elif mode == "messages":
            yield from self._text(outer, *payload)
        elif mode == "custom":
            yield from self._progress(outer, payload)

    def _node(self, outer: Path, task: Mapping[str, Any]) -> NodeStarted | NodeEnded:
        path, task_id = (*outer, _name(task["name"])), str(task["id"])[:LONGEST_NAME]
        if "input" in task:
            self._at_work[task_id] = path
            return NodeStarted(path, task_id)
        self._at_work.pop(task_id, None)
        self._streamed.discard(task_id)
        if task.get("error"):
            return NodeEnded(path, task_id, Ending.FAILED)
        return NodeEnded(path, task_id, Ending.ASKS if task.get("interrupts") else Ending.DONE)

    def _text(self, outer: Path, message: Any, about: Mapping[str, Any]) -> Iterator[Text]:
        """A node that streamed gives the same text once more when it returns it as a message: that is left out."""
        task_id = str(about.get("langgraph_checkpoint_ns", "")).rpartition(":")[2]
        if isinstance(message, AIMessageChunk):
            self._streamed.add(task_id)
        elif not isinstance(message, AIMessage) or task_id in self._streamed:
            return
        text = str(message.text)
        if text:
            path = (*outer, _name(about.get("langgraph_node", "")))
            yield Text(path, str(message.id)[:LONGEST_NAME], _cut(text, LONGEST_TEXT))

    def _progress(self, outer: Path, told: Any) -> Iterator[Progress]:
        if isinstance(told, str):
            told = {"label": told}
        if not isinstance(told, Mapping):
            return
        label = told.get("label")
        label = _on_one_line(label) if isinstance(label, str) else ""
        total = _number(told.get("total")) or None
        done = _number(told.get("done"))
        if done is not None and total is not None:
            done = min(done, total)
        if label or done is not None:
            yield Progress(self._whose(outer), label, done, total)

    def _whose(self, outer: Path) -> Path:
        """LangGraph says which graph it was, not which of its nodes."""
        inside = [path for path in self._at_work.values() if path[:-1] == outer]
        return inside[0] if len(inside) == 1 else outer


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LARGEST_NUMBER and math.isfinite(value) else None


def _name(text: Any) -> str:
    return _cut(str(text), LONGEST_NAME)


def _on_one_line(text: str) -> str:
    return _cut(re.sub(r"\s+", " ", text[: 2 * LONGEST_LABEL]).strip(), LONGEST_LABEL)


def _cut(text: str, limit: int) -> str:
    """Without halves of characters, which no wire carries."""
    whole = text if len(text) <= limit else text[: limit - 1] + "…"
    return whole.encode("utf-8", errors="replace").decode()
