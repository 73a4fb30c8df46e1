"""What pages show of a thread, as JSON: no times, and no numbers of ours, so that releases can be compared."""

from typing import Any

from approvals import inspection
from approvals.models import Event, Interrupt, Thread


def told(thread: Thread, keys: tuple[str, ...]) -> dict[str, Any]:
    thread.refresh_from_db()
    state = inspection.state_of(thread)
    assert state is not None
    steps = inspection.steps_of(thread)
    return {
        "status": thread.status,
        "next": sorted(state.next),
        "steps": [[step.source, sorted(step.nodes)] for step in reversed(steps)],
        "messages": [[message.role, message.text] for message in state.messages],
        "values": {key: state.values[key] for key in keys if key in state.values},
        "questions": _questions(thread),
        "events": list(Event.objects.filter(thread=thread).order_by("seq").values_list("kind", flat=True)),
    }


def _questions(thread: Thread) -> list[list[Any]]:
    """The open ones, as a reviewer is asked them."""
    found = Interrupt.objects.open().filter(thread=thread).order_by("node")
    return [
        [question.node, question.title, [list(part) for part in inspection.parts_of(question)]] for question in found
    ]
