"""Who may do what: one function, asked by every way in, and again inside the transaction that acts."""

from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.models import AnonymousUser, User

from approvals.models import Interrupt, InterruptStatus, Thread
from approvals.models.thread import ThreadQuerySet

REQUESTERS = "requesters"
REVIEWERS = "reviewers"
OPERATORS = "operators"


class Act(StrEnum):
    SUBMIT = "submit"
    SEE = "see"
    SEE_QUEUE = "see the queue"
    DECIDE = "decide"
    UNDO = "take a decision back"
    EDIT_STATE = "edit the state"
    REROUTE = "edit past a question"
    REPLAY = "take back to an earlier step"
    CARRY_ON = "carry on"
    SETTLE = "settle an outside call"
    REQUEUE = "ring a worker again"
    SEE_ERRORS = "see errors in full"
    STOP = "stop"
    MESSAGE = "send a message"


@dataclass(frozen=True)
class Permission:
    """Whether, and when not: why, in words for the person."""

    allowed: bool
    reason: str = ""

    def __bool__(self) -> bool:
        return self.allowed


YES = Permission(True)


class NotAllowed(Exception):
    """The person may not do this; the message says why."""


def may(person: User | AnonymousUser, act: Act, thing: Thread | Interrupt | None = None) -> Permission:
    """The one function. Membership is read from the database each time, so a removal counts at once."""
    if not isinstance(person, User) or not person.is_active:
        return Permission(False, "Sign in first.")
    groups = groups_of(person)
    if isinstance(thing, Interrupt) and act is Act.UNDO:
        decider = thing.decision
        return _if(decider.decided_by_id == person.id, f"Only {decider.decided_by_name} can take this back.")
    if isinstance(thing, Interrupt):
        return _may_decide(person, groups, thing)
    if isinstance(thing, Thread):
        return _may_with_thread(person, groups, act, thing)
    if act is Act.SUBMIT:
        return _if(REQUESTERS in groups or OPERATORS in groups, "Only members of requesters may send requests.")
    return _if(bool(groups & {REVIEWERS, OPERATORS}) or _reviews_anything(groups), "Only reviewers see the queue.")


def require(person: User | AnonymousUser, act: Act, thing: Thread | Interrupt | None = None) -> None:
    """Raises NotAllowed with the reason."""
    permission = may(person, act, thing)
    if not permission:
        raise NotAllowed(permission.reason)


def visible_threads(person: User) -> ThreadQuerySet:
    """The list's twin of may(person, SEE, thread)."""
    if not person.is_active:
        return Thread.objects.none()
    groups = groups_of(person)
    if groups & {REVIEWERS, OPERATORS}:
        return Thread.objects.all()
    asked = Thread.objects.filter(interrupts__reviewers__overlap=sorted(groups)).values("id")
    return Thread.objects.filter(id__in=asked) | Thread.objects.requested_by(person)


def groups_of(person: User) -> set[str]:
    """A superuser counts as an operator; four eyes hold for a superuser too."""
    names = set(person.groups.values_list("name", flat=True))
    return names | {OPERATORS} if person.is_superuser else names


def _may_with_thread(person: User, groups: set[str], act: Act, thread: Thread) -> Permission:
    mine = thread.requested_by_id == person.id
    operates = OPERATORS in groups
    if act is Act.SEE:
        return _if(visible_threads(person).filter(id=thread.id).exists(), "You cannot see this request.")
    if act is Act.STOP:
        return _if(mine or operates, "Only the requester or an operator may stop this.")
    if act is Act.SETTLE:
        return _if(operates, "Only operators may say what became of an outside call.")
    if act in {Act.REQUEUE, Act.SEE_ERRORS}:
        return _if(operates, f"Only operators may {act.value}.")
    if act is Act.MESSAGE:
        return _if(mine, "Only the requester may send another message.")
    if act in {Act.EDIT_STATE, Act.REPLAY}:
        if mine and not operates:
            return Permission(False, "You asked for this, so somebody else must edit it.")
        return _if(operates or REVIEWERS in groups, f"Only reviewers and operators may {act.value}.")
    if act is Act.REROUTE:
        allowed = not mine and (operates or person.has_perm("approvals.may_reroute"))
        said = "Taking a request past its question needs a permission of its own, and never by its requester."
        return _if(allowed, said)
    return _if(operates or REVIEWERS in groups, "Only reviewers and operators may let this carry on.")


def _may_decide(person: User, groups: set[str], interrupt: Interrupt) -> Permission:
    if interrupt.status != InterruptStatus.OPEN:
        return Permission(False, f"This is no longer open: {interrupt.get_status_display().lower()}.")
    if interrupt.four_eyes and interrupt.requested_by_id == person.id:
        return Permission(False, "You asked for this, so somebody else must decide it.")
    if not groups & set(interrupt.reviewers):
        return Permission(False, f"Only members of {', '.join(interrupt.reviewers) or 'no group'} may decide this.")
    if interrupt.votes.filter(reviewer=person).exists():
        return Permission(False, "You have voted on this already.")
    return YES


def _reviews_anything(groups: set[str]) -> bool:
    return Interrupt.objects.open().filter(reviewers__overlap=sorted(groups)).exists()


def _if(allowed: bool, reason: str) -> Permission:
    return YES if allowed else Permission(False, reason)
