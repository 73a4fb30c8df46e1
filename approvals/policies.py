"""Who may do what: one function, asked by every way in, and again inside the transaction that acts."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.auth.models import Permission as Grant
from django.db.models import Exists, Q

from approvals.models import Delegation, Hold, Interrupt, InterruptStatus, Policy, Thread
from approvals.models.interrupt_queries import votes_of
from approvals.models.people import name_of
from approvals.models.standing_in import Says
from approvals.models.thread import ThreadQuerySet
from approvals.policy_words import asked_in_words

REQUESTERS = "requesters"
REVIEWERS = "reviewers"
OPERATORS = "operators"


class Act(StrEnum):
    SUBMIT = "submit"
    SEE = "see"
    SEE_QUEUE = "see the queue"
    DECIDE = "decide"
    UNDO = "take a decision back"
    WITHDRAW = "withdraw a vote"
    CLAIM = "claim"
    ASSIGN = "assign"
    COMMENT = "comment"
    DELEGATE = "delegate"
    BREAK_GLASS = "break glass"
    CHANGE_POLICIES = "change policies"
    EXPORT = "export the record"
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


def may(person: User | AnonymousUser, act: Act, thing: Thread | Interrupt | Delegation | None = None) -> Permission:
    """The one function. Membership is read from the database each time, so a removal counts at once."""
    if not isinstance(person, User) or not person.is_active:
        return Permission(False, "Sign in first.")
    groups = groups_of(person)
    if isinstance(thing, Interrupt):
        return _may_with_question(person, groups, act, thing)
    if isinstance(thing, Thread):
        return _may_with_thread(person, groups, act, thing)
    if isinstance(thing, Delegation):
        ends = OPERATORS in groups or person.id in {thing.giver_id, thing.taker_id}
        return _if(ends, "Only who gave it, who took it, or an operator may end this.")
    if act is Act.DELEGATE:
        delegates = bool(groups & {REVIEWERS, OPERATORS}) or _is_named(person, groups) or _reviews_anything(person)
        return _if(delegates, "There is nothing you decide that somebody else could decide in your place.")
    if act is Act.CHANGE_POLICIES:
        return _if(person.has_perm("approvals.change_policy"), "Changing policies needs a permission of its own.")
    if act is Act.EXPORT:
        return _if(OPERATORS in groups, "Only operators may export the record.")
    if act is Act.SUBMIT:
        return _if(REQUESTERS in groups or OPERATORS in groups, "Only members of requesters may send requests.")
    return _if(bool(groups & {REVIEWERS, OPERATORS}) or _reviews_anything(person), "Only reviewers see the queue.")


def require(person: User | AnonymousUser, act: Act, thing: Thread | Interrupt | Delegation | None = None) -> None:
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
    givers = list(Delegation.objects.current().filter(taker=person).values_list("giver_id", flat=True))
    asked = Interrupt.objects.among(person, givers).values("thread_id")
    return Thread.objects.filter(id__in=asked) | Thread.objects.requested_by(person)


def operators() -> list[User]:
    """Who is told when something needs doing."""
    return list(User.objects.filter(groups__name=OPERATORS, is_active=True))


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
    if act is Act.COMMENT:
        return _if(visible_threads(person).filter(id=thread.id).exists(), "You cannot see this request.")
    if act is Act.SETTLE:
        return _if(operates, "Only operators may say what became of an outside call.")
    if act in {Act.REQUEUE, Act.SEE_ERRORS}:
        return _if(operates, f"Only operators may {act.value}.")
    if act is Act.MESSAGE:
        return _if(mine, "Only the requester may send another message.")
    if act in {Act.EDIT_STATE, Act.REPLAY}:
        changes = act is Act.EDIT_STATE and thread.interrupts.filter(four_eyes=True).exists()
        if mine and (changes or not operates):
            return Permission(False, "You asked for this, so somebody else must edit it.")
        return _if(operates or REVIEWERS in groups, f"Only reviewers and operators may {act.value}.")
    if act is Act.REROUTE:
        allowed = not mine and (operates or person.has_perm("approvals.may_reroute"))
        said = "Taking a request past its question needs a permission of its own, and never by its requester."
        return _if(allowed, said)
    return _if(operates or REVIEWERS in groups, "Only reviewers and operators may let this carry on.")


def _may_with_question(person: User, groups: set[str], act: Act, question: Interrupt) -> Permission:
    if act is Act.UNDO:
        decider = question.decision
        return _if(decider.decided_by_id == person.id, f"Only {decider.decided_by_name} can take this back.")
    if act in {Act.COMMENT, Act.SEE}:
        return may(person, act, question.thread)
    if question.status != InterruptStatus.OPEN:
        return Permission(False, f"This is no longer open: {question.get_status_display().lower()}.")
    has_voted = question.votes.standing().filter(reviewer=person).exists()
    if act is Act.WITHDRAW:
        return _if(has_voted, "You have not voted on this.")
    if act is Act.ASSIGN and OPERATORS in groups:
        return YES
    held = _held([question]).get(question.thread_id, "")
    if act is Act.BREAK_GLASS:
        return _may_break_glass(person, question, held)
    is_free = act is not Act.DECIDE or not question.is_claimed_by_another(person)
    return _decides(is_entitled(person, question), question, held, is_free=is_free, has_voted=has_voted)


def is_entitled(person: User, question: Interrupt) -> Permission:
    """Whether this person is one of those who were asked, in their own place or in another's, and not excluded."""
    return entitlements(person, [question])[question.id]


