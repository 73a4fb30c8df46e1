"""Four reviewers post their verdicts on one question at the same moment; some of them press twice."""

import random
import uuid
from dataclasses import dataclass

import httpx

from approvals.models import Decision, Interrupt, Run, RunKind, Verdict
from tests.faults.desk import Desk, in_flight, open_desk
from tests.faults.report import Campaign, Tally
from tests.faults.site import Site
from tests.test_http_race import form
from tests.test_races import together

PRESSES_TWICE = 0.3


@dataclass(frozen=True)
class Press:
    """One click: whose, and what the form says."""

    person_id: int
    name: str
    client: httpx.Client
    fields: dict[str, str]

    @property
    def wanted(self) -> str:
        return self.fields["verdict"]


def run(trials: int, rng: random.Random, site: Site) -> Tally:
    tally = Tally(trials=trials)
    with open_desk(site, "decision_races") as desk:
        desk.sign_everybody_in()

        def race(trial: int, rng: random.Random) -> None:
            question = desk.asked(amount=trial)
            presses = _presses(desk, question, rng)
            path = f"/interrupts/{question.id}/decision/"
            answers = together(*(lambda press=press: press.client.post(path, data=press.fields) for press in presses))
            judge(tally, f"race {trial}, question {question.id}", question, list(zip(presses, answers, strict=True)))

        in_flight(trials, rng, race)
    return tally


def _presses(desk: Desk, question: Interrupt, rng: random.Random) -> list[Press]:
    presses = []
    for person in desk.reviewers:
        fields = fields_of(question, rng.choice([Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT]), rng)
        press = Press(person.id, person.username, desk.client(person), fields)
        presses += [press, press] if rng.random() < PRESSES_TWICE else [press]
    rng.shuffle(presses)
    return presses


def fields_of(question: Interrupt, verdict: Verdict, rng: random.Random) -> dict[str, str]:
    fields = {**form(question), "verdict": verdict.value, "key": str(uuid.UUID(int=rng.getrandbits(128)))}
    if verdict == Verdict.EDIT:
        fields |= {"edit": "1", "arguments.amount": str(1_000_000 + rng.randrange(1_000_000))}
    return fields | ({"note": "Not like this."} if verdict == Verdict.REJECT else {})


def judge(tally: Tally, where: str, question: Interrupt, pressed: list[tuple[Press, object]]) -> None:
    """One decision, whose maker alone was told of success; everybody else reads who was first, with what, and when."""
    decisions = list(Decision.objects.filter(interrupt=question))
    tally.expect(len(decisions) == 1, f"{where}: {len(decisions)} decisions")
    if len(decisions) != 1:
        return
    decision = decisions[0]
    for press, answer in pressed:
        won = press.person_id == decision.decided_by_id
        right = _is_success(answer, press) if won else _names_winner(answer, decision)
        role = "won" if won else "lost"
        tally.expect(right, f"{where}: {press.name}, who {role}, was told {in_short(answer)}")
    ours = [press for press, _ in pressed if press.person_id == decision.decided_by_id]
    tally.expect({press.wanted for press in ours} == {decision.verdict}, f"{where}: decided {decision.verdict}")
    amount = next((press.fields["arguments.amount"] for press in ours if press.wanted == Verdict.EDIT), None)
    kept = amount is None or decision.answer["arguments"] == {"amount": int(amount)}
    tally.expect(kept, f"{where}: {decision.answer} is not what the winner typed")
    votes = question.votes.count()
    runs = Run.objects.filter(thread=question.thread_id, kind=RunKind.RESUME).count()
    tally.expect((votes, runs) == (1, 1), f"{where}: {votes} votes and {runs} runs")


def in_short(answer: object) -> str:
    """What a client was told, on one line."""
    if not isinstance(answer, httpx.Response):
        return repr(answer)
    return f"{answer.status_code} {answer.headers.get('Location', '')} {' '.join(answer.text.split())[:200]}".strip()


def _is_success(answer: object, press: Press) -> bool:
    return isinstance(answer, httpx.Response) and answer.is_success and answer.json()["verdict"] == press.wanted


def _names_winner(answer: object, decision: Decision) -> bool:
    if not isinstance(answer, httpx.Response) or answer.status_code != 409:
        return False
    told = answer.json()
    named = (told["error"], told.get("winner"), told.get("verdict"), told.get("at"))
    return named == ("already_decided", decision.decided_by_name, decision.verdict, decision.decided_at.isoformat())


PROMISE = "Of several people who decide at once, exactly one wins, and all others are told who did, what and when"
CAMPAIGNS = (Campaign("decision_races", PROMISE, full=1_000, short=40, run=run),)
