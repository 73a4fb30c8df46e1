"""The connection breaks around a COMMIT, so nobody knows whether it was done; the client sends the same form again."""

import random
import time
import uuid
from collections import Counter
from contextlib import closing
from dataclasses import dataclass

import httpx

from approvals.models import Decision, IdempotencyKey, Interrupt, Run, Thread, Verdict
from tests.faults.decision_races import fields_of, in_short
from tests.faults.desk import Desk, in_flight, open_desk
from tests.faults.proxy import CutAt, Proxy
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site

PATIENCE = 20
# Amounts that no other campaign asks for, so that threads can be counted by them.
FIRST_AMOUNT = 5_000_000


@dataclass(frozen=True)
class Form:
    """What one client sends, as often as need be."""

    client: httpx.Client
    path: str
    fields: dict[str, str]

    def send(self) -> httpx.Response | None:
        """None: the connection to the web process broke."""
        try:
            return self.client.post(self.path, data=self.fields)
        except httpx.TransportError:
            return None


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally(trials=trials)
    cuts: Counter[CutAt] = Counter()
    with closing(Proxy(site.database.url)) as proxy, open_desk(site, "unknown_commits") as desk:
        desk.stack.start_web(DATABASE_URL=proxy.url)
        desk.sign_everybody_in()

        def cut(trial: int, rng: random.Random) -> None:
            at = rng.choice(list(CutAt))
            cuts[at] += 1
            submits = trial % 2 == 0
            where = f"trial {trial}, {'submit' if submits else 'decide'} cut {at}"
            question = None if submits else desk.asked(amount=trial)
            form = _decision(desk, question, rng) if question else _request(desk, FIRST_AMOUNT + trial, rng)
            proxy.cut_commit(form.fields["key"].encode(), at)
            _send_untilin_short(tally, where, form)
            if question is not None:
                _judge_decision(tally, where, question, form)
            else:
                _judge_request(tally, where, FIRST_AMOUNT + trial, form)

        in_flight(trials, rng, cut)
    tally.note = ", ".join(f"{count:,} {at}" for at, count in sorted(cuts.items()))
    return tally


def _request(desk: Desk, amount: int, rng: random.Random) -> Form:
    return Form(desk.client(desk.rita), "/new/pays/", {"amount": str(amount), "key": _key(rng)})


def _decision(desk: Desk, question: Interrupt, rng: random.Random) -> Form:
    fields = fields_of(question, rng.choice([Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT]), rng)
    return Form(desk.client(rng.choice(desk.reviewers)), f"/interrupts/{question.id}/decision/", fields)


def _key(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128)))


def _send_untilin_short(tally: Tally, where: str, form: Form) -> None:
    """The cut sending must not claim success; then it is sent until there is an answer, and once more."""
    cut = form.send()
    tally.expect(cut is None or cut.status_code >= 500, f"{where}: the cut sending was answered {in_short(cut)}")
    begun = time.monotonic()
    answer = form.send()
    while _is_failure(answer) and time.monotonic() - begun < PATIENCE:
        time.sleep(0.05)
        answer = form.send()
    tally.recovered(time.monotonic() - begun)
    again = form.send()
    tally.expect(answer is not None and answer.status_code in (200, 303), f"{where}: retried, {in_short(answer)}")
    told = [in_short(answer), in_short(again)]
    tally.expect(told[0] == told[1], f"{where}: {told[0]}, and the next time {told[1]}")


def _is_failure(answer: httpx.Response | None) -> bool:
    return answer is None or answer.status_code >= 500


def _judge_request(tally: Tally, where: str, amount: int, form: Form) -> None:
    found = list(Thread.objects.filter(chain="pays", input__amount=amount))
    runs = Run.objects.filter(thread__in=found).count()
    tally.expect((len(found), runs) == (1, 1), f"{where}: {len(found)} threads and {runs} runs")
    results = list(IdempotencyKey.objects.filter(key=form.fields["key"]).values_list("result", flat=True))
    tally.expect(results == [str(thread.id) for thread in found], f"{where}: the key led to {results}")


def _judge_decision(tally: Tally, where: str, question: Interrupt, form: Form) -> None:
    verdicts = list(Decision.objects.filter(interrupt=question).values_list("verdict", flat=True))
    tally.expect(verdicts == [form.fields["verdict"]], f"{where}: decided {verdicts}")
    counted = (question.votes.count(), Run.objects.live().filter(thread=question.thread_id).count())
    tally.expect(counted == (1, 1), f"{where}: {counted[0]} votes and {counted[1]} runs")


PROMISE = "A form whose COMMIT nobody knows the outcome of can be sent again: it acts once and is answered the same"
CAMPAIGNS = (Campaign("unknown_commits", PROMISE, full=1_000, short=40, run=run),)
