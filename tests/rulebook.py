"""A small model of who may decide, written from the rules in words and without looking at the code: for comparing."""

from dataclasses import dataclass, field
from typing import Any

from approvals.models import Edits, Verdict

ACCEPTING = {Verdict.APPROVE, Verdict.EDIT}
REQUESTER = "rita"


@dataclass
class Delegated:
    giver: str
    taker: str
    starts: int
    ends: int


@dataclass
class Rulebook:
    """`clock` counts seconds. `groups` are those of people, `asked` the groups whose members may decide."""

    votes_needed: int
    veto: bool
    four_eyes: bool
    edits: str
    groups: dict[str, set[str]]
    asked: set[str] = field(default_factory=lambda: {"reviewers"})
    named: set[str] = field(default_factory=set)
    active: set[str] = field(default_factory=set)
    glass: set[str] = field(default_factory=set)
    delegations: list[Delegated] = field(default_factory=list)
    votes: dict[str, Verdict] = field(default_factory=dict)
    # In whose place each vote was given, of those that were.
    place_of: dict[str, str] = field(default_factory=dict)
    clock: int = 0
    claimed_by: str = ""
    claimed_until: int = 0
    proposer: str = ""
    proposed_for: str = ""
    decided: Verdict | None = None
    decided_by: str = ""
    by_glass: bool = False
    # What a policy says of each size of letter; "" is the one that was asked about.
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    size: str = ""

    def is_asked(self, person: str) -> bool:
        return bool(self.groups[person] & self.asked) or person in self.named

    def givers(self, person: str) -> list[str]:
        """Whose place this person has now, first given first; nobody hands on what they were handed."""
        return [
            one.giver
            for one in self.delegations
            if one.taker == person and one.starts <= self.clock < one.ends and one.giver in self.active
        ]

    def is_barred(self, person: str) -> bool:
        return person not in self.active or (self.four_eyes and REQUESTER in {person, *self.givers(person)})

    def is_entitled(self, person: str) -> bool:
        return not self.is_barred(person) and (self.is_asked(person) or bool(self.free_place(person)))

    def free_place(self, person: str) -> str:
        """The first giver whose say nobody has had yet, and who did not make this version."""
        said = {self.proposer, *(rests for voter, rests in self.rests_on().items() if voter != person)}
        return next((giver for giver in self.givers(person) if self.is_asked(giver) and giver not in said), "")

    def rests_on(self) -> dict[str, str]:
        """Whose say each vote that counts is: everybody has one, and their own word is before that of a stand-in."""
        voters = [person for person in self.votes if not self.is_barred(person)]
        found = {person: person for person in voters if self.is_asked(person)}
        for person in voters:
            giver = self.place_of.get(person, "")
            is_theirs = giver in self.givers(person) and self.is_asked(giver) and giver != self.proposer
            if person not in found and is_theirs and giver not in found.values():
                found[person] = giver
        return found

    def may_decide(self, person: str) -> bool:
        claimed = self.claimed_by not in {"", person} and self.clock < self.claimed_until
        return self.decided is None and self.is_entitled(person) and not claimed and person not in self.votes

    def may_withdraw(self, person: str) -> bool:
        return self.decided is None and person in self.active and person in self.votes

    def may_claim(self, person: str) -> bool:
        return self.may_decide(person)

    def may_break_glass(self, person: str) -> bool:
        return self.decided is None and person in self.glass and not self.is_barred(person)

    def may_edit(self) -> bool:
        return self.edits != Edits.NONE

    def may_undo(self, person: str) -> bool:
        return self.decided is not None and person in self.active and person == self.decided_by

    def vote(self, person: str, verdict: Verdict, *, size: str | None = None) -> None:
        """Ends the claim, too: they have said what they had to say. `size` is that of what an edit makes of it."""
        self.place_of[person] = "" if self.is_asked(person) else self.free_place(person)
        self.votes[person], self.claimed_by = verdict, ""
        if size is not None and size != self.size:
            self._cross(person, size)
        elif verdict == Verdict.EDIT and (self.votes_needed > 1 or self.edits == Edits.SECOND):
            self.votes, self.proposer, self.proposed_for = {person: verdict}, person, self.place_of[person]
        elif self._is_settled_by(verdict):
            self.decided, self.decided_by = self._outcome(verdict), person

    def break_glass(self, person: str, verdict: Verdict) -> None:
        self.decided, self.decided_by, self.by_glass = self._outcome(verdict), person, True

    def withdraw(self, person: str) -> None:
        del self.votes[person]

    def undo(self) -> None:
        """The question is open again as it was, without the vote of who took the decision back, and of who may not
        decide any more. Votes that are enough without any other are asked for anew.
        """
        others = {person: vote for person, vote in self.votes.items() if person != self.decided_by}
        self.votes = {}
        self.votes = {person: vote for person, vote in others.items() if self.is_entitled(person)}
        if any(self._is_settled_by(vote) for vote in self.votes.values()):
            self.votes = {}
        self.decided, self.decided_by, self.by_glass, self.claimed_by = None, "", False, ""

    def _cross(self, person: str, size: str) -> None:
        """An edit that another policy is for: its rules from now on, and somebody else must approve what was made."""
        for name, rule in self.policies[size].items():
            setattr(self, name, rule)
        self.edits = Edits.SECOND if self.edits == Edits.ALONE else self.edits
        self.votes, self.proposer, self.size = {person: Verdict.EDIT}, person, size
        self.proposed_for = self.place_of[person]

    def _outcome(self, verdict: Verdict) -> Verdict:
        """Who approves what another changed approves it with the change."""
        return Verdict.EDIT if verdict == Verdict.APPROVE and self.proposer else verdict

    def _is_settled_by(self, verdict: Verdict) -> bool:
        rests_on = self.rests_on()
        counted = {rests_on[person]: vote for person, vote in self.votes.items() if person in rests_on}
        if verdict == Verdict.ABSTAIN:
            return False
        if verdict == Verdict.REJECT:
            rejections = sum(vote == Verdict.REJECT for vote in counted.values())
            return self.veto or rejections >= self.votes_needed
        approving = {person for person, vote in counted.items() if vote in ACCEPTING}
        made_by = {self.proposer}
        if self.proposer and not self.is_asked(self.proposer):
            made_by.add(self.proposed_for)
        return len(approving) >= self.votes_needed and bool(approving - made_by)
