"""Which questions there are: their states, their kinds, and who finds which."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.contrib.auth.models import Group, User
from django.db import models
from django.db.models import Exists, F, Func, OuterRef, Q, Value
from django.db.models.functions import Now

from approvals.models.delegation import Delegation
from approvals.models.run import Run, RunKind
from approvals.models.standing_in import without_say

if TYPE_CHECKING:
    from approvals.models.interrupt import Interrupt


# Of rules.others, those who ask neither one of $groups nor one of $people.
_OTHERS = "$.others[*] ? (!(exists(@.groups[*] ? (@ == $groups[*])) || exists(@.people[*] ? (@[0] == $people[*]))))"


class InterruptStatus(models.TextChoices):
    OPEN = "open", "Needs review"
    DECIDED = "decided", "Decided"
    APPLIED = "applied", "Carried out"
    SUPERSEDED = "superseded", "Replaced"
    EXPIRED = "expired", "Expired"
    CANCELLED = "cancelled", "Withdrawn"


# Other runs ask, or do away with what was asked.
HANDS_OVER = (RunKind.RESUME, RunKind.CONTINUE)
PENDING_INTERRUPTS = (InterruptStatus.OPEN, InterruptStatus.DECIDED)


class QuestionKind(models.TextChoices):
    BOUND = "bound", "Approval"
    SCHEMA = "schema", "Question"
    OPEN = "open", "Question, not bound"
    BATCH = "batch", "Tool calls, not bound"
    CALL = "call", "Tool call, not bound"
    LEGACY = "legacy", "Request, not bound"
    PAUSE = "pause", "Breakpoint"


# What says who may decide.
_WHO = ("reviewers", "escalated_to", "people", "four_eyes", "requested_by", "proposal_by", "rules")


class InterruptQuerySet(models.QuerySet["Interrupt"]):
    def open(self) -> "InterruptQuerySet":
        return self.filter(status=InterruptStatus.OPEN)

    def pending(self) -> "InterruptQuerySet":
        """Open, or decided and not yet carried out."""
        return self.filter(status__in=PENDING_INTERRUPTS)

    def decidable_by(self, person: User) -> "InterruptQuerySet":
        """Open questions this person may decide: the list's twin of policies.may(person, DECIDE, interrupt)."""
        if not person.is_active:
            return self.none()
        givers = list(Delegation.objects.current().filter(taker=person).values_list("giver_id", flat=True))
        requesters = [person.id, *givers]
        free = self.open().exclude(four_eyes=True, requested_by__in=requesters).not_claimed_by_others(person)
        found = free.among(person, givers).exclude(Exists(votes_of(person)))
        if not givers:
            return found
        # Of several policies, somebody must be asked by each: this person by all, or a giver by all.
        several = Q(rules__others__0__isnull=False)
        begun = found.filter(Q(proposal_by__isnull=False) | several | Exists(votes_of()))
        return found.exclude(id__in=without_say(person, begun.only(*_WHO)))

    def among(self, person: User, givers: list[int]) -> "InterruptQuerySet":
        """Those whose reviewers this person is one of, or stands in for one of; by each policy it was asked under."""
        people = [person.id, *givers]
        groups = list(Group.objects.filter(user__in=people).values_list("name", flat=True).distinct())
        asked = Q(reviewers__overlap=groups) | Q(escalated_to__overlap=groups) | Q(people__overlap=people)
        return self.filter(asked, ~_asks_others(groups, people))

    def not_claimed_by_others(self, person: User) -> "InterruptQuerySet":
        return self.exclude(~Q(claimed_by=person), claimed_by__isnull=False, claim_ends_at__gt=Now())

    def step_due(self) -> "InterruptQuerySet":
        """Open, with a reminder or an escalation whose time has come, by the database's clock."""
        return self.open().filter(next_step_at__lte=Now())

    def past_start(self) -> "InterruptQuerySet":
        """Open, and nobody has claimed it in the time there was for that."""
        return self.open().filter(start_by__lte=Now())

    def with_lapsed_claim(self) -> "InterruptQuerySet":
        return self.open().filter(claimed_by__isnull=False, claim_ends_at__lte=Now())

    def undoable(self) -> "InterruptQuerySet":
        """Decided, and no run has begun since that could have handed the answer to the graph, which keeps it even when
        it fails. An edit of the state hands nothing over.
        """
        begun = Run.objects.filter(thread=OuterRef("thread"), started_at__gte=OuterRef("decision__decided_at"))
        decided = self.filter(status=InterruptStatus.DECIDED, decision__isnull=False)
        return decided.exclude(Exists(begun.exclude(kind=RunKind.EDIT)))

    def undo_left(self) -> timedelta:
        """How long until everybody has had their time to take back what they decided here, by the database's clock."""
        made = self.undoable().filter(decision__decided_by__isnull=False, undo_seconds__gt=0).annotate(clock=Now())
        ends = [(one, one.decision.decided_at + timedelta(seconds=one.undo_seconds)) for one in made]
        left: list[timedelta] = [end - vars(one)["clock"] for one, end in ends]
        return max([timedelta(), *left])

    def never_handed_over(self) -> "InterruptQuerySet":
        """Decided, and no run has begun since that hands answers to the graph. One whose worker was lost may have done
        so: nobody knows how far it came.
        """
        begun = Run.objects.filter(thread=OuterRef("thread"), started_at__gte=OuterRef("decision__decided_at"))
        decided = self.filter(status=InterruptStatus.DECIDED, decision__isnull=False)
        return decided.exclude(Exists(begun.filter(kind__in=HANDS_OVER)))

    def past_limit(self) -> "InterruptQuerySet":
        """Open beyond their time, by the database's clock, and nothing has been made of it yet."""
        return self.open().filter(due_at__lte=Now(), overdue_at__isnull=True)

    def of_chain(self, chain: str) -> "InterruptQuerySet":
        return self.filter(thread__chain=chain)

    def matching(self, words: str) -> "InterruptQuerySet":
        return self.filter(
            Q(title__icontains=words) | Q(context__icontains=words) | Q(thread__requested_by_name__icontains=words)
        )

    def oldest_first(self) -> "InterruptQuerySet":
        return self.order_by("created_at", "id")

    def locked(self, interrupt_id: uuid.UUID) -> "Interrupt":
        return self.select_for_update(of=("self",)).select_related("thread").get(id=interrupt_id)


def _asks_others(groups: list[str], people: list[int]) -> Func:
    """Whether one of the further policies of a question asks none of these."""
    known = Value({"groups": groups, "people": people}, output_field=models.JSONField())
    return Func(F("rules"), Value(_OTHERS), known, function="jsonb_path_exists", output_field=models.BooleanField())


def votes_of(person: User | None = None) -> models.QuerySet[Any]:
    """This person's votes that stand, or anybody's, on the question of the outer query. Votes know questions, not the
    reverse.
    """
    votes = apps.get_model("approvals", "Vote").objects.filter(interrupt=OuterRef("id"))
    return (votes.filter(reviewer=person) if person else votes).standing()
