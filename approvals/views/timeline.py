"""What happened to a thread, newest first: the steps of the machine and the acts of people in one list."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from approvals import inspection
from approvals.inspection import State, Step
from approvals.models import Event, EventKind, Thread, ThreadStatus, Verdict

SHOWN = 14
PROOF = "reauthenticated_at"
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
# What people did, and what went wrong. The other lines of the record say the same as a step.
TOLD = {
    EventKind.THREAD_SUBMITTED: ("Sent", "person"),
    EventKind.LIMIT_PASSED: ("Not decided in time", "trouble"),
    EventKind.START_PASSED: ("Not claimed in time", "trouble"),
    EventKind.INTERRUPT_CLAIMED: ("Claimed", "person"),
    EventKind.INTERRUPT_ASSIGNED: ("Assigned", "person"),
    EventKind.INTERRUPT_RETURNED: ("Given back", "person"),
    EventKind.INTERRUPT_REMINDED: ("Reviewers reminded", "person"),
    EventKind.INTERRUPT_ESCALATED: ("Escalated", "trouble"),
    EventKind.INTERRUPT_UNBLOCKED: ("Somebody can decide this again", "person"),
    EventKind.EFFECT_SETTLED: ("Outside call looked into", "person"),
    EventKind.INTERRUPT_VIEWED: ("Looked at", "person"),
    EventKind.DECISION_REFUSED: ("Refused", "trouble"),
    EventKind.INTERRUPT_BLOCKED: ("Action required: nobody can decide this", "trouble"),
    EventKind.EDIT_PROPOSED: ("Changed what is asked", "person"),
    EventKind.VOTE_CAST: ("Voted", "person"),
    EventKind.VOTE_WITHDRAWN: ("Vote withdrawn", "person"),
    EventKind.GLASS_BROKEN: ("Decided by break glass", "trouble"),
    EventKind.DECISION_MADE: ("Decided", "person"),
    EventKind.DECISION_UNDONE: ("Decision taken back", "person"),
    EventKind.DECISION_VOIDED: ("Decision not carried out", "trouble"),
    EventKind.INTERRUPT_SUPERSEDED: ("Question replaced", "person"),
    EventKind.REPLAY_REFUSED: ("Going back refused", "trouble"),
    EventKind.THREAD_REPLAYED: ("Taken back to an earlier step", "person"),
    EventKind.STATE_EDITED: ("State edited", "person"),
    EventKind.STATE_EDIT_REFUSED: ("Edit refused", "trouble"),
    EventKind.RUN_REQUESTED: ("Asked to carry on", "person"),
    EventKind.RUN_PUT_OFF: ("Failed, tries again", "trouble"),
    EventKind.RUN_TAKEN_OVER: ("Taken over from a silent worker", "trouble"),
    EventKind.MESSAGE_SENT: ("Message sent", "person"),
    EventKind.STOP_REQUESTED: ("Stop requested", "person"),
    EventKind.CHECKPOINTS_REMOVED: ("Checkpoints removed", "person"),
    EventKind.CHECKPOINTS_RETURNED: ("Checkpoints brought back", "person"),
    EventKind.THREAD_FAILED: ("Failed", "trouble"),
    EventKind.THREAD_STOPPED: ("Stopped", "person"),
}
NOW = {
    ThreadStatus.PAUSED: ("now", "waiting"),
    ThreadStatus.RUNNING: ("now busy", "working"),
    ThreadStatus.QUEUED: ("now busy", "next"),
}


@dataclass(frozen=True)
class Moment:
    """`kind` is now (perhaps busy), step, person or trouble; `detail` are untrusted words."""

    kind: str
    text: str
    at: datetime
    by: str = ""
    detail: str = ""
    length: timedelta | None = None
    checkpoint_id: str = ""
    # The question it is about, for what was seen of it.
    question: str = ""


def timeline_of(thread: Thread, steps: Sequence[Step], state: State | None) -> list[Moment]:
    found = [*_steps(steps), *_events(thread)]
    found.sort(key=lambda moment: moment.at, reverse=True)
    since = max([thread.last_activity_at, *(step.created_at for step in steps)])
    return [*_now(thread, state, since), *found]


def _now(thread: Thread, state: State | None, since: datetime) -> Iterator[Moment]:
    status = ThreadStatus(thread.status)
    if state is not None and status in NOW:
        kind, word = NOW[status]
        failed = {node for node, _ in state.errors}
        for node in dict.fromkeys(node for node in state.next if node not in failed):
            yield Moment(kind=kind, text=inspection.node_label(node), at=since, detail=word)


def _steps(steps: Sequence[Step]) -> Iterator[Moment]:
    """Steps that only took the input in are left out: the person who sent it is there already."""
    for step in steps:
        if step.node:
            yield Moment(
                kind="step",
                text=_nodes(step),
                at=step.created_at,
                length=step.duration,
                checkpoint_id=step.checkpoint_id,
            )


def _nodes(step: Step) -> str:
    return ", ".join(inspection.node_label(name) for name in step.node.split(", "))


def _events(thread: Thread) -> Iterator[Moment]:
    events = list(Event.objects.filter(thread_id=thread.id, kind__in=TOLD).order_by("seq"))
    decided = {event.data.get("interrupt") for event in events if event.kind == EventKind.DECISION_MADE}
    proofs = {(event.actor_id, event.at): event.data[PROOF] for event in events if PROOF in event.data}
    for event in events:
        kind = EventKind(event.kind)
        if kind is EventKind.VOTE_CAST and _is_told_by_decision(event, events, decided):
            continue
        text, tone = TOLD[kind]
        yield Moment(
            kind=tone,
            text=_word(event, text),
            at=event.at,
            by=event.actor_name,
            detail=_detail({**event.data, PROOF: proofs.get((event.actor_id, event.at))}),
            question=_question(event),
        )


def _is_told_by_decision(vote: Event, events: list[Event], decided: set[Any]) -> bool:
    """The vote that settled it is one act with the decision: same person, same moment. So is that of an edit."""
    question = vote.data.get("interrupt")
    at_once = [event for event in events if event.at == vote.at]
    if any(event.kind == EventKind.EDIT_PROPOSED and event.data.get("again") == question for event in at_once):
        return True
    return question in decided and any(event.kind == EventKind.DECISION_MADE for event in at_once)


def _question(event: Event) -> str:
    found = event.data.get("interrupt")
    return found if isinstance(found, str) and _ID.fullmatch(found) else ""


def _word(event: Event, text: str) -> str:
    verdict = event.data.get("verdict")
    return str(Verdict(verdict).label) if verdict in Verdict.values else text


def _detail(data: dict[str, Any]) -> str:
    keys = ", ".join(str(key) for key in data.get("keys", ()))
    place = f"in the place of {data['in_place_of']}" if data.get("in_place_of") else ""
    groups = ", ".join(str(group) for group in data.get("groups", ()))
    asked = f"{groups} may decide as well" if groups else ""
    under = f"asked again under policy {data['under']}" if data.get("under") else ""
    proof = _proof(data.get(PROOF))
    words = (data.get("note"), data.get("reason"), data.get("error"), _message(data))
    said = next((str(word) for word in words if word), "")
    known = (keys, asked, under, place, proof, _hands(data), str(data.get("reason_code", "")), said)
    return ": ".join(filter(None, known))


def _proof(moment: Any) -> str:
    """A vote's, told by the decision that was one act with it."""
    return f"showed who they are at {datetime.fromisoformat(moment):%H:%M} UTC" if moment else ""


def _hands(data: dict[str, Any]) -> str:
    """Through whose hands a question went."""
    lapsed = f"the claim of {data.get('claimed_by')} ran out" if data.get("lapsed") else ""
    lost = f"taken over from {data['taken_over_from']}" if data.get("taken_over_from") else ""
    return ", ".join(filter(None, (f"to {data['to']}" if data.get("to") else "", lost, lapsed)))


def _message(data: dict[str, Any]) -> str:
    """What was said of all parts alike: votes that did not settle anything have no decision that tells it."""
    said = {str(part.get("message", "")) for part in data.get("parts", ())}
    return said.pop() if len(said) == 1 else ""
