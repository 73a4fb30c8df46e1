"""At the very moment a question's time is over, a reviewer answers it while the policy decides instead."""

import functools
import random
from collections import Counter

import httpx
from django.contrib.auth.models import User

from approvals import limits
from approvals.limits import BY_POLICY
from approvals.models import AtLimit, Decision, Event, EventKind, Interrupt, InterruptStatus, Run, RunKind, Verdict, Via
from tests.faults.decision_races import fields_of, in_short
from tests.faults.desk import Desk, in_flight, open_desk, wait_for
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site
from tests.test_races import together

TIME = 2
# Seconds around the limit. A request takes longer to reach the row.
ANSWER = (-0.3, 0.02)
EXPIRE = (-0.03, 0.05)


def run(trials: int, rng: random.Random, site: Site, *, at_limit: AtLimit) -> Tally:
    tally = Tally(trials=trials)
    won: Counter[str] = Counter()
    with open_desk(site, f"limit_races_{at_limit}", decide_within=TIME, at_limit=at_limit) as desk:
        desk.sign_everybody_in()

        def race(trial: int, rng: random.Random) -> None:
            question, person = desk.asked(amount=trial), rng.choice(desk.reviewers)
            where = f"race {trial}, question {question.id}"
            answer, expired = _race(desk, person, question, rng)
            won[_judge(tally, where, question, person, answer, expired, at_limit)] += 1

        in_flight(trials, rng, race, at_once=8)
    tally.note = f"{won['reviewer']:,} reviewers and {won['policy']:,} policies first"
    return tally


def _race(desk: Desk, person: User, question: Interrupt, rng: random.Random) -> tuple[object, int]:
    """What the reviewer was told, and how often the limit decided."""
    answer_at, expire_at = rng.uniform(*ANSWER), rng.uniform(*EXPIRE)
    fields = fields_of(question, rng.choice([Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT]), rng)
    assert question.due_at is not None
    due_at = question.due_at

    def answer() -> httpx.Response:
        wait_for(due_at, offset=answer_at)
        return desk.client(person).post(f"/interrupts/{question.id}/decision/", data=fields)

    def expire() -> bool:
        wait_for(due_at, offset=expire_at)
        return limits.expire(question.id)

    told, expired = together(answer, expire)
    if isinstance(expired, Exception):
        raise expired
    wait_for(due_at, offset=0.02)
    return told, int(bool(expired)) + limits.expire(question.id)


def _judge(
    tally: Tally, where: str, question: Interrupt, person: User, answer: object, expired: int, at_limit: AtLimit
) -> str:
    decisions = list(Decision.objects.filter(interrupt=question))
    runs = Run.objects.filter(thread=question.thread_id, kind=RunKind.RESUME).count()
    question.refresh_from_db()
    state = (len(decisions), runs, question.status)
    tally.expect(state == (1, 1, InterruptStatus.DECIDED), f"{where}: decisions, runs and status are {state}")
    if len(decisions) != 1:
        return "nobody"
    decision = decisions[0]
    made = Event.objects.get(thread=question.thread_id, kind=EventKind.DECISION_MADE)
    by_policy = decision.decided_via == Via.POLICY
    outcome = BY_POLICY[at_limit]
    said = decision.verdict == outcome or not by_policy
    tally.expect(said, f"{where}: the policy decided {decision.verdict} where it says {at_limit}")
    right = _is_refusal(answer, outcome) if by_policy else isinstance(answer, httpx.Response) and answer.is_success
    tally.expect(right, f"{where}: {decision.decided_via} decided, and the reviewer was told {in_short(answer)}")
    tally.expect(expired == int(by_policy), f"{where}: the limit decided {expired} times, {decision.decided_via} once")
    in_time = question.due_at is not None and made.at < question.due_at
    tally.expect(in_time != by_policy, f"{where}: {decision.decided_via} decided at {made.at}, due {question.due_at}")
    votes = list(question.votes.values_list("reviewer_id", flat=True))
    tally.expect(votes == ([] if by_policy else [person.id]), f"{where}: votes of {votes}")
    return "policy" if by_policy else "reviewer"


def _is_refusal(answer: object, outcome: Verdict) -> bool:
    """In words that say who decided, or that time is over."""
    if not isinstance(answer, httpx.Response) or answer.status_code != 409:
        return False
    told = answer.json()
    names_policy = told["error"] == "already_decided" and told["verdict"] == outcome and told["winner"]
    return bool(names_policy) or told["error"] == "limit_passed"


PROMISE = "A time limit and a person never both decide: exactly one outcome, by the database's clock"
APPROVING = "The same where the policy approves at the limit"
CAMPAIGNS = (
    Campaign("limit_races", PROMISE, full=1_000, short=20, run=functools.partial(run, at_limit=AtLimit.REJECT)),
    Campaign("limit_approvals", APPROVING, full=1_000, short=15, run=functools.partial(run, at_limit=AtLimit.APPROVE)),
)
