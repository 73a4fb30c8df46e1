"""What a step used of a model, where its chain keeps that in its state under `step_metadata`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import CheckpointTuple

from chains.snapshots.lean import USAGE


@dataclass(frozen=True)
class Usage:
    """`cost` is in US dollars; 0 where nobody knows."""

    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0

    def __bool__(self) -> bool:
        return bool(self.tokens_in or self.tokens_out or self.cost)


NONE = Usage()


def usage_of(record: CheckpointTuple, parent: CheckpointTuple | None) -> Usage:
    """What the step that made this checkpoint added to the entries; nothing when it cannot be told."""
    if parent is None:
        return NONE
    before = _entries(parent)
    added = [entry for name, entry in _entries(record).items() if before.get(name) != entry]
    return Usage(
        tokens_in=int(sum(_numbers(added, "tokens_in"))),
        tokens_out=int(sum(_numbers(added, "tokens_out"))),
        cost=float(sum(_numbers(added, "cost"))),
    )


def _entries(record: CheckpointTuple) -> Mapping[str, Any]:
    found = record.checkpoint["channel_values"].get(USAGE)
    return found if isinstance(found, Mapping) else {}


def _numbers(entries: list[Any], name: str) -> Iterator[int | float]:
    """A chain may keep anything under these names; what is no amount counts as nothing."""
    for entry in entries:
        found = entry.get(name) if isinstance(entry, Mapping) else None
        if isinstance(found, int | float) and not isinstance(found, bool) and 0 <= found < 1e12:
            yield found
