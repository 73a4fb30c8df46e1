"""On whose say a vote rests: one's own, or that of somebody whose place one has been given. Everybody has one say."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth.models import User

from approvals.models.delegation import Delegation
from approvals.models.people import name_of

if TYPE_CHECKING:
    from approvals.models.interrupt import Interrupt

CHANGED = "You stand in for {giver}, who changed this, so somebody else must decide it."
VOTED = "You stand in for {giver}, who has voted on this already."
TAKEN = "You stand in for {giver}, in whose place somebody else has voted on this already."


@dataclass(frozen=True)
class Says:
    """Who is in which groups and in whose place, of all who voted on some questions; read in as many queries for many
    questions as for one. `givers` are in the order in which they gave.
    """

    active: set[int]
    groups: Mapping[int, set[str]]
    givers: Mapping[int, list[User]]
    votes: Mapping[uuid.UUID, list[Any]]

    @classmethod
    def on(cls, questions: Sequence["Interrupt"], *more: int | None) -> "Says":
        """Of these people as well, whether they voted or not."""
        votes: dict[uuid.UUID, list[Any]] = defaultdict(list)
        for vote in _votes().filter(interrupt__in=[question.id for question in questions]).standing():
            votes[vote.interrupt_id].append(vote)
        return cls._read(votes, *more)

    @classmethod
    def of(cls, question: "Interrupt", votes: Sequence[Any]) -> "Says":
        """As if these were the votes on the question."""
        return cls._read({question.id: list(votes)}, question.proposal_by_id)

    @classmethod
    def _read(cls, votes: Mapping[uuid.UUID, list[Any]], *more: int | None) -> "Says":
        voters = {vote.reviewer_id for found in votes.values() for vote in found}
        people = {person for person in voters | {*more} if person is not None}
        givers = defaultdict(list)
        current = Delegation.objects.current().filter(taker__in=people).select_related("giver")
        for delegation in current.order_by("id"):
            givers[delegation.taker_id].append(delegation.giver)
        everybody = people | {giver.id for found in givers.values() for giver in found}
        groups = defaultdict(set)
        members = User.groups.through.objects.filter(user__in=everybody)
        for person, group in members.values_list("user_id", "group__name"):
            groups[person].add(group)
        active = User.objects.filter(id__in=people, is_active=True).values_list("id", flat=True)
        return cls(set(active), groups, givers, votes)

    def is_asked(self, person: int, question: "Interrupt") -> bool:
        """In their own place, by each policy that takes part: as a member, or by name."""
        asked = [({*question.reviewers, *question.escalated_to}, {*question.people})]
        asked += [({*other.groups}, {number for number, _ in other.people}) for other in question.ruled.others]
        mine = self.groups.get(person, set())
        return all(mine & groups or person in people for groups, people in asked)

    def stands_in_for(self, person: int, question: "Interrupt") -> list[User]:
        """Those of their givers who are asked."""
        return [giver for giver in self.givers.get(person, []) if self.is_asked(giver.id, question)]

    def is_barred(self, person: int, question: "Interrupt") -> bool:
        """By four eyes, also as the stand-in of the requester, or since the account is switched off."""
        those = {person, *(giver.id for giver in self.givers.get(person, []))}
        return person not in self.active or (question.four_eyes and question.requested_by_id in those)

    def rests_on(self, question: "Interrupt", *, but: int | None = None) -> dict[int, int]:
        """The votes that count, by reviewer: whose say each is. One's own word is before that of one's stand-in, and of
        two stand-ins the first counts. `but` leaves somebody's vote out.
        """
        mine = [vote for vote in self.votes.get(question.id, []) if vote.reviewer_id != but]
        there = [vote for vote in mine if not self.is_barred(vote.reviewer_id, question)]
        found = {vote.reviewer_id: vote.reviewer_id for vote in there if self.is_asked(vote.reviewer_id, question)}
        for vote in there:
            if vote.reviewer_id in found:
                continue
            givers = [one for one in self.stands_in_for(vote.reviewer_id, question) if name_of(one) == vote.for_name]
            # Two of one name cannot be told apart, so it counts only while neither has had a say.
            if givers and not {giver.id for giver in givers} & {question.proposal_by_id, *found.values()}:
                found[vote.reviewer_id] = givers[0].id
        return found

    def free_giver(self, person: int, question: "Interrupt") -> User | None:
        """In whose place this person can vote: the first giver whose say nobody has had, and who did not change it."""
        said = {question.proposal_by_id, *self.rests_on(question, but=person).values()}
        return next((giver for giver in self.stands_in_for(person, question) if giver.id not in said), None)

    def has_say(self, person: int, question: "Interrupt") -> bool:
        return self.is_asked(person, question) or self.free_giver(person, question) is not None

    def why_not(self, person: int, question: "Interrupt") -> str:
        """In words, of somebody who stands in and has no say; empty for who stands in for nobody who is asked."""
        givers = self.stands_in_for(person, question)
        if not givers:
            return ""
        if givers[0].id == question.proposal_by_id:
            said = CHANGED
        else:
            said = VOTED if givers[0].id in self.rests_on(question) else TAKEN
        return said.format(giver=name_of(givers[0]))


def made_by(question: "Interrupt", says: Says) -> set[int]:
    """Who is not the second person for a version: who made it and, when they did so in somebody's place, that somebody.
    A delegation that has ended still tells: otherwise its giver could end it, and be the second.
    """
    maker = question.proposal_by_id
    if maker is None:
        return set()
    if says.is_asked(maker, question):
        return {maker}
    same = _votes().filter(interrupt__thread=question.thread_id, interrupt__interrupt_id=question.interrupt_id)
    vote = same.filter(reviewer=maker, verdict__in=["edit", "mixed"]).order_by("-id").first()
    if vote is None or not vote.for_name:
        return {maker}
    givers = [one.giver for one in Delegation.objects.filter(taker=maker).select_related("giver")]
    named = {giver.id for giver in givers if name_of(giver) == vote.for_name}
    return {maker} | (named or {giver.id for giver in givers})


def are_enough(question: "Interrupt", says: Says, approving: Collection[int]) -> bool:
    """Whether these says approve it: as many as it needs, and of a version not only that of its maker."""
    return len(approving) >= question.votes_needed and bool({*approving} - made_by(question, says))


def without_say(person: User, questions: Collection["Interrupt"]) -> list[uuid.UUID]:
    """Those of these that this person cannot vote on, since whoever they stand in for has had their say."""
    says = Says.on(list(questions), person.id)
    return [question.id for question in questions if not says.has_say(person.id, question)]


def _votes() -> Any:
    """Votes know questions, not the reverse."""
    return apps.get_model("approvals", "Vote").objects
