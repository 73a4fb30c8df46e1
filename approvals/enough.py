"""Whether there are enough people for a question."""

from collections.abc import Iterable

from django.contrib.auth.models import User
from django.db.models import Q

from approvals.models import Delegation, Interrupt
from approvals.models.standing_in import Says, made_by


def entitled_people(question: Interrupt) -> list[User]:
    """Everybody who may decide it now, but for claims and votes already cast; is_entitled() of many at once."""
    asked = _asked(question)
    current = Delegation.objects.current()
    standing_in = User.objects.filter(is_active=True, taken_delegations__in=current.filter(giver__in=asked))
    found = asked | set(standing_in)
    if not question.four_eyes:
        return list(found)
    for_requester = set(current.filter(giver=question.requested_by_id).values_list("taker_id", flat=True))
    return [person for person in found if person.id not in {question.requested_by_id, *for_requester}]


def can_be_decided(question: Interrupt) -> bool:
    """Whether there are enough people for it at all. What nobody can decide waits for an operator."""
    there, needed = people_for(question)
    return there >= needed


def people_for(question: Interrupt) -> tuple[int, int]:
    """How many could have a say in it, and how many it takes. Whoever gives their place away still has one say."""
    people, asked = entitled_people(question), _asked(question)
    given = Delegation.objects.current().filter(giver__in=asked, taker__in=people)
    says = {person.id for person in asked & {*people}} | set(given.values_list("giver_id", flat=True))
    needed = question.votes_needed
    if says and not says - made_by(question, Says.on([question], question.proposal_by_id)):
        needed = max(needed, len(says) + 1)
    return min(len(people), len(says)), needed


def _asked(question: Interrupt) -> set[User]:
    """In their own place, by each policy that takes part."""
    found = _named([*question.reviewers, *question.escalated_to], question.people)
    for other in question.ruled.others:
        found &= _named(other.groups, [number for number, _ in other.people])
    return found


def _named(groups: Iterable[str], people: Iterable[int]) -> set[User]:
    return set(User.objects.filter(Q(id__in=people) | Q(groups__name__in=groups), is_active=True))
