"""A reviewer's permission is taken away, and their verdict is on its way: after the removal it is never accepted."""

import random
from collections import Counter
from datetime import datetime

import httpx
from django.contrib.auth.models import Group, User
from django.db import connection, transaction

from approvals.models import Decision, Interrupt, Verdict
from tests.faults.decision_races import fields_of, in_short
from tests.faults.desk import Desk, in_flight, open_desk
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site
from tests.test_races import together

# Of the trials, how many post at the same moment instead of after the removal.
AT_ONCE = 0.5


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally(trials=trials)
    came_of: Counter[str] = Counter()
    with open_desk(site, "revoke_races") as desk:
        desk.sign_everybody_in()
        # Each at a time of their own: what is taken away is theirs alone.
        for lane, person in enumerate(desk.reviewers):

            def race(trial: int, rng: random.Random, person: User = person, lane: int = lane) -> None:
                came_of[_race(tally, desk, person, trial * len(desk.reviewers) + lane, rng)] += 1

            in_flight(len(range(lane, trials, len(desk.reviewers))), rng, race, at_once=1)
    tally.note = f"{came_of['after']} after the removal, {came_of['before']} accepted just before it"
    return tally


def _race(tally: Tally, desk: Desk, person: User, trial: int, rng: random.Random) -> str:
    """ "after" when it was refused, "before" when it was decided first."""
    question = desk.asked(amount=trial)
    where = f"race {trial}, question {question.id}"
    path, fields = f"/interrupts/{question.id}/decision/", fields_of(question, Verdict.APPROVE, rng)
    client, by_group = desk.client(person), rng.random() < 0.5
    try:
        if rng.random() < AT_ONCE:
            removed_at, answer = together(lambda: _remove(person, by_group), lambda: client.post(path, data=fields))
        else:
            removed_at, answer = _remove(person, by_group), client.post(path, data=fields)
            tally.expect(_refused(answer), f"{where}: after the removal it was answered {in_short(answer)}")
    finally:
        _give_back(person)
    decision = Decision.objects.filter(interrupt=question).first()
    if not isinstance(answer, httpx.Response) or not isinstance(removed_at, datetime):
        tally.expect(False, f"{where}: {answer!r}, {removed_at!r}")
        return "after"
    _judge(tally, where, question, answer, decision, removed_at)
    return "before" if decision else "after"


def _judge(
    tally: Tally,
    where: str,
    question: Interrupt,
    answer: httpx.Response,
    decision: Decision | None,
    removed_at: datetime,
) -> None:
    tally.expect(answer.is_success == (decision is not None), f"{where}: told {in_short(answer)}, and {decision}")
    if decision is not None:
        late = decision.decided_at > removed_at
        tally.expect(not late, f"{where}: decided at {decision.decided_at}, removed by {removed_at}")
    else:
        tally.expect(not question.votes.exists(), f"{where}: a vote was kept of who may not vote")


def _refused(answer: httpx.Response) -> bool:
    """By the function that decides, by the page that no longer shows the thread, or by the sign-in page."""
    return answer.status_code in {302, 403, 404}


def _remove(person: User, by_group: bool) -> datetime:
    """The moment, by the database's clock, after which nothing may be accepted: when the removal had committed."""
    try:
        with transaction.atomic():
            if by_group:
                Group.objects.get(name="reviewers").user_set.remove(person)
            else:
                User.objects.filter(id=person.id).update(is_active=False)
        with connection.cursor() as cursor:
            cursor.execute("SELECT clock_timestamp()")
            found: datetime = cursor.fetchone()[0]
        return found
    finally:
        connection.close()


def _give_back(person: User) -> None:
    Group.objects.get(name="reviewers").user_set.add(person)
    User.objects.filter(id=person.id).update(is_active=True)


PROMISE = "Who was removed or disabled decides nothing any more, not even with a form that is already on its way"
CAMPAIGNS = (Campaign("revoke_races", PROMISE, full=1_000, short=16, run=run),)
