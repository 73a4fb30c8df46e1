"""Keeping checkpoints in the order in which they are written, whatever the clocks of the machines that write them say.

LangGraph takes the checkpoint with the greatest id for the newest (checked in 4.3.2 of its checkpoint package), and an
id begins with the time of the machine that wrote it. On a machine whose clock is behind, a finished step would stand in
the past: the thread would wait as before, and the step would run again and again.
"""

from uuid import UUID

from langgraph.checkpoint.base import id as checkpoint_ids

LAST = "_last_v6_timestamp"


def come_after(checkpoint_id: str) -> None:
    """Every id this process makes from now on is greater than this one. LangGraph itself keeps its ids rising within a
    process, by the time of the last; that is moved on.
    """
    kept = vars(checkpoint_ids)
    kept[LAST] = max(kept[LAST] or 0, _time_of(checkpoint_id)) or None


def _time_of(checkpoint_id: str) -> int:
    """100-nanosecond steps, from the sixty bits of a UUID of version 6; 0 when it is none."""
    try:
        number = UUID(checkpoint_id)
    except ValueError:
        return 0
    return (number.int >> 80) << 12 | (number.int >> 64) & 0xFFF if number.version == 6 else 0
