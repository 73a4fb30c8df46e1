"""Why somebody is asked, in words: the policy as it was when the question was asked, and what stands in the way."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from approvals.enough import can_be_decided, people_for
from approvals.models import ACCEPTING, Delegation, Edits, Interrupt, Vote
from approvals.policies import Act, asked_people, in_place_of, is_entitled, may
from approvals.schemaforms.names import humanised
from approvals.voting import counted, counted_of

# What the policy says, where it is not in words but as the condition is written.
_AS_WRITTEN = re.compile(r"(Nobody can tell whether )?(.+?) holds(: .+|\.)", re.DOTALL)


@dataclass(frozen=True)
class Why:
    """A sentence in three pieces: `condition`, if there is one, is as the policy writes it."""

    before: str
    condition: str
    after: str
    rules: list[str]
    stands_in_for: str


@dataclass(frozen=True)
class VoteLine:
    """`counts` is false when who gave it may not decide any more, or whoever they stood in for has voted since."""

    vote: Vote
    counts: bool

    @property
    def accepts(self) -> bool:
        return self.vote.verdict in ACCEPTING


@dataclass(frozen=True)
class Blocked:
    """Too few people are there for it."""

    there: int
    needed: int
    asked: str


def why_asked(person: User, interrupt: Interrupt) -> Why:
    found = _AS_WRITTEN.fullmatch(interrupt.ruled.why)
    return Why(
        before=(found[1] or "") if found else interrupt.ruled.why,
        condition=found[2] if found else "",
        after=f" holds{found[3]}" if found else "",
        rules=list(_rules(interrupt)),
        stands_in_for=in_place_of(person, interrupt),
    )


def vote_lines(interrupt: Interrupt) -> list[VoteLine]:
    """The votes that stand; those taken back are in the timeline."""
    there = {vote.id for vote in counted(interrupt)}
    return [VoteLine(vote, vote.id in there) for vote in interrupt.votes.standing()]


def approvals_of(interrupt: Interrupt) -> int:
    return sum(vote.verdict in ACCEPTING for vote in counted(interrupt))


def blocked(interrupt: Interrupt) -> Blocked | None:
    """None: there are enough people who may decide it."""
    there, needed = people_for(interrupt)
    if not interrupt.is_open or there >= needed:
        return None
    return Blocked(there, needed, asked_people(interrupt))


def passed_over(person: User, interrupt: Interrupt) -> list[str]:
    """What breaking glass would go past, in words; nothing when this person can decide it alone as it is."""
    return list(_passed_over(person, interrupt))


def tell_votes(rows: Sequence[Interrupt]) -> None:
    """For a list: how many approvals of each count, and whether nobody can decide it; in few queries for many rows."""
    votes = counted_of([row for row in rows if row.votes_needed > 1])
    blocked_ones: dict[object, bool] = {}
    there = _People.asked_by(rows)
    for row in rows:
        vars(row)["approvals"] = sum(vote.verdict in ACCEPTING for vote in votes.get(row.id, []))
        vars(row)["is_blocked"] = False
        if row.is_open and not there.are_enough(row):
            alike = _what_decides(row)
            if alike not in blocked_ones:
                blocked_ones[alike] = not can_be_decided(row)
            vars(row)["is_blocked"] = blocked_ones[alike]


def _what_decides(row: Interrupt) -> tuple[object, ...]:
    """Questions of which this is the same have the same people, and need as many."""
    proposal = row.id if row.is_proposal else None  # in whose place it was made, its votes tell
    people = (*row.reviewers, None, *row.escalated_to, None, *row.people)
    return (*people, row.ruled.others, row.requested_by_id if row.four_eyes else None, row.votes_needed, proposal)


@dataclass(frozen=True)
class _People:
    """Active people by group, those who are named, and who has given their place to somebody."""

    by_group: Mapping[str, set[int]]
    named: set[int]
    givers: set[int]

    @classmethod
    def asked_by(cls, rows: Sequence[Interrupt]) -> "_People":
        groups = {name for row in rows for name in (*row.reviewers, *row.escalated_to)}
        people = {person for row in rows for person in row.people}
        active, by_group = User.objects.filter(is_active=True), defaultdict(set)
        for name, person in active.filter(groups__name__in=groups).values_list("groups__name", "id"):
            by_group[name].add(person)
        named = set(active.filter(id__in=people).values_list("id", flat=True)) if people else set()
        return cls(by_group, named, set(Delegation.objects.current().values_list("giver_id", flat=True)))

    def are_enough(self, row: Interrupt) -> bool:
        """False: it takes a closer look."""
        if row.ruled.others or (row.four_eyes and row.requested_by_id in self.givers):
            return False
        groups = (self.by_group.get(name, set()) for name in (*row.reviewers, *row.escalated_to))
        people = set().union(*groups) | (self.named & set(row.people))
        people -= {row.requested_by_id} if row.four_eyes else set()
        return len(people) >= max(row.votes_needed, 2 if row.is_proposal else 1)


def _passed_over(person: User, interrupt: Interrupt) -> Iterator[str]:
    there, needed = approvals_of(interrupt), interrupt.votes_needed
    if not is_entitled(person, interrupt):
        yield f"You are not one of those who are asked: {asked_people(interrupt)}."
    elif not may(person, Act.DECIDE, interrupt) and interrupt.is_claimed_by_another(person):
        yield f"{interrupt.claimed_by_name} has claimed it."
    if needed > 1:
        yield f"{needed} approvals are needed, {there} {'is' if there == 1 else 'are'} there."
    if interrupt.is_proposal and interrupt.proposal_by_id == person.id:
        yield "You changed it, so somebody else would have to approve it."


def _rules(interrupt: Interrupt) -> Iterator[str]:
    rules, needed = interrupt.ruled, interrupt.votes_needed
    asked = asked_people(interrupt)
    for other in rules.others:
        yield f"Policy {other.policy}, too: {other.why} Of each rule the strictest holds."
    yield f"Asked are {asked}{'; the person who asked for it may not decide' if interrupt.four_eyes else ''}."
    if interrupt.escalated_to:
        yield f"It was escalated to {', '.join(interrupt.escalated_to)}."
    yield f"{needed} of them must approve the same thing." if needed > 1 else "One of them must approve."
    if needed > 1:
        yield "One rejection is enough to reject it." if rules.veto else f"It is rejected when {needed} reject it."
    yield _edits(interrupt)
    if rules.approval_needs_note:
        yield "Approving takes a note, too."


def _edits(interrupt: Interrupt) -> str:
    rules = interrupt.ruled
    if rules.edits == Edits.NONE:
        return "Nobody may edit it."
    fields = ", ".join(humanised(name) for name in rules.editable)
    only = f"Only these may be edited: {fields}. " if fields else ""
    if rules.edits == Edits.SECOND or interrupt.votes_needed > 1:
        return f"{only}What somebody changes, somebody else must approve."
    return f"{only}Who edits may approve it alone."