def entitlements(person: User, questions: Sequence[Interrupt]) -> dict[uuid.UUID, Permission]:
    """is_entitled() of many questions, in as many queries as of one."""
    says = Says.on(questions, person.id)
    return {question.id: _entitled(person, question, says) for question in questions}


def why_not_decide(person: User, questions: Sequence[Interrupt]) -> dict[uuid.UUID, str]:
    """For lists of open questions: the reason of may(person, DECIDE, question), "" where they may."""
    rows = Interrupt.objects.filter(id__in=[question.id for question in questions])
    voted = set(rows.filter(Exists(votes_of(person))).values_list("id", flat=True))
    free = set(rows.not_claimed_by_others(person).values_list("id", flat=True))
    found, held = entitlements(person, questions), _held(questions)

    def reason(of: Interrupt) -> str:
        at_hand = {"is_free": of.id in free, "has_voted": of.id in voted}
        return _decides(found[of.id], of, held.get(of.thread_id, ""), **at_hand).reason

    return {question.id: reason(question) for question in questions}


def _held(questions: Sequence[Interrupt]) -> dict[uuid.UUID, str]:
    """Why nobody decides on these threads: they may have been decided and carried out after the backup."""
    holds = Hold.objects.filter(thread__in=[question.thread_id for question in questions])
    return {hold.thread_id: hold.sentence for hold in holds}


def _decides(entitled: Permission, question: Interrupt, held: str, *, is_free: bool, has_voted: bool) -> Permission:
    if not entitled:
        return entitled
    if held:
        return Permission(False, held)
    if not is_free:
        return Permission(False, f"{question.claimed_by_name} has claimed this. Take it over first.")
    return _if(not has_voted, "You have voted on this already.")


def _entitled(person: User, question: Interrupt, says: Says) -> Permission:
    if not person.is_active:
        return Permission(False, "This account is switched off.")
    excluded = _four_eyes(person, question, says)
    if not excluded:
        return excluded
    reason = says.why_not(person.id, question) or f"Only {asked_people(question)} may decide this."
    return _if(says.has_say(person.id, question), reason)


def _four_eyes(person: User, question: Interrupt, says: Says) -> Permission:
    if question.four_eyes and question.requested_by_id == person.id:
        return Permission(False, "You asked for this, so somebody else must decide it.")
    stands_in = says.is_barred(person.id, question)
    return _if(not stands_in, "You stand in for the person who asked for this, so somebody else must decide it.")


def _may_break_glass(person: User, question: Interrupt, held: str) -> Permission:
    """Past membership and the number of votes, never past four eyes. Being a superuser is not the permission."""
    if not settings.HOLDPOINT_BREAK_GLASS:
        return Permission(False, "Break glass is switched off.")
    if held:
        return Permission(False, held)
    excluded = _four_eyes(person, question, Says.on([question], person.id))
    if not excluded:
        return excluded
    granted = Grant.objects.filter(Q(user=person) | Q(group__user=person), codename="may_break_glass")
    return _if(granted.exists(), "Breaking glass needs a permission of its own.")


def in_place_of(person: User, question: Interrupt) -> str:
    """The name of whoever this person stands in for, when they may decide for no other reason."""
    says = Says.on([question], person.id)
    return "" if says.is_asked(person.id, question) else name_of(says.free_giver(person.id, question))


def asked_people(question: Interrupt) -> str:
    """Those who may decide, in words."""
    rules = question.ruled
    first = asked_in_words([*question.reviewers, *question.escalated_to], rules.people)
    others = dict.fromkeys(asked_in_words(other.groups, other.people) for other in rules.others)
    return " who are also among ".join([first, *(asked for asked in others if asked != first)])


def _reviews_anything(person: User) -> bool:
    givers = list(Delegation.objects.current().filter(taker=person).values_list("giver_id", flat=True))
    return Interrupt.objects.open().among(person, givers).exists()


def _is_named(person: User, groups: set[str]) -> bool:
    """By a policy, as one who may decide. Anybody may be somebody's manager."""
    named = Q(people=person) | Q(reviewers__name__in=groups) | Q(asks_manager=True)
    return Policy.objects.filter(named, is_active=True).exists()


def _if(allowed: bool, reason: str) -> Permission:
    return YES if allowed else Permission(False, reason)
