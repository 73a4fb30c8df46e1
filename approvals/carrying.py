"""The votes on a question that is asked anew with the very same bytes: whose are carried over to its new row."""

from collections.abc import Sequence

from django.contrib.auth.models import User

from approvals.models import ACCEPTING, Interrupt, Verdict, Vote
from approvals.models.standing_in import Says, are_enough
from approvals.policies import is_entitled


def carry_over(before: Interrupt, to: Interrupt, *, without: User | None = None) -> list[Vote]:
    """Of those who may decide it now, under the policy it is asked under now; who took theirs back is left out.

    Votes that would settle it at once, since fewer are needed now, are not carried, and all are asked anew. They were
    given under other rules, nobody is there who could be told what came of them, and the answer to the graph is made
    of the ballot that settles. Left standing they would keep an open question waiting for a vote it does not need.
    """
    standing = Vote.objects.filter(interrupt=before).standing()
    voted = [vote for vote in standing if without is None or vote.reviewer_id != without.id]
    people = User.objects.in_bulk({vote.reviewer_id for vote in voted if vote.reviewer_id is not None})
    entitled = {person_id for person_id, person in people.items() if is_entitled(person, to)}
    votes = [vote for vote in voted if vote.reviewer_id in entitled]
    return [] if _settle(to, votes) else Vote.carry_over(votes, to)


def _settle(to: Interrupt, votes: Sequence[Vote]) -> bool:
    """Whether these votes leave nothing to be decided: what a last vote is asked, asked of all of them."""
    says = Says.of(to, votes)
    rests_on = says.rests_on(to)
    counted = [vote for vote in votes if vote.reviewer_id in rests_on]
    rejections = sum(vote.verdict == Verdict.REJECT for vote in counted)
    if rejections >= (1 if to.ruled.veto else to.votes_needed):
        return True
    approving = {rests_on[vote.reviewer_id] for vote in counted if vote.verdict in ACCEPTING and vote.reviewer_id}
    return are_enough(to, says, approving)
