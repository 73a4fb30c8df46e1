"""Counting what one saver writes changes no other."""

from langgraph.checkpoint.base import BaseCheckpointSaver, empty_checkpoint
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from chains.checkpointers.counted import CHECKPOINT, counted


class Tally:
    def __init__(self) -> None:
        self.done_so_far: list[tuple[str, int]] = []

    def done(self, operation: str, *, size: int, seconds: float) -> None:
        self.done_so_far.append((operation, size))

    def failed(self, operation: str) -> None: ...

    def reached(self, checkpoint_id: str, step: int | None) -> None: ...


def test_a_serializer_that_savers_share_stays_as_it_is() -> None:
    tally, saver = Tally(), InMemorySaver()
    place = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}

    counted(saver, tally).put(place, empty_checkpoint(), {}, {})  # type: ignore[arg-type]

    ((operation, size),) = tally.done_so_far
    assert operation == CHECKPOINT
    assert size > 0
    assert type(BaseCheckpointSaver.serde) is JsonPlusSerializer
    assert type(InMemorySaver().serde) is JsonPlusSerializer
